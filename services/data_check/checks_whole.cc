// What is judged of a data set as a whole: drift from a reference, and how well its rows hide.
#include <algorithm>
#include <cmath>

#include "core/limits/data.h"
#include "core/parallel.h"
#include "learn/class_values.h"
#include "learn/distinct_rows.h"
#include "learn/drift.h"
#include "learn/drift_trials.h"
#include "learn/random.h"
#include "learn/row_digest.h"
#include "learn/statistics.h"
#include "learn/votes.h"
#include "services/data_check/row_checks.h"

namespace sallyport::services::data_check {
namespace {

constexpr double kDriftRate = 0.01;  // of false alarms
constexpr std::size_t kJointRows = 1000;
constexpr std::size_t kPermutations = 199;

std::string figure(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

// The features of `from` that `other` has too.
Dataset common_features(const Dataset& from, const Dataset& other) {
  Dataset out{.name = from.name};
  for (const std::size_t column : from.feature_columns()) {
    const Column* there = other.find(from.columns[column].name);
    if (there != nullptr && there->numeric && !other.roles.covers(there->name))
      out.columns.push_back(from.columns[column]);
  }
  std::ranges::sort(out.columns, {}, &Column::name);
  return out;
}

// A sample of the features that both sides have, in the units of the reference; nothing when they share none.
Result<std::optional<learn::RowDrift>> joint_drift(const Dataset& data, const Dataset& reference,
                                                   const CheckOptions& options) {
  const auto sample = [&](const Dataset& from, const Dataset& other, std::uint64_t stream) {
    learn::Random random(learn::derive_seed(options.seed, stream));
    return common_features(from.pick(random.sample(from.rows(), std::min(from.rows(), kJointRows))), other);
  };
  const Dataset ours = sample(data, reference, 4);
  const Dataset others = sample(reference, data, 5);
  if (ours.columns.empty() || ours.columns.size() != others.columns.size())
    return std::optional<learn::RowDrift>();
  const learn::Matrix here = TRY(learn::features_of(ours, learn::Missing::kMedian));
  const learn::Matrix there = TRY(learn::features_of(others, learn::Missing::kMedian));
  const learn::Scaling scaling = learn::standard_scaling(there);
  return std::optional(learn::row_drift(scaling.apply(here), scaling.apply(there), kPermutations,
                                        options.seed, options.threads));
}

using ColumnPairs = std::vector<std::pair<const Column*, const Column*>>;

// What the verdict says of itself is measured on these columns.
void measure(const ColumnPairs& pairs, const CheckOptions& options, CheckVerdict& verdict) {
  const learn::DriftTrialOptions asked{.rate = kDriftRate, .seed = options.seed, .threads = options.threads};
  const learn::DriftTrials trials = learn::drift_trials(pairs, asked);
  if (trials.deals == 0) {
    verdict.unmeasured = "too few rows to deal them to the two sides anew";
    return;
  }
  verdict.false_positive_rate = static_cast<double>(trials.alarms) / static_cast<double>(trials.deals);
  verdict.false_positive_n = trials.deals;
  if (trials.moved == 0) {
    verdict.unmeasured = "no column of numbers that could be moved";
    return;
  }
  verdict.power = static_cast<double>(trials.caught) / static_cast<double>(trials.moved);
  verdict.power_n = trials.moved;
  verdict.effect = "one column moved by " + figure(asked.shift) + " deviations, " +
                   std::to_string(trials.rows) + " rows against " + std::to_string(trials.reference_rows);
}

std::string drift_line(const Column& column, const learn::ColumnDrift& drift) {
  if (!column.numeric) {
    return "column " + column.name + " drifted: total variation " + figure(drift.ks) + ", p " +
           figure(drift.p);
  }
  return "column " + column.name + " drifted: KS " + figure(drift.ks) + " (p " + figure(drift.ks_p) +
         "), Wasserstein " + figure(drift.wasserstein) + ", PSI " + figure(drift.psi) + " (p " +
         figure(drift.psi_p) + ")";
}

struct QuasiIdentifiers {
  std::vector<std::size_t> columns;
  std::vector<std::string> names;
};
Result<QuasiIdentifiers> quasi_identifiers(const Dataset& data, const CheckOptions& options) {
  QuasiIdentifiers out;
  if (options.quasi_identifiers.size() > limits::kQuasiIdentifiersMax) {
    return fail(ErrorKind::kLimit, "more than kQuasiIdentifiersMax quasi-identifiers");
  }
  for (const std::string& name : options.quasi_identifiers) {
    const Column* column = data.find(name);
    if (column == nullptr) return fail(ErrorKind::kNotFound, data.name + ": no column '" + name + "'");
    out.columns.push_back(static_cast<std::size_t>(column - data.columns.data()));
    out.names.push_back(name);
  }
  return out;
}

}  // namespace

bool has_reference(const Dataset& data, const CheckOptions& options) {
  return options.reference != nullptr && data.rows() > 0 && options.reference->rows() > 0;
}

Result<Outcome> check_drift(const Dataset& data, const CheckOptions& options) {
  const Dataset& reference = *options.reference;
  ColumnPairs pairs;
  Outcome out;
  for (const Column& column : data.columns) {
    const Column* other = reference.find(column.name);
    if (column.name == data.roles.id || column.name == data.roles.time) continue;
    if (other == nullptr || other->numeric != column.numeric) {
      out.verdict.findings.push_back("column " + column.name + " is missing or of another type in " +
                                     reference.name);
      out.verdict.verdict = Verdict::kWarn;
      continue;
    }
    pairs.emplace_back(&column, other);
  }
  std::vector<learn::ColumnDrift> drifts(pairs.size());
  parallel_for(
      pairs.size(),
      [&](std::size_t i) {
        const auto& [here, there] = pairs[i];
        drifts[i] = here->numeric ? learn::column_drift(here->numbers, there->numbers)
                                  : learn::category_drift(here->texts, there->texts);
      },
      options.threads);
  std::vector<double> p;
  for (const learn::ColumnDrift& drift : drifts) p.push_back(drift.p);
  const std::vector<bool> rejected = learn::benjamini_hochberg(p, kDriftRate);
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    if (rejected[i]) order.push_back(i);
  }
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return p[i]; });
  for (const std::size_t i : order) {
    out.verdict.findings.push_back(drift_line(*pairs[i].first, drifts[i]));
    out.verdict.columns.push_back(pairs[i].first->name);
  }
  set_rate(out.verdict, order.size(), pairs.size());
  out.verdict.n = data.rows();
  std::optional<learn::RowDrift> whole;
  if (data.rows() > 1 && reference.rows() > 1) whole = TRY(joint_drift(data, reference, options));
  if (whole) {
    const learn::RowDrift& joint = *whole;
    const std::string line = "rows as a whole: MMD^2 " + figure(joint.mmd_squared) + ", p " +
                             figure(joint.p) + " by " + std::to_string(kPermutations) + " permutations of " +
                             std::to_string(joint.n) + " against " + std::to_string(joint.reference_n) +
                             " rows";
    out.verdict.findings.push_back(line);
    if (joint.p <= kDriftRate) out.verdict.verdict = Verdict::kWarn;
  }
  if (!order.empty()) out.verdict.verdict = Verdict::kWarn;
  out.verdict.threats = {"monitor-drift-exploit"};
  out.verdict.looks_for =
      "columns whose distribution left that of the reference (KS, Wasserstein, PSI against its null, "
      "chi-squared; "
      "Benjamini-Hochberg over the columns), and rows as a whole (MMD)";
  measure(pairs, options, out.verdict);
  return out;
}

bool has_quasi_identifiers(const Dataset& data, const CheckOptions& options) {
  return !options.quasi_identifiers.empty() && !data.columns.empty();
}

namespace {

// Counts the rows of each class, and then says which rows are of small ones.
class ClassesCheck : public RowCheck {
 public:
  ClassesCheck(QuasiIdentifiers quasi, const Room& room, const CheckOptions& options)
      : quasi_(std::move(quasi)),
        options_(options),
        marks_(room),
        rows_(room.rows),
        classes_(room.bytes / 2),
        values_(room.bytes / 2) {}

  Result<void> add(const Dataset& part) override {
    const std::vector<learn::RowDigest> digests = digests_of(part, quasi_.columns);
    for (std::size_t r = 0; r < digests.size(); ++r) classes_.add(digests[r], part.first_row + r);
    if (const Column* column = part.find(options_.sensitive)) {
      if (part.first_row > 0 && column->numeric != numeric_)
        return invalid(part.name + ": column " + column->name + " changes its type");
      numeric_ = column->numeric;
      values_.add(digests, *column);
    }
    return {};
  }

  // Which rows of the reference have the quasi-identifiers of exactly one row.
  Result<void> add_reference(const Dataset& part) override {
    std::vector<std::size_t> columns;
    for (const std::string& name : quasi_.names) {
      const Column* column = part.find(name);
      if (column == nullptr) return invalid("data set " + part.name + ": no column '" + name + "'");
      columns.push_back(static_cast<std::size_t>(column - part.columns.data()));
    }
    reference_rows_ += part.rows();
    for (const learn::RowDigest& digest : digests_of(part, columns)) {
      const learn::DistinctRows::Entry* entry = classes_.find(digest);
      linked_ += entry != nullptr && entry->count == 1 ? 1 : 0;
    }
    return {};
  }

  bool again() const override { return true; }
  Result<void> add_again(const Dataset& part) override {
    const std::vector<learn::RowDigest> digests = digests_of(part, quasi_.columns);
    for (std::size_t r = 0; r < digests.size(); ++r) {
      const learn::DistinctRows::Entry* entry = classes_.find(digests[r]);
      if (entry == nullptr || entry->count >= options_.k_min) continue;
      marks_.mark(part.first_row + r, 1 / static_cast<double>(entry->count),
                  entry->count == 1 ? "no other row has its quasi-identifiers"
                                    : std::to_string(entry->count) + " rows have its quasi-identifiers");
    }
    return {};
  }

  Result<Outcome> finish() override {
    Outcome out;
    std::uint64_t smallest = rows_;
    std::uint64_t classes = 0;
    std::uint64_t unique = 0;
    for (const learn::DistinctRows::Entry& entry : classes_.slots()) {
      if (entry.count == 0) continue;
      ++classes;
      smallest = std::min(smallest, entry.count);
      unique += entry.count == 1 ? 1 : 0;
    }
    const std::uint64_t count = marks_.count();
    out.verdict.findings.push_back("k " + std::to_string(smallest) + ": " + std::to_string(classes) +
                                   " classes, " + std::to_string(unique) + " unique rows, " +
                                   std::to_string(count) + " rows in classes below " +
                                   std::to_string(options_.k_min));
    if (classes_.share() < 1) {
      out.verdict.findings.push_back("these are " + figure(100 * classes_.share()) +
                                     " % of all classes, as many as memory holds");
    }
    say_values(out.verdict);
    if (options_.reference != nullptr) {
      out.verdict.findings.push_back(std::to_string(linked_) + " of " + std::to_string(reference_rows_) +
                                     " rows of " + options_.reference->name +
                                     " are linked to exactly one row" +
                                     (classes_.share() < 1 ? ", of the classes that memory holds" : ""));
    }
    out.verdict.threats = {"prep-anonymization-regression"};
    out.verdict.looks_for = "rows that share their quasi-identifiers with fewer than " +
                            std::to_string(options_.k_min - 1) + " others";
    std::move(marks_).finish(out);
    out.verdict.power = classes_.share();
    out.verdict.effect = "one such row";
    out.verdict.false_positive_rate = 0;  // rows are counted
    if (count > 0) out.verdict.verdict = Verdict::kBlock;
    return out;
  }

 private:
  static std::vector<learn::RowDigest> digests_of(const Dataset& part,
                                                  const std::vector<std::size_t>& columns) {
    Dataset some{.columns = {}};
    for (const std::size_t column : columns) some.columns.push_back(part.columns[column]);
    return learn::row_digests(some, learn::TextForm::kVerbatim);
  }

  void say_values(CheckVerdict& verdict) const {
    if (options_.sensitive.empty()) return;
    if (values_.share() == 0) {
      verdict.findings.push_back(
          "column " + options_.sensitive +
          " has more values than memory holds, so l and t are not known: raise --memory");
      return;
    }
    const learn::Closeness closeness = values_.closeness();
    std::string line = "l " + std::to_string(closeness.l) + ", t " + figure(closeness.t) + " of column " +
                       options_.sensitive;
    if (values_.share() < 1)
      line += ", in " + figure(100 * values_.share()) + " % of all classes, as many as memory holds";
    verdict.findings.push_back(std::move(line));
  }

  QuasiIdentifiers quasi_;
  const CheckOptions& options_;
  RowMarks marks_;
  std::uint64_t rows_;
  learn::DistinctRows classes_;
  learn::ClassValues values_;
  bool numeric_ = false;  // the sensitive column
  std::uint64_t reference_rows_ = 0;
  std::uint64_t linked_ = 0;
};

}  // namespace

Result<std::unique_ptr<RowCheck>> classes_check(const Dataset& head, const Room& room,
                                                const CheckOptions& options) {
  QuasiIdentifiers quasi = TRY(quasi_identifiers(head, options));
  if (!options.sensitive.empty() && head.find(options.sensitive) == nullptr)
    return fail(ErrorKind::kNotFound, head.name + ": no column '" + options.sensitive + "'");
  return std::unique_ptr<RowCheck>(new ClassesCheck(std::move(quasi), room, options));
}

}  // namespace sallyport::services::data_check
