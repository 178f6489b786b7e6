// Finds noise that knows the labels: what a step added to the features of a row, held against the row's
// class.
//
// Rows before and after are joined by id and subtracted. What a step does to a cell by the cell's own value
// is no noise: a column whose values keep their order is passed over, and of the others the part that the old
// value explains (a line within each of its bins) is taken off, so that scaling, clipping and rounding leave
// nothing behind. A random jitter leaves the same for every class; a crafted perturbation moves one class
// along a direction of its own. The statistic is the spread of the class means over all features, in units of
// the residual's own spread; its null is that of permuted labels (Good 2005), so the rate of false findings
// is `alpha` whatever the noise is.
//
// Missed: perturbations of single rows, or the same for all classes. Cried at: a declared step that reads
// more than one cell, such as a smoothing of images, since what it does depends on the class as well; the
// answer there is to run it again and compare.
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "core/guard.h"
#include "learn/digest_sample.h"
#include "learn/matrix.h"
#include "learn/random.h"
#include "learn/statistics.h"

namespace sallyport::data_engineering::data_preprocessing {

extern const Guard residual_structure;

namespace {

constexpr Parameter kParameters[] = {
    {"alpha", 0.01, "probability of a finding where what was added is the same for all classes"},
    {"rows_max", 10'000, "rows that are joined; more are sampled by the digest of their id"},
    {"shift", 0.25, "deviations of the residual by which the power's own perturbation moves a class"},
};

constexpr double kRounding = 1.0 / (1 << 18);  // of a column's range: what float32 in place of float64 does
constexpr std::size_t kBins = 32;
constexpr std::size_t kDistinctMax = 64;  // values that are bins of their own
constexpr std::size_t kHeldOut = 200;     // permutations that measure the rate of false findings

struct Row {
  learn::RowDigest id;
  std::string label;
  std::vector<float> values;
};

// Both sides keep the same ids.
struct Kept {
  explicit Kept(std::size_t rows_max) : rows(rows_max, &Row::id) {}

  std::vector<std::string> columns = {};
  learn::DigestSample<Row> rows;
  bool has_ids = true;
  bool mixed = false;
};
struct Summary {
  explicit Summary(std::size_t rows_max) : after(rows_max), before(rows_max) {}

  Kept after;
  Kept before;
  std::string name = {};
};

Result<std::any> summarise(const Dataset& shard, Side side, const Contract&, const Parameters& parameters) {
  Summary out(static_cast<std::size_t>(parameters.get("rows_max")));
  Kept& kept = side == Side::kData ? out.after : out.before;
  if (side == Side::kData) out.name = shard.name;
  kept.has_ids = shard.find(shard.roles.id) != nullptr;
  const std::vector<std::size_t> features = shard.feature_columns();
  for (const std::size_t column : features) kept.columns.push_back(shard.columns[column].name);
  const std::vector<std::string> ids = shard.ids();
  const std::vector<std::string> labels = learn::cell_texts(shard.find(shard.roles.label));
  for (std::size_t r = 0; r < shard.rows(); ++r) {
    Row row{.id = learn::row_digest(ids[r]), .label = labels.empty() ? "" : labels[r], .values = {}};
    if (!kept.has_ids || !kept.rows.takes(row.id)) {
      kept.rows.skip();
      continue;
    }
    row.values.reserve(features.size());
    for (const std::size_t column : features)
      row.values.push_back(static_cast<float>(shard.columns[column].numbers[r]));
    kept.rows.add(std::move(row));
  }
  return std::any(std::move(out));
}

Kept merge_kept(Kept a, Kept b) {
  if (a.rows.seen() == 0) return b;
  if (b.rows.seen() == 0) return a;
  a.mixed = a.mixed || b.mixed || a.columns != b.columns;
  a.has_ids = a.has_ids && b.has_ids;
  a.rows.merge(std::move(b.rows));
  return a;
}

std::any merge(std::any a, std::any b) {
  auto left = std::any_cast<Summary>(std::move(a));
  auto right = std::any_cast<Summary>(std::move(b));
  left.after = merge_kept(std::move(left.after), std::move(right.after));
  left.before = merge_kept(std::move(left.before), std::move(right.before));
  if (left.name.empty()) left.name = right.name;
  return left;
}

// A column before and after, of the rows that have both.
struct Cells {
  std::vector<double> before = {};
  std::vector<double> after = {};
};

struct Joined {
  learn::Classes classes = {};
  std::vector<std::string> columns = {};
  std::vector<Cells> cells = {};
};

Joined join(Summary& summary) {
  summary.before.rows.settle(summary.after.rows.settle());
  summary.after.rows.settle(summary.before.rows.settle());
  // In one order, whatever the order of the shards.
  std::ranges::sort(summary.after.rows.rows(), {}, &Row::id);
  std::map<learn::RowDigest, const Row*> before;
  std::map<learn::RowDigest, std::size_t> times;
  std::map<learn::RowDigest, std::size_t> times_after;
  for (const Row& row : summary.after.rows.rows()) ++times_after[row.id];
  for (const Row& row : summary.before.rows.rows()) {
    before[row.id] = &row;
    ++times[row.id];
  }
  std::map<std::string, std::size_t> place;
  for (std::size_t j = 0; j < summary.before.columns.size(); ++j) place[summary.before.columns[j]] = j;
  Joined out;
  std::vector<std::pair<std::size_t, std::size_t>> pairs;  // of columns: before, after
  for (std::size_t j = 0; j < summary.after.columns.size(); ++j) {
    const auto found = place.find(summary.after.columns[j]);
    if (found == place.end()) continue;
    pairs.emplace_back(found->second, j);
    out.columns.push_back(summary.after.columns[j]);
  }
  out.cells.resize(pairs.size());
  std::map<std::string, std::uint32_t> classes;
  for (const Row& row : summary.after.rows.rows()) classes.emplace(row.label, 0);
  for (auto& [name, number] : classes) {
    number = static_cast<std::uint32_t>(out.classes.names.size());
    out.classes.names.push_back(name);
  }
  for (const Row& row : summary.after.rows.rows()) {
    const auto found = before.find(row.id);
    // An id that comes back is of another row.
    if (found == before.end() || times[row.id] != 1 || times_after[row.id] != 1) continue;
    out.classes.of_row.push_back(classes[row.label]);
    for (std::size_t j = 0; j < pairs.size(); ++j) {
      out.cells[j].before.push_back(static_cast<double>(found->second->values[pairs[j].first]));
      out.cells[j].after.push_back(static_cast<double>(row.values[pairs[j].second]));
    }
  }
  return out;
}

// What is left of y over rows [begin, end) of the order when a line in x is taken off.
void take_off_line(std::span<const std::size_t> rows, const std::vector<double>& x, std::vector<double>& y) {
  double mean_x = 0;
  double mean_y = 0;
  for (const std::size_t r : rows) {
    mean_x += x[r] / static_cast<double>(rows.size());
    mean_y += y[r] / static_cast<double>(rows.size());
  }
  double square = 0;
  double product = 0;
  for (const std::size_t r : rows) {
    square += (x[r] - mean_x) * (x[r] - mean_x);
    product += (x[r] - mean_x) * (y[r] - mean_y);
  }
  const double slope = square > 0 ? product / square : 0;
  for (const std::size_t r : rows) y[r] -= mean_y + slope * (x[r] - mean_x);
}

// What the old value of a cell does not explain of the new one; empty when it explains all but rounding.
std::vector<double> residual_of(const Cells& cells) {
  const std::vector<double>& x = cells.before;
  std::vector<double> y(x.size());
  double range = 0;
  for (std::size_t r = 0; r < x.size(); ++r) {
    if (std::isnan(x[r]) || std::isnan(cells.after[r])) return {};
    y[r] = cells.after[r] - x[r];
    range = std::max({range, std::abs(x[r]), std::abs(cells.after[r])});
  }
  std::vector<std::size_t> order(x.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t r) { return x[r]; });
  bool up = true;
  bool down = true;
  std::size_t distinct = 1;
  for (std::size_t i = 1; i < order.size(); ++i) {
    const double step = cells.after[order[i]] - cells.after[order[i - 1]];
    const bool same = x[order[i]] == x[order[i - 1]];
    distinct += same ? 0 : 1;
    up = up && (same ? std::abs(step) : -step) <= kRounding * range;
    down = down && (same ? std::abs(step) : step) <= kRounding * range;
  }
  if (up || down) return {};
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin + 1;
    const std::size_t wanted = distinct <= kDistinctMax ? 1 : std::max<std::size_t>(8, order.size() / kBins);
    while (end < order.size() && (end - begin < wanted || x[order[end]] == x[order[end - 1]])) ++end;
    take_off_line(std::span(order).subspan(begin, end - begin), x, y);
    begin = end;
  }
  const double most =
      std::abs(*std::ranges::max_element(y, {}, [](double value) { return std::abs(value); }));
  return most > kRounding * range ? y : std::vector<double>();
}

// The residuals in units of their spread, row after row.
class Noise {
 public:
  Noise(const Joined& joined, std::vector<std::size_t>& columns) : classes_(joined.classes) {
    std::vector<std::vector<double>> residuals;
    for (std::size_t j = 0; j < joined.cells.size(); ++j) {
      std::vector<double> residual = residual_of(joined.cells[j]);
      if (residual.empty()) continue;
      const double spread = std::sqrt(learn::variance(residual));
      for (double& value : residual) value /= spread;
      residuals.push_back(std::move(residual));
      columns.push_back(j);
    }
    values_ = learn::Matrix(classes_.of_row.size(), residuals.size());
    for (std::size_t j = 0; j < residuals.size(); ++j) {
      for (std::size_t r = 0; r < values_.rows(); ++r)
        values_.row(r)[j] = static_cast<float>(residuals[j][r]);
    }
  }

  // The spread of the class means over all columns; `moved` is a class that is moved along `direction`.
  double statistic(const std::vector<std::uint32_t>& of_row) const { return spread_of(sums_of(of_row)); }
  double moved(std::uint32_t of_class, const std::vector<double>& direction) const {
    std::vector<double> sums = sums_of(classes_.of_row);
    const double count = static_cast<double>(classes_.counts()[of_class]);
    for (std::size_t j = 0; j < direction.size(); ++j)
      sums[of_class * direction.size() + j] += count * direction[j];
    return spread_of(sums);
  }
  // The class and its mean whose share of the statistic is largest.
  std::pair<std::uint32_t, std::vector<double>> most_moved() const {
    const std::vector<double> sums = sums_of(classes_.of_row);
    const std::vector<std::uint64_t> counts = classes_.counts();
    std::pair<std::uint32_t, std::vector<double>> out;
    double most = -1;
    for (std::uint32_t k = 0; k < counts.size(); ++k) {
      std::vector<double> mean(values_.columns());
      double share = 0;
      for (std::size_t j = 0; j < mean.size() && counts[k] > 0; ++j) {
        mean[j] = sums[k * mean.size() + j] / static_cast<double>(counts[k]);
        share += static_cast<double>(counts[k]) * mean[j] * mean[j];
      }
      if (share <= most) continue;
      most = share;
      out = {k, std::move(mean)};
    }
    return out;
  }
  std::size_t columns() const { return values_.columns(); }

 private:
  std::vector<double> sums_of(const std::vector<std::uint32_t>& of_row) const {
    const std::size_t d = values_.columns();
    std::vector<double> out(classes_.names.size() * d);
    for (std::size_t r = 0; r < of_row.size(); ++r) {
      const std::span<const float> row = values_.row(r);
      double* to = out.data() + of_row[r] * d;
      for (std::size_t j = 0; j < d; ++j) to[j] += static_cast<double>(row[j]);
    }
    return out;
  }
  double spread_of(const std::vector<double>& sums) const {
    const std::size_t d = values_.columns();
    const std::vector<std::uint64_t> counts = classes_.counts();
    double out = 0;
    for (std::size_t k = 0; k < counts.size(); ++k) {
      for (std::size_t j = 0; j < d && counts[k] > 0; ++j)
        out += sums[k * d + j] * sums[k * d + j] / static_cast<double>(counts[k]);
    }
    return out;
  }

  const learn::Classes& classes_;
  learn::Matrix values_;
};

// The statistic under labels that mean nothing, ascending.
std::vector<double> null_of(const Noise& noise, const learn::Classes& classes, std::size_t count,
                            std::uint64_t seed) {
  learn::Random random(seed);
  std::vector<std::uint32_t> of_row = classes.of_row;
  std::vector<double> out;
  for (std::size_t i = 0; i < count; ++i) {
    random.shuffle(std::span(of_row));
    out.push_back(noise.statistic(of_row));
  }
  std::ranges::sort(out);
  return out;
}

std::string figure(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2g", value);
  return text;
}

// How many of the classes would be noticed when they are moved a little along a direction of random signs.
double power_of(const Noise& noise, const learn::Classes& classes, double shift, double critical) {
  learn::Random random(0x5eed);
  double caught = 0;
  for (std::uint32_t k = 0; k < classes.names.size(); ++k) {
    std::vector<double> direction(noise.columns());
    for (double& value : direction) value = random.below(2) == 0 ? shift : -shift;
    caught += noise.moved(k, direction) > critical ? 1 : 0;
  }
  return caught / static_cast<double>(classes.names.size());
}

Result<Examination> judge(const std::any& summary, const Contract&, const Parameters& parameters) {
  auto sides = std::any_cast<const Summary&>(summary);
  if (sides.after.mixed || sides.before.mixed)
    return invalid("data set " + sides.name + ": shards have other columns");
  Examination out;
  Statistic statistic{.name = "chance of so much class structure in what was added", .value = 1};
  const Joined joined = sides.after.has_ids && sides.before.has_ids ? join(sides) : Joined{};
  std::vector<std::size_t> columns;
  const Noise noise(joined, columns);
  const std::size_t rows = joined.classes.of_row.size();
  statistic.sample_size = rows;
  if (joined.classes.names.size() < 2 || columns.empty()) {
    statistic.effect = "no rows of two labels are joined in which the step changed a column of numbers";
    out.statistics.push_back(statistic);
    return out;
  }
  const double work = static_cast<double>(rows * columns.size());
  const auto permutations = static_cast<std::size_t>(std::clamp(1e9 / work, 199.0, 999.0));
  const double alpha = parameters.get("alpha");
  const double shift = parameters.get("shift");
  const std::vector<double> null = null_of(noise, joined.classes, permutations, 1);
  const double here = noise.statistic(joined.classes.of_row);
  const auto chance_of = [&](double value) {
    const auto above = static_cast<double>(null.end() - std::ranges::lower_bound(null, value));
    return (1 + above) / (1 + static_cast<double>(permutations));
  };
  statistic.value = chance_of(here);
  const double critical = learn::quantile(null, 1 - alpha);
  double alarms = 0;
  for (const double value : null_of(noise, joined.classes, kHeldOut, 2))
    alarms += chance_of(value) <= alpha ? 1 : 0;
  statistic.power = power_of(noise, joined.classes, shift, critical);
  statistic.effect = "one class moved by " + figure(shift) + " deviations of what was added, in " +
                     std::to_string(columns.size()) + " columns";
  statistic.false_positive_rate = alarms / static_cast<double>(kHeldOut);
  out.statistics.push_back(statistic);
  if (statistic.value > alpha) return out;
  const auto& [label, mean] = noise.most_moved();
  const auto farthest = std::ranges::max_element(mean, {}, [](double value) { return std::abs(value); });
  const auto worst = static_cast<std::size_t>(farthest - mean.begin());
  out.findings.push_back({.severity = Severity::kHigh,
                          .confidence = Confidence::kMedium,
                          .where = {.path = sides.name, .column = joined.columns[columns[worst]]},
                          .message = "the step added to " + std::to_string(rows) +
                                     " rows what depends on their label (chance " + figure(statistic.value) +
                                     "), most of all on label " + joined.classes.names[label] +
                                     ", moved by " + figure(*farthest) + " deviations in this column",
                          .remedy = "run the declared step again on the rows before it, and compare"});
  return out;
}

}  // namespace

const Guard residual_structure{
    .id = "residual_structure",
    .threats = {"prep-adversarial-noise"},
    .summary = "noise that a step added to the features and that depends on the label",
    .looks_for =
        "class means in what a step added to cells beyond what their old values explain, by a permutation "
        "test",
    .parameters = kParameters,
    .dataset = {.summarise = summarise, .merge = merge, .judge = judge, .relation = Relation::kBefore},
};

}  // namespace sallyport::data_engineering::data_preprocessing
