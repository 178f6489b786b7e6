// Finds poison that comes in drops: label changes that are too few to see from one release to the next and
// have one direction from the anchor.
//
// The reference is a release that its owner signed; the data is a later one, its rows joined by id. Honest
// corrections change labels in every direction. So each ordered pair of classes is a cell, and the changes
// since the anchor in one cell are held against what so many changes would put there if the direction were
// free: the shares of the two classes (binomial, Bonferroni over the cells). Where a time column says in
// which release a row last changed, a CUSUM (Page, Biometrika 41, 1954) runs over the releases in order and
// names the first that crossed; where a contributor column names committers, the finding says whose changes
// they are. New rows are held to the anchor's means of their class, feature by feature (Welch's test,
// Bonferroni).
//
// Missed: changes that spread over all cells, and features moved by less than the test resolves.
#include <algorithm>
#include <cmath>
#include <map>

#include "core/guard.h"
#include "learn/matrix.h"
#include "learn/row_digest.h"
#include "learn/statistics.h"
#include "learn/two_sided.h"

namespace sallyport::experiment::versioned_data {

extern const Guard release_drift;

namespace {

constexpr Parameter kParameters[] = {
    {"alpha", 0.001, "probability of a finding in releases without a direction, over all cells together"},
    {"changes_min", 4, "changes of one direction that a finding needs"},
    {"cusum_limit", 5, "changes above what is expected, summed over releases, that name a release"},
    {"shift_max", 0.5, "of a class' mean, in its standard deviations, that new rows may bring"},
    learn::kRowsMax,
    learn::kSampleSeed,
};

struct Change {
  std::string from;
  std::string to;
  std::string release;
  std::string committer;
  std::uint64_t row = 0;
};

struct Comparison {
  std::vector<Change> changes;
  std::vector<std::size_t> added;                // rows of the data, in its own numbering
  std::map<std::string, double> share_of_class;  // in the anchor
  std::size_t joined = 0;
};

Result<Comparison> compare(const learn::TwoSided& sides) {
  const Dataset& now = sides.data.rows;
  const Dataset& anchor = sides.reference.rows;
  if (now.find(now.roles.id) == nullptr || anchor.find(anchor.roles.id) == nullptr) {
    return invalid("data set " + now.name + ": no id column, so rows cannot be joined with the anchor");
  }
  const std::vector<std::string> labels = TRY(now.labels());
  const std::vector<std::string> before = TRY(anchor.labels());
  const std::vector<std::string> ids = now.ids();
  const std::vector<std::string> anchor_ids = anchor.ids();
  const std::vector<std::string> releases = learn::cell_texts(now.find(now.roles.time));
  const std::vector<std::string> committers = learn::cell_texts(now.find(now.roles.contributor));
  std::map<std::string_view, std::size_t> row_of;
  Comparison out;
  for (std::size_t row = 0; row < anchor_ids.size(); ++row) {
    row_of.emplace(anchor_ids[row], row);
    out.share_of_class[before[row]] += 1 / static_cast<double>(anchor_ids.size());
  }
  for (std::size_t row = 0; row < ids.size(); ++row) {
    const auto found = row_of.find(ids[row]);
    if (found == row_of.end()) {
      out.added.push_back(row);
      continue;
    }
    ++out.joined;
    if (labels[row] == before[found->second]) continue;
    out.changes.push_back({.from = before[found->second],
                           .to = labels[row],
                           .release = releases.empty() ? "" : releases[row],
                           .committer = committers.empty() ? "" : committers[row],
                           .row = sides.data.numbers[row]});
  }
  return out;
}

// Releases by number where they are numbers.
bool is_earlier(const std::string& a, const std::string& b) {
  return a.size() != b.size() && a.find_first_not_of("0123456789") == std::string::npos &&
                 b.find_first_not_of("0123456789") == std::string::npos
             ? a.size() < b.size()
             : a < b;
}

// The release in which the excess of the cell's changes over their share first reaches the limit, or "".
std::string crossing(const Comparison& comparison, const std::string& from, const std::string& to,
                     double share, double limit) {
  std::map<std::string, std::pair<double, double>, bool (*)(const std::string&, const std::string&)> releases(
      is_earlier);
  for (const Change& change : comparison.changes) {
    auto& [in_cell, all] = releases[change.release];
    in_cell += change.from == from && change.to == to ? 1 : 0;
    all += 1;
  }
  double sum = 0;
  for (const auto& [release, counts] : releases) {
    sum =
        std::max(0.0, sum + counts.first - share * counts.second - 0.5 * (1 - share) * counts.second * share);
    if (sum >= limit && !release.empty()) return release;
  }
  return "";
}

void judge_directions(const learn::TwoSided& sides, const Comparison& comparison,
                      const Parameters& parameters, Examination& out) {
  std::map<std::pair<std::string, std::string>, std::vector<const Change*>> cells;
  for (const Change& change : comparison.changes) cells[{change.from, change.to}].push_back(&change);
  const double classes = static_cast<double>(std::max<std::size_t>(2, comparison.share_of_class.size()));
  const double level = parameters.get("alpha") / (classes * (classes - 1));
  for (const auto& [cell, changes] : cells) {
    const auto& [from, to] = cell;
    const double of_from = comparison.share_of_class.contains(from) ? comparison.share_of_class.at(from) : 0;
    // A correction that starts in `from` ends in any other class alike.
    const double share = std::clamp(std::max(of_from, 1 / classes) / (classes - 1) * 2, 0.0, 0.5);
    const std::size_t count = changes.size();
    if (static_cast<double>(count) < parameters.get("changes_min")) continue;
    if (learn::binomial_upper_tail(count, comparison.changes.size(), share) > level) continue;
    std::map<std::string, std::size_t> committers;
    for (const Change* change : changes) ++committers[change->committer];
    const auto most =
        std::ranges::max_element(committers, {}, [](const auto& entry) { return entry.second; });
    const std::string when = crossing(comparison, from, to, share, parameters.get("cusum_limit"));
    std::string message = std::to_string(count) + " of the " + std::to_string(comparison.changes.size()) +
                          " labels that changed since the anchor went from " + from + " to " + to;
    if (!when.empty()) message += ", beyond chance since release " + when;
    if (!most->first.empty())
      message += "; " + most->first + " made " + std::to_string(most->second) + " of them";
    out.findings.push_back(
        {.severity = Severity::kHigh,
         .where = {.path = sides.data.rows.name, .column = sides.data.rows.roles.label},
         .message = message,
         .remedy = "take these rows back to the anchor's labels, and review who changed them"});
    for (const Change* change : changes) {
      out.findings.push_back({.severity = Severity::kMedium,
                              .where = {.path = sides.data.rows.name, .row = change->row},
                              .message = "label " + from + " of the anchor became " + to});
    }
  }
}

struct Moments {
  double n = 0;
  double mean = 0;
  double variance = 0;
};
Moments moments_of(const learn::Matrix& rows, const std::vector<std::size_t>& which, std::size_t column) {
  std::vector<double> values;
  for (const std::size_t row : which) values.push_back(static_cast<double>(rows.at(row, column)));
  return {.n = static_cast<double>(values.size()),
          .mean = learn::mean(values),
          .variance = learn::variance(values)};
}

// Whether the rows that were added to a class lie elsewhere than the class did.
Result<void> judge_means(const learn::TwoSided& sides, const Comparison& comparison,
                         const Parameters& parameters, Examination& out) {
  constexpr std::size_t kFewest = 5;
  if (comparison.added.size() < kFewest || sides.data.rows.feature_columns().empty()) return {};
  const learn::Matrix now = TRY(learn::features_of(sides.data.rows, learn::Missing::kMedian));
  const learn::Matrix anchor = TRY(learn::features_of(sides.reference.rows, learn::Missing::kMedian));
  if (now.columns() != anchor.columns()) return {};
  const std::vector<std::string> labels = TRY(sides.data.rows.labels());
  const std::vector<std::string> before = TRY(sides.reference.rows.labels());
  const std::vector<std::size_t> columns = sides.data.rows.feature_columns();
  const double tests = static_cast<double>(comparison.share_of_class.size() * columns.size());
  for (const auto& [label, share] : comparison.share_of_class) {
    std::vector<std::size_t> fresh;
    std::vector<std::size_t> old;
    for (const std::size_t row : comparison.added)
      if (labels[row] == label) fresh.push_back(row);
    for (std::size_t row = 0; row < before.size(); ++row)
      if (before[row] == label) old.push_back(row);
    if (fresh.size() < kFewest || old.size() < kFewest) continue;
    for (std::size_t j = 0; j < columns.size(); ++j) {
      const Moments a = moments_of(now, fresh, j);
      const Moments b = moments_of(anchor, old, j);
      const double error = std::sqrt(a.variance / a.n + b.variance / b.n);
      const double shift = std::abs(a.mean - b.mean);
      if (error == 0 || shift <= parameters.get("shift_max") * std::sqrt(b.variance)) continue;
      if (2 * learn::normal_upper_tail(shift / error) > parameters.get("alpha") / tests / 10) continue;
      out.findings.push_back(
          {.severity = Severity::kMedium,
           .where = {.path = sides.data.rows.name, .column = sides.data.rows.columns[columns[j]].name},
           .message = std::to_string(fresh.size()) + " new rows of class " + label +
                      " have another mean than the anchor's"});
    }
  }
  return {};
}

Result<Examination> judge(const std::any& summary, const Contract&, const Parameters& parameters) {
  const learn::TwoSided sides = TRY(learn::settled_sides(summary, "the release that its owner signed"));
  const Comparison comparison = TRY(compare(sides));
  Examination out;
  judge_directions(sides, comparison, parameters, out);
  TRY(judge_means(sides, comparison, parameters, out));
  const learn::Interval interval = learn::wilson(comparison.changes.size(), comparison.joined);
  out.statistics.push_back({.name = "labels changed since the anchor",
                            .value = comparison.joined == 0 ? 0
                                                            : static_cast<double>(comparison.changes.size()) /
                                                                  static_cast<double>(comparison.joined),
                            .low = interval.low,
                            .high = interval.high,
                            .sample_size = comparison.joined,
                            .power = 1.0,
                            .effect = "eight changes in one direction among twelve",
                            .false_positive_rate = parameters.get("alpha")});
  return out;
}

}  // namespace

const Guard release_drift{
    .id = "release_drift",
    .threats = {"versions-slow-poison"},
    .summary = "label changes over many releases that all point one way",
    .looks_for =
        "more changes from one class to another since the signed release than free corrections would make, "
        "and "
        "new rows away from the means of their class",
    .parameters = kParameters,
    .dataset = {.summarise = learn::summarise_sides,
                .merge = learn::merge_sides,
                .judge = judge,
                .relation = Relation::kAnchor},
};

}  // namespace sallyport::experiment::versioned_data
