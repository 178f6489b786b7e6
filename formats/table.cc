#include "formats/table.h"

#include <algorithm>
#include <optional>

#include "core/limits/data.h"
#include "formats/codec.h"
#include "formats/csv.h"
#include "formats/json_rows.h"
#include "formats/npy.h"
#include "formats/zip.h"

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

// The member without its compression; Error when it is not what its headers announce.
Result<Bytes> member_bytes(const zip::Member& member) {
  if (member.method == zip::kStored) return Bytes(member.data.begin(), member.data.end());
  if (member.method != zip::kDeflated)
    return fail(ErrorKind::kUnsupported, "packed by method " + std::to_string(member.method));
  Inflated plain = inflate(member.data, Wrapper::kNone, limits::kTableUnpackedBytesMax);
  if (plain.over_budget) return fail(ErrorKind::kLimit, "unpacks to more than kTableUnpackedBytesMax");
  if (plain.error) return std::unexpected(*plain.error);
  return std::move(plain.bytes);
}

// NumPy's .npz: the largest array is the table, and arrays of one number a row are further columns.
Result<Dataset> read_npz(BytesView bytes) {
  const zip::Archive archive = TRY(zip::parse(bytes));
  if (!archive.has_end) return invalid("npz: the archive is cut short");
  std::vector<Dataset> tables;
  std::size_t largest = 0;
  std::size_t total = 0;
  for (const zip::Member& member : archive.members) {
    if (!member.name.ends_with(".npy")) return invalid("npz: " + member.name + " is no .npy array");
    if (member.overlaps) return invalid("npz: " + member.name + " overlaps another member");
    const Result<Bytes> plain = member_bytes(member);
    if (!plain) return within("npz: " + member.name, plain.error());
    total += plain->size();
    if (total > limits::kTableUnpackedBytesMax)
      return fail(ErrorKind::kLimit, "npz: unpacks to more than kTableUnpackedBytesMax");
    const Result<Array> array = read_npy(*plain);
    if (!array) return within("npz: " + member.name, array.error());
    tables.push_back(TRY(table_of(*array, member.name.substr(0, member.name.size() - 4))));
    if (tables.back().columns.size() > tables[largest].columns.size()) largest = tables.size() - 1;
  }
  if (tables.empty()) return invalid("npz: no array");
  Dataset out = tables[largest];
  if (out.columns.size() == 1) out.columns.front().name = out.name;
  for (std::size_t i = 0; i < tables.size(); ++i) {
    if (i == largest) continue;
    if (tables[i].columns.size() != 1 || tables[i].rows() != out.rows()) {
      return invalid("npz: " + tables[i].name + " has " + std::to_string(tables[i].rows()) + " rows of " +
                         std::to_string(tables[i].columns.size()) + ", and " + out.name + " has " +
                         std::to_string(out.rows()),
                     "one array a file, or one with others of one number a row");
    }
    tables[i].columns.front().name = tables[i].name;
    if (out.find(tables[i].name) != nullptr) return invalid("npz: " + tables[i].name + " is there twice");
    out.columns.push_back(std::move(tables[i].columns.front()));
  }
  return out;
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
  } else if (zip::is_zip(bytes)) {
    out = TRY(read_npz(bytes));
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

namespace {

// Pictures among the arrays: (n, height, width), with channels behind or in front of the two sides.
struct Pictures {
  std::size_t height = 0;
  std::size_t width = 0;
  std::size_t channels = 0;
  bool channels_first = false;
};
std::optional<Pictures> pictures_of(const Array& array) {
  const auto few = [](std::uint64_t side) { return side == 1 || side == 3 || side == 4; };
  const auto side = [&](std::size_t i) { return static_cast<std::size_t>(array.shape[i]); };
  if (array.shape.size() == 3) return Pictures{side(1), side(2), 1, false};
  if (array.shape.size() != 4) return std::nullopt;
  if (few(array.shape[3])) return Pictures{side(1), side(2), side(3), false};
  if (few(array.shape[1])) return Pictures{side(2), side(3), side(1), true};
  return std::nullopt;
}

}  // namespace

Result<Dataset> table_of(const Array& array, const std::string& name) {
  Dataset out;
  out.name = name;
  const std::size_t rows = array.shape.empty() ? 1 : static_cast<std::size_t>(array.shape.front());
  const std::size_t columns = rows == 0 ? 0 : array.size() / rows;
  if (columns > limits::kCsvColumnsMax) {
    return fail(ErrorKind::kLimit, "array: more than kCsvColumnsMax numbers a row");
  }
  const std::optional<Pictures> pictures = pictures_of(array);
  const std::size_t pixels = pictures ? pictures->height * pictures->width : 0;
  for (std::size_t j = 0; j < columns; ++j) {
    Column column{.name = columns == 1 ? std::string("value") : "c" + std::to_string(j)};
    column.numbers.reserve(rows);
    const std::size_t from = pictures && pictures->channels_first
                                 ? j % pictures->channels * pixels + j / pictures->channels
                                 : j;
    for (std::size_t i = 0; i < rows; ++i) column.numbers.push_back(array.at(i * columns + from));
    out.columns.push_back(std::move(column));
  }
  if (pictures) {
    double largest = array.item == Array::Item::kU8 ? kByteMax : 0;
    for (std::size_t i = 0; array.item != Array::Item::kU8 && i < array.size(); ++i)
      largest = std::max(largest, array.at(i));
    out.image = {.height = static_cast<int>(pictures->height),
                 .width = static_cast<int>(pictures->width),
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
