#include "formats/table.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <span>

#include "core/limits/data.h"
#include "formats/codec.h"
#include "formats/csv_table.h"
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

// One array as the columns of a table.
class ArrayColumns {
 public:
  static Result<ArrayColumns> of(const Array& array, const Passed& passed) {
    ArrayColumns out(array);
    if (out.columns_ > limits::kCsvColumnsMax)
      return fail(ErrorKind::kLimit, "array: more than kCsvColumnsMax numbers a row");
    if (!out.pictures_) return out;
    out.image_ = {.height = static_cast<int>(out.pictures_->height),
                  .width = static_cast<int>(out.pictures_->width),
                  .max_value = array.item == Array::Item::kU8 ? kByteMax : 0};
    std::size_t last = 0;
    for (std::size_t i = 0; array.item != Array::Item::kU8 && i < array.size(); ++i) {
      out.image_.max_value = std::max(out.image_.max_value, array.at(i));
      if (i - last < kPassedEveryBytes / kNumberBytes) continue;
      last = i;
      if (passed) passed();
    }
    return out;
  }

  std::size_t rows() const { return rows_; }
  std::size_t columns() const { return columns_; }
  const ImageShape& image() const { return image_; }
  std::vector<Column> names(const std::string& alone) const {
    std::vector<Column> out(columns_);
    for (std::size_t j = 0; j < columns_; ++j) out[j].name = columns_ == 1 ? alone : "c" + std::to_string(j);
    return out;
  }
  // The rows [begin, end) into the columns from `to` on.
  void add(std::size_t begin, std::size_t end, std::span<Column> to) const {
    const std::size_t pixels = pictures_ ? pictures_->height * pictures_->width : 0;
    for (std::size_t j = 0; j < columns_; ++j) {
      std::vector<double>& numbers = to[j].numbers;
      numbers.reserve(end - begin);
      const std::size_t from = pictures_ && pictures_->channels_first
                                   ? j % pictures_->channels * pixels + j / pictures_->channels
                                   : j;
      for (std::size_t i = begin; i < end; ++i) numbers.push_back(array_.at(i * columns_ + from));
    }
  }

 private:
  explicit ArrayColumns(const Array& array)
      : array_(array),
        rows_(array.shape.empty() ? 1 : static_cast<std::size_t>(array.shape.front())),
        columns_(rows_ == 0 ? 0 : array.size() / rows_),
        pictures_(pictures_of(array)) {}

  Array array_;
  std::size_t rows_;
  std::size_t columns_;
  std::optional<Pictures> pictures_;
  ImageShape image_ = {};
};

// Arrays of as many rows, side by side: the widest is the table, the others are one column each.
class ArrayReader : public TableReader {
 public:
  ArrayReader(ArrayColumns table, std::string alone, const Passed& passed) : passed_(passed) {
    shape_.image = table.image();
    shape_.rows = table.rows();
    add(std::move(table), alone);
  }
  void add(ArrayColumns columns, const std::string& alone) {
    for (Column& column : columns.names(alone)) shape_.columns.push_back(std::move(column));
    shape_.bytes += columns.rows() * columns.columns() * kNumberBytes;
    arrays_.push_back(std::move(columns));
  }

  const TableShape& shape() const override { return shape_; }
  void rewind() override { at_ = 0; }
  Result<Dataset> next(std::size_t bytes_max) override {
    const std::size_t row_bytes = std::max<std::size_t>(1, shape_.columns.size() * kNumberBytes);
    const std::size_t all = static_cast<std::size_t>(shape_.rows);
    const std::size_t end = at_ + std::min(all - at_, std::max<std::size_t>(1, bytes_max / row_bytes));
    Dataset out{.first_row = at_, .columns = shape_.columns, .image = shape_.image};
    std::size_t to = 0;
    for (const ArrayColumns& array : arrays_) {
      array.add(at_, end, std::span(out.columns).subspan(to, array.columns()));
      if (passed_) passed_();
      to += array.columns();
    }
    at_ = end;
    return out;
  }

 private:
  Passed passed_;
  TableShape shape_;
  std::vector<ArrayColumns> arrays_;
  std::size_t at_ = 0;
};

Result<std::unique_ptr<TableReader>> open_array(const Array& array, const Passed& passed) {
  return std::unique_ptr<TableReader>(new ArrayReader(TRY(ArrayColumns::of(array, passed)), "value", passed));
}

// The member without its compression; Error when it is not what its headers announce.
Result<BytesView> member_bytes(const zip::Member& member, const Unpack& unpack_stream) {
  if (member.method == zip::kStored) return member.data;
  if (member.method != zip::kDeflated)
    return fail(ErrorKind::kUnsupported, "packed by method " + std::to_string(member.method));
  return unpack_stream(Codec::kDeflate, member.data);
}

// NumPy's .npz: the widest array is the table, and arrays of one number a row are further columns.
Result<std::unique_ptr<TableReader>> open_npz(BytesView bytes, const OpenOptions& options) {
  const zip::Archive archive = TRY(zip::parse(bytes));
  if (!archive.has_end) return invalid("npz: the archive is cut short");
  std::vector<std::pair<std::string, ArrayColumns>> arrays;
  std::size_t widest = 0;
  for (const zip::Member& member : archive.members) {
    if (!member.name.ends_with(".npy")) return invalid("npz: " + member.name + " is no .npy array");
    if (member.overlaps) return invalid("npz: " + member.name + " overlaps another member");
    const Result<BytesView> plain = member_bytes(member, options.unpack);
    if (!plain) return within("npz: " + member.name, plain.error());
    const Result<Array> array = read_npy(*plain);
    if (!array) return within("npz: " + member.name, array.error());
    arrays.emplace_back(member.name.substr(0, member.name.size() - 4),
                        TRY(ArrayColumns::of(*array, options.passed)));
    if (arrays.back().second.columns() > arrays[widest].second.columns()) widest = arrays.size() - 1;
  }
  if (arrays.empty()) return invalid("npz: no array");
  const auto& [name, table] = arrays[widest];
  auto out = std::make_unique<ArrayReader>(table, name, options.passed);
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    const auto& [other, columns] = arrays[i];
    if (i == widest) continue;
    if (columns.columns() != 1 || columns.rows() != table.rows()) {
      return invalid("npz: " + other + " has " + std::to_string(columns.rows()) + " rows of " +
                         std::to_string(columns.columns()) + ", and " + name + " has " +
                         std::to_string(table.rows()),
                     "one array a file, or one with others of one number a row");
    }
    const auto same = [&](const Column& column) { return column.name == other; };
    if (std::ranges::any_of(out->shape().columns, same)) return invalid("npz: " + other + " is there twice");
    out->add(columns, other);
  }
  return std::unique_ptr<TableReader>(std::move(out));
}

Result<std::unique_ptr<TableReader>> open_plain(BytesView bytes, const OpenOptions& options) {
  if (is_parquet(bytes)) {
    return fail(ErrorKind::kUnsupported, "Parquet is read by sallyport-duckdb alone");
  }
  const Passed& passed = options.passed;
  if (is_idx(bytes)) return open_array(TRY(read_idx(bytes)), passed);
  if (is_npy(bytes)) return open_array(TRY(read_npy(bytes)), passed);
  if (zip::is_zip(bytes)) return open_npz(bytes, options);
  if (looks_like_json_rows(as_text(bytes))) return open_json_rows(as_text(bytes), passed);
  return csv::open(as_text(bytes), {.name = {}, .roles = options.roles}, passed);
}

// Unpacks into memory.
class Held {
 public:
  Result<BytesView> unpack(Codec codec, BytesView bytes) {
    Inflated inner = formats::unpack(codec, bytes, limits::kTableUnpackedBytesMax);
    if (inner.over_budget) {
      return fail(ErrorKind::kLimit,
                  std::string(name_of(codec)) + ": unpacks to more than kTableUnpackedBytesMax");
    }
    TRY(whole_stream(codec, inner, bytes));
    return held_.emplace_back(std::move(inner.bytes));
  }

 private:
  std::deque<Bytes> held_;
};

}  // namespace

bool is_parquet(BytesView bytes) {
  const std::string_view text = as_text(bytes);
  return text.size() >= 12 && text.starts_with("PAR1") && text.ends_with("PAR1");
}

Result<void> whole_stream(Codec codec, const Inflated& inner, BytesView packed) {
  if (inner.error) return std::unexpected(*inner.error);
  // Behind a member of an archive stands its descriptor.
  if (codec == Codec::kDeflate || inner.consumed == packed.size()) return {};
  return invalid(std::string(name_of(codec)) + ": bytes follow the stream at byte " +
                 std::to_string(inner.consumed));
}

Result<std::unique_ptr<TableReader>> open_table(BytesView bytes, const OpenOptions& options) {
  int depth = 0;
  for (std::optional<Codec> codec = codec_of(bytes); codec; codec = codec_of(bytes)) {
    if (depth++ == limits::kArchiveDepthMax)
      return fail(ErrorKind::kLimit, "compressed more than kArchiveDepthMax times over");
    bytes = TRY(options.unpack(*codec, bytes));
  }
  std::unique_ptr<TableReader> out = TRY(open_plain(bytes, options));
  Dataset empty{.columns = out->shape().columns, .roles = options.roles};
  TRY(check_roles(empty));
  return out;
}

Result<Dataset> table_of(const Array& array, const std::string& name) {
  Dataset out = TRY(TRY(open_array(array, {}))->next(kAllRows));
  out.name = name;
  return out;
}

Result<Dataset> read_table(BytesView bytes, const std::string& name, const Roles& roles) {
  Held held;
  const Unpack unpack_stream = [&](Codec codec, BytesView packed) { return held.unpack(codec, packed); };
  const auto reader = open_table(bytes, {.roles = roles, .unpack = unpack_stream, .passed = {}});
  if (!reader) return within(name, reader.error());
  const TableShape& shape = (*reader)->shape();
  if (!shape.columns.empty() && shape.rows > limits::kTableCellsMax / shape.columns.size())
    return within(name, Error{ErrorKind::kLimit, "more than kTableCellsMax cells"});
  Result<Dataset> out = (*reader)->next(kAllRows);
  if (!out) return within(name, out.error());
  out->name = name;
  out->roles = roles;
  return out;
}

}  // namespace sallyport::formats
