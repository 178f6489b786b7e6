#include "services/data_check/source.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "core/limits/data.h"
#include "core/mapping.h"
#include "formats/table.h"
#include "learn/picture.h"
#include "services/data_check/parquet.h"
#include "services/data_check/pictures.h"
#include "services/data_check/spool.h"

namespace sallyport::services::data_check {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kUsualLabels[] = {"label", "labels", "class", "target", "y"};
constexpr std::string_view kAlsoOfQuantities[] = {"target", "y"};
constexpr std::size_t kClassesUsual = 50;     // values that may be classes however few the rows
constexpr std::size_t kClassesOfNames = 100;  // under a name that quantities have too
constexpr std::size_t kPeekBytes = std::size_t{1} << 20;
constexpr std::size_t kWhole = static_cast<std::size_t>(-1);

// Measured quantities have fractions, or nearly as many values as rows.
bool is_quantity(const Column& column) {
  if (!column.numeric) return false;
  std::set<double> values;
  for (const double value : column.numbers) {
    if (std::isnan(value)) continue;
    if (value != std::floor(value)) return true;
    values.insert(value);
  }
  const bool of_both = std::ranges::find(kAlsoOfQuantities, column.name) != std::end(kAlsoOfQuantities);
  return values.size() > kClassesUsual &&
         (4 * values.size() > column.numbers.size() || (of_both && values.size() > kClassesOfNames));
}

// One file of the table, open.
class Part {
 public:
  static Result<std::unique_ptr<Part>> open(const fs::path& path, std::size_t memory_bytes) {
    std::unique_ptr<Part> out(new Part(path, memory_bytes));
    std::error_code ignored;
    if (fs::is_directory(path, ignored)) {
      out->reader_ = TRY(open_pictures(path));
      return out;
    }
    // The user named this path, so a link there is followed once.
    const fs::path canonical = fs::canonical(path, ignored);
    const fs::path real = canonical.empty() ? path : canonical;
    out->mapping_.emplace(TRY(Mapping::open(real)));
    if (formats::is_parquet(out->mapping_->bytes())) {
      Mapping converted = TRY(convert_parquet(real, memory_bytes));
      out->mapping_.emplace(std::move(converted));
    }
    Part& part = *out;
    Result<std::unique_ptr<formats::TableReader>> reader =
        formats::open_table(part.mapping_->bytes(),
                            {.roles = {},
                             .unpack = [&part](formats::Codec codec,
                                               BytesView bytes) { return part.spool_.unpack(codec, bytes); },
                             .passed = [&part] { part.let_go(); }});
    if (!reader) return within(part.name(), reader.error());
    part.reader_ = std::move(*reader);
    return out;
  }

  std::string name() const {
    return path_.filename().empty() ? path_.parent_path().filename().string() : path_.filename().string();
  }
  const formats::TableShape& shape() const { return reader_->shape(); }
  void rewind() { reader_->rewind(); }
  // No row at the end.
  Result<Dataset> next(std::size_t bytes_max) {
    Result<Dataset> out = reader_->next(bytes_max);
    if (!out) return within(name(), out.error());
    if (out->rows() == 0 && mapping_ && !mapping_->unchanged())
      return invalid(path_.string() + ": changed while it was read");
    return out;
  }
  bool is_pictures() const { return !mapping_; }

 private:
  Part(fs::path path, std::size_t memory_bytes)
      : path_(std::move(path)), spool_(std::min(memory_bytes / 8, limits::kTableUnpackedBytesMax)) {}
  void let_go() const {
    let_go_of(*mapping_);
    spool_.let_go();
  }

  fs::path path_;
  std::optional<Mapping> mapping_;
  Spool spool_;
  std::unique_ptr<formats::TableReader> reader_;
};

// Labels that stand in a file of their own, handed out beside the rows.
class Labels {
 public:
  static Result<std::unique_ptr<Labels>> open(const std::string& path, std::size_t memory_bytes) {
    std::unique_ptr<Labels> out(new Labels);
    out->file_ = TRY(Part::open(path, memory_bytes));
    const std::vector<Column>& columns = out->file_->shape().columns;
    if (columns.empty()) return invalid(path + ": no column");
    Dataset head{.columns = columns};
    const std::string usual = usual_label(head);
    if (columns.size() > 1 && usual.empty()) {
      return invalid(path + ": labels are one column, and there are " + std::to_string(columns.size()));
    }
    out->index_ = columns.size() == 1 ? 0 : static_cast<std::size_t>(head.find(usual) - head.columns.data());
    return out;
  }

  const formats::TableShape& shape() const { return file_->shape(); }
  bool numeric() const { return shape().columns[index_].numeric; }
  void rewind() {
    file_->rewind();
    held_ = {};
    at_ = 0;
  }
  Result<Column> next(std::size_t rows, const std::string& name) {
    Column out{.name = name, .numeric = numeric()};
    while (out.size() < rows) {
      if (at_ == held_.size()) {
        Dataset more = TRY(file_->next(kPeekBytes));
        if (more.rows() == 0) return invalid(file_->name() + ": changed while it was read");
        held_ = std::move(more.columns[index_]);
        at_ = 0;
      }
      const std::size_t end = std::min(held_.size(), at_ + rows - out.size());
      for (; at_ < end; ++at_) {
        if (out.numeric) out.numbers.push_back(held_.numbers[at_]);
        if (!out.numeric) out.texts.push_back(std::move(held_.texts[at_]));
      }
    }
    return out;
  }

 private:
  Labels() = default;
  std::unique_ptr<Part> file_;
  std::size_t index_ = 0;
  Column held_ = {};
  std::size_t at_ = 0;
};

void append(Dataset& to, Dataset&& from) {
  for (std::size_t i = 0; i < to.columns.size(); ++i) {
    Column& column = to.columns[i];
    Column& more = from.columns[i];
    column.numbers.insert(column.numbers.end(), more.numbers.begin(), more.numbers.end());
    std::ranges::move(more.texts, std::back_inserter(column.texts));
  }
}

Result<void> check_same_columns(const Dataset& head, const Part& part) {
  const std::vector<Column>& there = part.shape().columns;
  const bool same = std::ranges::equal(head.columns, there, {}, &Column::name, &Column::name);
  if (!same) return invalid(part.name() + ": its columns are not those of " + head.name);
  for (std::size_t i = 0; i < there.size(); ++i) {
    const Column& here = head.columns[i];
    if (here.numeric == there[i].numeric) continue;
    return invalid(part.name() + ": column " + here.name + " holds " +
                   (there[i].numeric ? "numbers" : "text") + " here and " +
                   (here.numeric ? "numbers" : "text") + " in " + head.name);
  }
  return {};
}

}  // namespace

struct Table::State {
  std::vector<std::unique_ptr<Part>> parts = {};
  std::unique_ptr<Labels> labels = {};
  Dataset head = {};
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  bool knows_shape = false;  // of its pictures, from the file

  Result<void> set_roles(const Source& source, const Dataset& peek, std::size_t memory_bytes);
  Result<void> set_label_file(const std::string& path, std::size_t memory_bytes);
};

Result<void> Table::State::set_label_file(const std::string& path, std::size_t memory_bytes) {
  if (!system_env().exists(path)) {
    return fail(ErrorKind::kNotFound,
                "no column '" + path + "' in " + head.name + ", and no file of that name",
                "--labels takes a column of the table, or a file with one label a row");
  }
  labels = TRY(Labels::open(path, memory_bytes));
  if (labels->shape().rows != rows) {
    return invalid(path + ": " + std::to_string(labels->shape().rows) + " labels for " +
                   std::to_string(rows) + " rows");
  }
  Column column{.name = "label", .numeric = labels->numeric()};
  while (head.find(column.name) != nullptr) column.name += "_";
  head.roles.label = column.name;
  head.columns.push_back(std::move(column));
  bytes += labels->shape().bytes;
  return {};
}

// `peek` are the first rows.
Result<void> Table::State::set_roles(const Source& source, const Dataset& peek, std::size_t memory_bytes) {
  head.roles = source.roles;
  if (head.roles.id.empty() && parts.front()->is_pictures()) head.roles.id = "file";
  if (!source.labels.empty() && head.find(source.labels) != nullptr) {
    head.roles.label = source.labels;
  } else if (!source.labels.empty()) {
    TRY(set_label_file(source.labels, memory_bytes));
  } else {
    head.roles.label = usual_label(peek);
  }
  for (const std::string_view role : head.roles.all()) {
    if (role.empty() || head.find(role) != nullptr) continue;
    return fail(ErrorKind::kNotFound, head.name + ": no column '" + std::string(role) + "'",
                "check the spelling against the header");
  }
  return {};
}

std::string usual_label(const Dataset& data) {
  for (const std::string_view name : kUsualLabels) {
    const Column* column = data.find(name);
    if (column != nullptr && !is_quantity(*column)) return std::string(name);
  }
  return "";
}

Table::Table(std::unique_ptr<State> state) : state_(std::move(state)) {}
Table::Table(Table&&) noexcept = default;
Table& Table::operator=(Table&&) noexcept = default;
Table::~Table() = default;

const Dataset& Table::head() const { return state_->head; }
std::uint64_t Table::rows() const { return state_->rows; }
std::uint64_t Table::bytes() const { return state_->bytes; }

void Table::play(const Roles& roles) {
  const auto has = [&](const std::string& column) {
    return state_->head.find(column) == nullptr ? std::string() : column;
  };
  state_->head.roles = {.label = has(roles.label),
                        .id = has(roles.id),
                        .contributor = has(roles.contributor),
                        .group = has(roles.group),
                        .time = has(roles.time)};
}

Result<Table> Table::open(const Source& source, std::size_t memory_bytes) {
  if (source.paths.empty()) return invalid("no file was named");
  auto state = std::make_unique<State>();
  for (const fs::path& path : source.paths) {
    std::unique_ptr<Part> part = TRY(Part::open(path, memory_bytes));
    if (state->parts.empty()) {
      state->head = {.name = part->name(), .columns = part->shape().columns, .image = part->shape().image};
    } else {
      TRY(check_same_columns(state->head, *part));
    }
    state->rows += part->shape().rows;
    state->bytes += part->shape().bytes;
    state->parts.push_back(std::move(part));
  }
  Dataset peek = TRY(state->parts.front()->next(kPeekBytes));
  TRY(state->set_roles(source, peek, memory_bytes));
  state->knows_shape = state->head.image.height > 0;
  peek.roles = state->head.roles;
  if (!state->knows_shape) state->head.image = learn::shape_of_pictures(peek);
  return Table(std::move(state));
}

Result<void> Table::each(std::size_t part_bytes, const std::function<Result<void>(Dataset part)>& on_part) {
  State& state = *state_;
  if (state.labels) state.labels->rewind();
  std::size_t first_row = 0;
  for (const std::unique_ptr<Part>& part : state.parts) {
    part->rewind();
    std::uint64_t rows = 0;
    while (true) {
      Dataset one = TRY(part->next(part_bytes));
      if (one.rows() == 0) break;
      rows += one.rows();
      one.name = state.head.name;
      one.first_row = first_row;
      one.roles = state.head.roles;
      one.image = state.head.image;
      first_row += one.rows();
      if (state.labels) one.columns.push_back(TRY(state.labels->next(one.rows(), state.head.roles.label)));
      TRY(on_part(std::move(one)));
    }
    if (rows != part->shape().rows && !state.head.columns.empty())
      return invalid(part->name() + ": changed while it was read");
  }
  return {};
}

Result<Dataset> Table::whole() {
  Dataset out = state_->head;
  bool empty = true;
  TRY(each(kWhole, [&](Dataset part) -> Result<void> {
    if (empty) {
      out = std::move(part);
    } else {
      append(out, std::move(part));
    }
    empty = false;
    return {};
  }));
  if (!state_->knows_shape) out.image = learn::shape_of_pictures(out);
  return out;
}

Result<Dataset> load(const Source& source) { return TRY(Table::open(source, kWhole)).whole(); }

Result<Dataset> load_file(const fs::path& path) {
  Dataset out = TRY(load({.paths = {path}}));
  if (!fs::is_directory(path)) out.roles = {};
  return out;
}

}  // namespace sallyport::services::data_check
