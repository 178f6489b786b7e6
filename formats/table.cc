#include "formats/table.h"

#include <algorithm>

#include "core/limits/data.h"
#include "formats/codec.h"
#include "formats/csv.h"
#include "formats/json_rows.h"
#include "formats/npy.h"

namespace sallyport::formats {
namespace {

constexpr double kByteMax = 255;

Result<void> check_roles(const Dataset& data) {
  for (const std::string_view role : data.roles.all()) {
    if (role.empty() || data.find(role) != nullptr) continue;
    return fail(ErrorKind::kNotFound, "no column '" + std::string(role) + "'",
                "check the spelling against the header");
  }
  return {};
}

Result<Dataset> read_plain(BytesView bytes, const std::string& name, const Roles& roles) {
  Dataset out;
  if (is_parquet(bytes)) {
    return fail(ErrorKind::kUnsupported, "Parquet is read by sallyport-duckdb alone");
  }
  if (is_idx(bytes)) {
    out = TRY(table_of(TRY(read_idx(bytes)), name));
  } else if (is_npy(bytes)) {
    out = TRY(table_of(TRY(read_npy(bytes)), name));
  } else if (looks_like_json_rows(as_text(bytes))) {
    out = TRY(read_json_rows(as_text(bytes)));
  } else {
    return csv::parse(as_text(bytes), {.name = {}, .roles = roles});
  }
  out.name = name;
  out.roles = roles;
  TRY(check_roles(out));
  return out;
}

}  // namespace

bool is_parquet(BytesView bytes) {
  const std::string_view text = as_text(bytes);
  return text.size() >= 12 && text.starts_with("PAR1") && text.ends_with("PAR1");
}

Result<Bytes> unpacked(BytesView bytes) {
  Bytes out(bytes.begin(), bytes.end());
  for (int depth = 0; depth < limits::kArchiveDepthMax; ++depth) {
    const std::optional<Codec> codec = codec_of(out);
    if (!codec) return out;
    Inflated inner = unpack(*codec, out, limits::kTableUnpackedBytesMax);
    if (inner.over_budget) {
      return fail(ErrorKind::kLimit,
                  std::string(name_of(*codec)) + ": unpacks to more than kTableUnpackedBytesMax");
    }
    if (inner.error) return std::unexpected(*inner.error);
    if (inner.consumed != out.size()) {
      return invalid(std::string(name_of(*codec)) + ": bytes follow the stream at byte " +
                     std::to_string(inner.consumed));
    }
    out = std::move(inner.bytes);
  }
  return fail(ErrorKind::kLimit, "compressed more than kArchiveDepthMax times over");
}

Result<Dataset> table_of(const Array& array, const std::string& name) {
  Dataset out;
  out.name = name;
  const std::size_t rows = array.shape.empty() ? 1 : static_cast<std::size_t>(array.shape.front());
  const std::size_t columns = rows == 0 ? 0 : array.size() / rows;
  if (columns > limits::kCsvColumnsMax) {
    return fail(ErrorKind::kLimit, "array: more than kCsvColumnsMax numbers a row");
  }
  for (std::size_t j = 0; j < columns; ++j) {
    Column column{.name = columns == 1 ? std::string("value") : "c" + std::to_string(j)};
    column.numbers.reserve(rows);
    for (std::size_t i = 0; i < rows; ++i) column.numbers.push_back(array.at(i * columns + j));
    out.columns.push_back(std::move(column));
  }
  if (array.shape.size() == 3 || (array.shape.size() == 4 && array.shape[3] == 1)) {
    double largest = array.item == Array::Item::kU8 ? kByteMax : 0;
    for (std::size_t i = 0; largest == 0 && i < array.size(); ++i) largest = std::max(largest, array.at(i));
    out.image = {.height = static_cast<int>(array.shape[1]),
                 .width = static_cast<int>(array.shape[2]),
                 .max_value = largest};
  }
  return out;
}

Result<Dataset> read_table(BytesView bytes, const std::string& name, const Roles& roles) {
  Result<Dataset> out;
  if (codec_of(bytes)) {
    const Result<Bytes> plain = unpacked(bytes);
    if (!plain) return within(name, plain.error());
    out = read_plain(*plain, name, roles);
  } else {
    out = read_plain(bytes, name, roles);
  }
  if (!out) return within(name, out.error());
  out->name = name;
  return out;
}

}  // namespace sallyport::formats
