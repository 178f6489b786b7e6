#include "services/data_check/source.h"

#include <algorithm>

#include "core/mapping.h"
#include "formats/table.h"
#include "learn/picture.h"
#include "services/data_check/parquet.h"
#include "services/data_check/pictures.h"

namespace sallyport::services::data_check {
namespace {

constexpr std::string_view kUsualLabels[] = {"label", "labels", "class", "target", "y"};

Result<void> stack(Dataset& to, Dataset from) {
  const bool same = std::equal(to.columns.begin(), to.columns.end(), from.columns.begin(), from.columns.end(),
                               [](const Column& a, const Column& b) { return a.name == b.name; });
  if (!same) return invalid(from.name + ": its columns are not those of " + to.name);
  for (std::size_t i = 0; i < to.columns.size(); ++i) {
    Column& column = to.columns[i];
    Column& more = from.columns[i];
    if (column.numeric != more.numeric) {
      return invalid(from.name + ": column " + column.name + " holds " + (more.numeric ? "numbers" : "text") +
                     " here and " + (column.numeric ? "numbers" : "text") + " in " + to.name);
    }
    column.numbers.insert(column.numbers.end(), more.numbers.begin(), more.numbers.end());
    column.texts.insert(column.texts.end(), more.texts.begin(), more.texts.end());
  }
  return {};
}

// The file's only column, or the one that is called as labels usually are.
Result<Column> label_column(const fs::path& path) {
  Dataset data = TRY(load_file(path));
  if (data.columns.empty()) return invalid(path.string() + ": no column");
  const std::string usual = usual_label(data);
  if (data.columns.size() > 1 && usual.empty()) {
    return invalid(path.string() + ": labels are one column, and there are " +
                   std::to_string(data.columns.size()));
  }
  Column out = data.columns.size() == 1 ? std::move(data.columns.front()) : *data.find(usual);
  out.name = "label";
  return out;
}

Result<void> set_labels(Dataset& data, const std::string& labels) {
  if (labels.empty()) {
    data.roles.label = usual_label(data);
    return {};
  }
  if (data.find(labels) != nullptr) {
    data.roles.label = labels;
    return {};
  }
  if (!system_env().exists(labels)) {
    return fail(ErrorKind::kNotFound,
                "no column '" + labels + "' in " + data.name + ", and no file of that name",
                "--labels takes a column of the table, or a file with one label a row");
  }
  Column column = TRY(label_column(labels));
  if (column.size() != data.rows()) {
    return invalid(labels + ": " + std::to_string(column.size()) + " labels for " +
                   std::to_string(data.rows()) + " rows");
  }
  while (data.find(column.name) != nullptr) column.name += "_";
  data.roles.label = column.name;
  data.columns.push_back(std::move(column));
  return {};
}

}  // namespace

std::string usual_label(const Dataset& data) {
  for (const std::string_view name : kUsualLabels) {
    if (data.find(name) != nullptr) return std::string(name);
  }
  return "";
}

Result<Dataset> load_file(const fs::path& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return load_pictures(path);
  // The user named this path, so a link there is followed once.
  const fs::path real = fs::canonical(path, ignored);
  const Mapping mapping = TRY(Mapping::open(real.empty() ? path : real));
  if (formats::is_parquet(mapping.bytes())) return load_parquet(real.empty() ? path : real);
  Dataset out = TRY(formats::read_table(mapping.bytes(), path.filename().string()));
  if (!mapping.unchanged()) return invalid(path.string() + ": changed while it was read");
  return out;
}

Result<Dataset> load(const Source& source) {
  if (source.paths.empty()) return invalid("no file was named");
  Dataset out = TRY(load_file(source.paths.front()));
  for (std::size_t i = 1; i < source.paths.size(); ++i) TRY(stack(out, TRY(load_file(source.paths[i]))));
  const std::string id = out.roles.id;
  out.roles = source.roles;
  if (out.roles.id.empty()) out.roles.id = id;
  TRY(set_labels(out, source.labels));
  for (const std::string_view role : out.roles.all()) {
    if (!role.empty() && out.find(role) == nullptr) {
      return fail(ErrorKind::kNotFound, out.name + ": no column '" + std::string(role) + "'",
                  "check the spelling against the header");
    }
  }
  if (out.image.height == 0) out.image = learn::shape_of_pictures(out);
  return out;
}

}  // namespace sallyport::services::data_check
