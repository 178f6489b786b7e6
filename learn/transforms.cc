#include "learn/transforms.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <unordered_map>

#include "learn/statistics.h"

namespace sallyport::learn {
namespace {

using Op = Transform::Op;

constexpr double kNormalMad =
    1.4826;  // times the median absolute deviation, the deviation of a normal sample
constexpr int kDigitsMax = 15;

std::optional<Op> op_named(const std::string& name) {
  static const std::map<std::string, Op> kOps{
      {"scale", Op::kScale}, {"clip", Op::kClip}, {"fill", Op::kFill},    {"round", Op::kRound},
      {"log", Op::kLog},     {"drop", Op::kDrop}, {"labels", Op::kLabels}};
  const auto found = kOps.find(name);
  return found == kOps.end() ? std::nullopt : std::optional(found->second);
}

// The members of an entry, each asked for once; what is left over nobody understands.
class Entry {
 public:
  Entry(const Json& json, std::size_t number)
      : json_(json), place_("transform " + std::to_string(number + 1)) {}

  std::unexpected<Error> refuse(const std::string& why) const { return invalid(place_ + ": " + why); }
  const Json* find(const std::string& name) {
    asked_.push_back(name);
    const auto at = json_.find(name);
    return at == json_.end() ? nullptr : &*at;
  }
  Result<std::string> text(const std::string& name) {
    const Json* value = find(name);
    if (value == nullptr || !value->is_string()) return refuse("'" + name + "' is to be a word");
    return value->get<std::string>();
  }
  Result<double> number(const std::string& name) {
    const Json* value = find(name);
    if (value == nullptr || !value->is_number()) return refuse("'" + name + "' is to be a number");
    return value->get<double>();
  }
  Result<std::vector<std::string>> names(const std::string& name) {
    const Json* value = find(name);
    std::vector<std::string> out;
    for (const Json& one : value != nullptr && value->is_array() ? *value : Json::array()) {
      if (!one.is_string()) return refuse("'" + name + "' is to be a list of names");
      out.push_back(one.get<std::string>());
    }
    if (out.empty()) return refuse("'" + name + "' is to be a list of names");
    return out;
  }
  Result<void> nothing_else() const {
    for (const auto& [name, value] : json_.items()) {
      if (std::ranges::find(asked_, name) == asked_.end()) return refuse("'" + name + "' means nothing here");
    }
    return {};
  }

 private:
  const Json& json_;
  std::string place_;
  std::vector<std::string> asked_;
};

Result<void> read_parameters(Entry& entry, Transform& out) {
  switch (out.op) {
    case Op::kScale: {
      const std::string by = TRY(entry.text("by"));
      if (by != "robust" && by != "standard" && by != "range")
        return entry.refuse("'by' is to be robust, standard or range");
      out.by = by == "robust"     ? Transform::By::kRobust
               : by == "standard" ? Transform::By::kStandard
                                  : Transform::By::kRange;
      return {};
    }
    case Op::kClip:
      out.low = TRY(entry.number("low"));
      out.high = TRY(entry.number("high"));
      if (!(out.low <= out.high)) return entry.refuse("'low' is above 'high'");
      return {};
    case Op::kFill: {
      const Json* with = entry.find("with");
      out.with_median = with != nullptr && *with == "median";
      if (!out.with_median) out.with = TRY(entry.number("with"));
      return {};
    }
    case Op::kRound: {
      const double digits = TRY(entry.number("digits"));
      if (digits != std::floor(digits) || std::abs(digits) > kDigitsMax)
        return entry.refuse("'digits' is to be a whole number of at most 15");
      out.digits = static_cast<int>(digits);
      return {};
    }
    case Op::kLabels: {
      const Json* map = entry.find("map");
      if (map == nullptr || !map->is_object() || map->empty())
        return entry.refuse("'map' is to say what becomes of which label");
      for (const auto& [from, to] : map->items()) {
        if (!to.is_string() && !to.is_number()) return entry.refuse("'map' is to give words or numbers");
        out.labels[from] = to.is_string() ? to.get<std::string>() : number_text(to.get<double>());
      }
      return {};
    }
    case Op::kLog:
    case Op::kDrop: return {};
  }
  return {};
}

std::vector<double> present(const Column& column) {
  std::vector<double> out;
  for (const double value : column.numbers) {
    if (!std::isnan(value)) out.push_back(value);
  }
  return out;
}

void scale(Column& column, Transform::By by) {
  const std::vector<double> values = present(column);
  if (values.empty()) return;
  double middle = 0;
  double unit = 0;
  if (by == Transform::By::kRobust) {
    middle = median(values);
    unit = kNormalMad * median_absolute_deviation(values);
  } else if (by == Transform::By::kStandard) {
    for (const double value : values) middle += value / static_cast<double>(values.size());
    for (const double value : values)
      unit += (value - middle) * (value - middle) / static_cast<double>(values.size());
    unit = std::sqrt(unit);
  } else {
    const auto [least, most] = std::ranges::minmax(values);
    middle = least;
    unit = most - least;
  }
  for (double& value : column.numbers) {
    if (!std::isnan(value)) value = unit > 0 ? (value - middle) / unit : 0;
  }
}

void apply(Column& column, const Transform& transform) {
  if (transform.op == Op::kScale) return scale(column, transform.by);
  const double power = std::pow(10.0, transform.digits);
  const std::vector<double> values = transform.with_median ? present(column) : std::vector<double>();
  const double with = transform.with_median ? (values.empty() ? NAN : median(values)) : transform.with;
  for (double& value : column.numbers) {
    if (transform.op == Op::kFill) {
      value = std::isnan(value) ? with : value;
    } else if (transform.op == Op::kClip) {
      value = std::isnan(value) ? value : std::clamp(value, transform.low, transform.high);
    } else if (transform.op == Op::kRound) {
      value = std::round(value * power) / power;
    } else if (transform.op == Op::kLog) {
      value = std::log1p(value);
    }
  }
}

// A column of labels becomes text or numbers as all of its new cells are.
void map_labels(Column& column, const std::map<std::string, std::string>& labels) {
  std::vector<std::string> cells;
  bool numeric = true;
  for (std::size_t row = 0; row < column.size(); ++row) {
    std::string cell = column.numeric ? number_text(column.numbers[row]) : column.texts[row];
    if (const auto found = labels.find(cell); found != labels.end()) cell = found->second;
    char* end = nullptr;
    std::strtod(cell.c_str(), &end);
    numeric = numeric && (cell.empty() || *end == '\0');
    cells.push_back(std::move(cell));
  }
  column = {.name = column.name, .numeric = numeric};
  for (std::string& cell : cells) {
    if (numeric) column.numbers.push_back(cell.empty() ? NAN : std::strtod(cell.c_str(), nullptr));
    if (!numeric) column.texts.push_back(std::move(cell));
  }
}

std::string cell_of(const Column& column, std::size_t row) {
  return column.numeric ? number_text(column.numbers[row]) : column.texts[row];
}

// Whether two cells say the same; `slack` is for numbers.
bool same_cell(const Column& a, std::size_t row_a, const Column& b, std::size_t row_b, double slack) {
  if (!a.numeric || !b.numeric) return cell_of(a, row_a) == cell_of(b, row_b);
  const double x = a.numbers[row_a];
  const double y = b.numbers[row_b];
  if (std::isnan(x) || std::isnan(y)) return std::isnan(x) && std::isnan(y);
  return x == y || std::abs(x - y) <= slack;
}

double range_of(const Column& column) {
  if (!column.numeric) return 0;
  const std::vector<double> values = present(column);
  if (values.empty()) return 0;
  const auto [least, most] = std::ranges::minmax(values);
  return std::max({most - least, std::abs(most), std::abs(least)});
}

// A column on both sides.
struct Pair {
  const Column* expected = nullptr;
  const Column* found = nullptr;
  double slack = 0;
};

class Comparison {
 public:
  Comparison(const Dataset& expected, const Dataset& found, const DifferenceOptions& options)
      : expected_(expected), found_(found), options_(options) {}

  void columns() {
    for (const Column& column : expected_.columns) {
      const Column* there = found_.find(column.name);
      if (there == nullptr) list({.kind = Difference::Kind::kColumnMissing, .column = column.name});
      if (there != nullptr && column.name != expected_.roles.id)
        pairs_.push_back({&column, there, options_.tolerance * range_of(column)});
    }
    for (const Column& column : found_.columns) {
      if (expected_.find(column.name) == nullptr)
        list({.kind = Difference::Kind::kColumnAdded, .column = column.name});
    }
  }

  void rows() {
    const std::vector<std::string> ids = expected_.ids();
    std::unordered_map<std::string_view, std::size_t> row_of;
    std::vector<bool> taken(ids.size());
    for (std::size_t row = 0; row < ids.size(); ++row) row_of.emplace(ids[row], row);
    const std::vector<std::string> after = found_.ids();
    for (std::size_t row = 0; row < after.size(); ++row) {
      const auto at = row_of.find(after[row]);
      if (at == row_of.end()) {
        ++out_.added;
        list({.kind = Difference::Kind::kAdded, .row = found_.first_row + row});
      } else if (taken[at->second]) {
        ++out_.repeated;
        list({.kind = Difference::Kind::kRepeatedId, .row = found_.first_row + row});
      } else {
        taken[at->second] = true;
        ++out_.joined;
        cells(at->second, row);
      }
    }
    for (std::size_t row = 0; row < ids.size(); ++row) {
      if (taken[row] || row_of.at(ids[row]) != row) continue;
      ++out_.dropped;
      list({.kind = Difference::Kind::kDropped, .row = expected_.first_row + row});
    }
  }

  Differences finish() && { return std::move(out_); }

 private:
  void cells(std::size_t before, std::size_t after) {
    for (const Pair& pair : pairs_) {
      if (same_cell(*pair.expected, before, *pair.found, after, pair.slack)) continue;
      ++out_.cells[pair.expected->name];
      list({.kind = Difference::Kind::kCell,
            .row = found_.first_row + after,
            .column = pair.expected->name,
            .expected = cell_of(*pair.expected, before),
            .found = cell_of(*pair.found, after)});
    }
  }
  void list(Difference difference) {
    if (out_.listed.size() < options_.listed_max) out_.listed.push_back(std::move(difference));
  }

  const Dataset& expected_;
  const Dataset& found_;
  const DifferenceOptions& options_;
  std::vector<Pair> pairs_;
  Differences out_;
};

}  // namespace

Result<std::vector<Transform>> transforms_of(const Json& declaration) {
  if (!declaration.is_object() || declaration.size() != 1 || !declaration.contains("transforms") ||
      !declaration["transforms"].is_array())
    return invalid("transforms: an object with one list, 'transforms', was expected");
  const Json& list = declaration["transforms"];
  if (list.size() > kTransformsMax) return fail(ErrorKind::kLimit, "transforms: more than kTransformsMax");
  std::vector<Transform> out;
  for (std::size_t i = 0; i < list.size(); ++i) {
    Entry entry(list[i], i);
    if (!list[i].is_object()) return entry.refuse("an object was expected");
    const std::string name = TRY(entry.text("op"));
    const std::optional<Op> op = op_named(name);
    if (!op) return entry.refuse("no operation '" + name + "'");
    Transform one{.op = *op};
    one.columns = TRY(entry.names("columns"));
    TRY(read_parameters(entry, one));
    TRY(entry.nothing_else());
    out.push_back(std::move(one));
  }
  return out;
}

Result<Dataset> transformed(Dataset data, const std::vector<Transform>& transforms) {
  for (const Transform& transform : transforms) {
    for (const std::string& name : transform.columns) {
      const auto column = std::ranges::find(data.columns, name, &Column::name);
      if (column == data.columns.end())
        return fail(ErrorKind::kNotFound, data.name + ": no column '" + name + "' to transform");
      if (transform.op == Op::kDrop) {
        data.columns.erase(column);
      } else if (transform.op == Op::kLabels) {
        map_labels(*column, transform.labels);
      } else if (!column->numeric) {
        return invalid(data.name + ": column " + name + " holds text, and the transform needs numbers");
      } else {
        apply(*column, transform);
      }
    }
  }
  return data;
}

Result<Differences> differences(const Dataset& expected, const Dataset& found,
                                const DifferenceOptions& options) {
  for (const Dataset* one : {&expected, &found}) {
    if (one->find(one->roles.id) == nullptr)
      return invalid("data set " + one->name + ": no id column, so rows cannot be joined",
                     "name the column that both tables have: --id");
  }
  Comparison comparison(expected, found, options);
  comparison.columns();
  comparison.rows();
  return std::move(comparison).finish();
}

}  // namespace sallyport::learn
