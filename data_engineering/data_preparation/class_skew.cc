// Holds the training split against the data set that it was cut from: nobody's rows may be withheld or
// repeated.
//
// Where the split's rule is known, membership is recomputed row by row with its key: a row that the rule
// gives to training must stand there, once, and no other may. That is exact. Any rule, known or not, must
// also leave the classes as it found them, since a key can be tried until it favours a class: the counts of
// each class, and of each group where there are few, are held to the exact hypergeometric tails of a random
// draw (Bonferroni over them all). A stratified split stays well inside. Rows that are repeated count once,
// and need the contract's leave.
//
// Beyond `rows_max` rows ids are sampled, the same on both sides.
//
// Missed without a rule: rows withheld in every class alike, or fewer of one class than the printed effect.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "core/guard.h"
#include "core/limits.h"
#include "learn/digest_sample.h"
#include "learn/split.h"
#include "learn/statistics.h"

namespace sallyport::data_engineering::data_preparation {

extern const Guard class_skew;

namespace {

constexpr Parameter kParameters[] = {
    {"alpha", 0.001, "probability of calling an honest random split skewed, over all classes and groups"},
    {"groups_max", 50, "groups up to which their counts are tested too"},
    {"rows_max", 1'000'000, "rows a side that are joined; more are sampled by their ids"},
};

struct Entry {
  learn::RowDigest id;
  std::uint64_t number;
  std::string label;
  std::string group;
  bool for_test;  // by the rule; false without one
};

struct Summary {
  explicit Summary(std::size_t rows_max) : train(rows_max, &Entry::id), whole(rows_max, &Entry::id) {}

  learn::DigestSample<Entry> train;
  learn::DigestSample<Entry> whole;
  std::string name = {};
  bool has_ids = true;
};

Result<std::any> summarise(const Dataset& shard, Side side, const Contract& contract,
                           const Parameters& parameters) {
  Summary out(static_cast<std::size_t>(parameters.get("rows_max")));
  if (side == Side::kData) out.name = shard.name;
  out.has_ids = shard.find(shard.roles.id) != nullptr;
  const std::vector<std::string> ids = shard.ids();
  const std::vector<std::string> labels = TRY(shard.labels());
  const std::vector<std::string> groups = learn::cell_texts(shard.find(shard.roles.group));
  const std::vector<std::string> units = learn::split_units(shard);
  learn::DigestSample<Entry>& entries = side == Side::kData ? out.train : out.whole;
  for (std::size_t row = 0; row < ids.size(); ++row) {
    entries.add({.id = learn::row_digest(ids[row]),
                 .number = shard.first_row + row,
                 .label = labels[row],
                 .group = groups.empty() ? std::string() : groups[row],
                 .for_test = contract.split && learn::falls_in_test(*contract.split, units[row])});
  }
  return std::any(std::move(out));
}

std::any merge(std::any a, std::any b) {
  Summary x = std::any_cast<Summary>(std::move(a));
  Summary y = std::any_cast<Summary>(std::move(b));
  x.train.merge(std::move(y.train));
  x.whole.merge(std::move(y.whole));
  if (x.name.empty()) x.name = y.name;
  x.has_ids = x.has_ids && y.has_ids;
  return x;
}

using Counts = std::map<std::string, std::uint64_t>;

// Rows of one id on both sides, each id's training rows beyond those of the whole set apart.
struct Joined {
  std::vector<Entry> train;  // by row, each row of the whole set at most once
  std::vector<Entry> repeated;
  std::vector<Entry> unknown;
  std::vector<Entry> missing;  // rows of the whole set that do not train
};

Joined join(const Summary& summary) {
  std::map<learn::RowDigest, std::vector<const Entry*>> whole;
  for (const Entry& entry : summary.whole.rows()) whole[entry.id].push_back(&entry);
  for (auto& [id, rows] : whole) {
    std::sort(rows.begin(), rows.end(), [](const Entry* a, const Entry* b) { return a->number > b->number; });
  }
  std::vector<const Entry*> train;
  for (const Entry& entry : summary.train.rows()) train.push_back(&entry);
  std::sort(train.begin(), train.end(), [](const Entry* a, const Entry* b) { return a->number < b->number; });
  Joined out;
  for (const Entry* entry : train) {
    const auto at = whole.find(entry->id);
    if (at == whole.end()) {
      out.unknown.push_back(*entry);
    } else if (at->second.empty()) {
      out.repeated.push_back(*entry);
    } else {
      out.train.push_back(*entry);
      at->second.pop_back();
    }
  }
  for (const auto& [id, rows] : whole) {
    for (const Entry* row : rows) out.missing.push_back(*row);
  }
  std::sort(out.missing.begin(), out.missing.end(),
            [](const Entry& a, const Entry& b) { return a.number < b.number; });
  return out;
}

Counts count(const std::vector<Entry>& entries, std::string Entry::*member) {
  Counts out;
  for (const Entry& entry : entries) ++out[entry.*member];
  return out;
}

std::string listed(const Counts& counts) {
  std::string out;
  for (const auto& [label, number] : counts) {
    out += (out.empty() ? "" : ", ") + std::to_string(number) + " of class " + label;
  }
  return out;
}

// Stability index of the classes (natural logarithm); 0 when the split leaves them as they were.
double stability_index(const Counts& whole, const Counts& train, double whole_rows, double train_rows) {
  double sum = 0;
  for (const auto& [label, number] : whole) {
    const auto at = train.find(label);
    const double expected = static_cast<double>(number) / whole_rows;
    const double observed = (at == train.end() ? 0.5 : static_cast<double>(at->second)) / train_rows;
    sum += (observed - expected) * std::log(observed / expected);
  }
  return sum;
}

class Judgement {
 public:
  Judgement(const Summary& summary, const Parameters& parameters)
      : summary_(summary), parameters_(parameters) {}

  void by_rule(const Joined& joined) {
    std::vector<Entry> withheld;
    std::vector<Entry> strayed;
    for (const Entry& entry : joined.missing) {
      if (!entry.for_test) withheld.push_back(entry);
    }
    for (const Entry& entry : joined.train) {
      if (entry.for_test) strayed.push_back(entry);
    }
    misplaced_ = withheld.size() + strayed.size();
    if (!withheld.empty()) {
      add(std::to_string(withheld.size()) + " rows that the split's key gives to training are not there: " +
              listed(count(withheld, &Entry::label)),
          "split again with the key; nothing may leave a side afterwards");
    }
    if (!strayed.empty()) {
      add(std::to_string(strayed.size()) +
              " training rows belong to the test split by its key: " + listed(count(strayed, &Entry::label)),
          "split again with the key");
      for (const Entry& entry : strayed) add("belongs to the test split by its key", "", entry.number);
    }
  }

  void additions(const Joined& joined, const Contract& contract) {
    if (!joined.unknown.empty()) {
      add(std::to_string(joined.unknown.size()) + " training rows have ids that the data set does not know",
          "cut both sides from the data set that was approved");
    }
    if (joined.repeated.empty() || contract.may_add_rows) return;
    add(std::to_string(joined.repeated.size()) +
            " rows are repeated: " + listed(count(joined.repeated, &Entry::label)),
        "declare the oversampling: contract {may_add_rows: true}");
  }

  // `what` is "class" or "group".
  void counts(const std::string& what, const Counts& whole, const Counts& train, std::size_t tests) {
    const std::uint64_t population = summary_.whole.rows().size();
    std::uint64_t drawn = 0;
    for (const auto& [name, number] : train) drawn += number;
    const double level = parameters_.get("alpha") / (2 * static_cast<double>(tests));
    for (const auto& [name, marked] : whole) {
      const auto at = train.find(name);
      const std::uint64_t observed = at == train.end() ? 0 : at->second;
      // At most `observed` of the marked are drawn exactly when at least the rest of them stay behind.
      const double few = learn::hypergeometric_upper_tail(marked - std::min(observed, marked), population,
                                                          marked, population - drawn);
      const double many = learn::hypergeometric_upper_tail(observed, population, marked, drawn);
      if (few > level && many > level) continue;
      add(what + " " + name + " has " + std::to_string(observed) + " of " + std::to_string(drawn) +
              " training rows, " + std::to_string(marked) + " of " + std::to_string(population) +
              " of all rows",
          "find what removed or repeated its rows after they were assigned");
    }
  }

  // `share` is that of the ids that were joined.
  void statistics(const Counts& whole, const Counts& train, double drawn, bool has_rule, std::size_t tests,
                  double share) {
    const auto total = static_cast<double>(summary_.whole.rows().size());
    out_.statistics.push_back({.name = "stability index of the classes",
                               .value = stability_index(whole, train, total, drawn),
                               .sample_size = summary_.train.rows().size()});
    const auto smallest = std::min_element(whole.begin(), whole.end(),
                                           [](const auto& a, const auto& b) { return a.second < b.second; });
    Statistic rows{.name = "rows on the wrong side of the split's key",
                   .value = static_cast<double>(misplaced_),
                   .sample_size = summary_.whole.rows().size(),
                   .power = share,
                   .effect = "one row withheld or moved",
                   .false_positive_rate = 0.0};
    if (has_rule) out_.statistics.push_back(std::move(rows));
    const auto expected = static_cast<double>(smallest->second) * drawn / total;
    out_.statistics.push_back(
        {.name = "classes tested",
         .value = static_cast<double>(whole.size()),
         .sample_size = summary_.train.rows().size(),
         .power = power_at(0.4, expected, drawn, total, tests),
         .effect = "40 % of the training rows of class " + smallest->first + " withheld",
         .false_positive_rate = parameters_.get("alpha")});
  }

  Examination finish() && { return std::move(out_); }

 private:
  void add(std::string message, std::string remedy, std::optional<std::uint64_t> row = {}) {
    if (out_.findings.size() >= limits::kFindingsPerGuardMax) return;
    out_.findings.push_back({.severity = Severity::kHigh,
                             .where = {.path = summary_.name, .row = row},
                             .message = std::move(message),
                             .remedy = std::move(remedy)});
  }

  // Of the lower tail, with the honest count around its mean: withheld rows shift it by whole rows.
  double power_at(double share, double expected, double drawn, double total, std::size_t tests) const {
    const double removed = share * expected;
    const double left = drawn - removed;
    const double mean = expected / drawn * left;
    const double kept = expected / drawn;
    const double variance = left * kept * (1 - kept) * (total - left) / std::max(1.0, total - 1);
    const double spread = std::sqrt(std::max(variance, 1e-9));
    const double level = parameters_.get("alpha") / (2 * static_cast<double>(tests));
    const double critical = mean + learn::normal_quantile(level) * spread;
    return 1 - learn::normal_upper_tail((critical - (expected - removed)) / spread);
  }

  const Summary& summary_;
  const Parameters& parameters_;
  std::size_t misplaced_ = 0;
  Examination out_;
};

Result<Examination> judge(const std::any& any_summary, const Contract& contract,
                          const Parameters& parameters) {
  Summary summary = std::any_cast<const Summary&>(any_summary);
  const bool has_rows = summary.whole.seen() > 0 && summary.train.seen() > 0;
  if (!has_rows || !summary.has_ids) {
    return invalid(
        "data set " + summary.name + ": the training split, what it was cut from, and ids on both are needed",
        "name the id column in the schema: {id: COLUMN}");
  }
  // The same ids on both sides.
  summary.whole.settle(summary.train.settle());
  const double share = summary.train.settle(summary.whole.settle()).share();
  if (summary.whole.rows().empty()) {
    return fail(ErrorKind::kLimit, "data set " + summary.name + ": more than rows_max rows have one id");
  }
  const Joined joined = join(summary);
  Judgement judgement(summary, parameters);
  if (contract.split) judgement.by_rule(joined);
  judgement.additions(joined, contract);
  const Counts whole = count(summary.whole.rows(), &Entry::label);
  const Counts groups = count(summary.whole.rows(), &Entry::group);
  const bool test_groups =
      groups.size() > 1 && static_cast<double>(groups.size()) <= parameters.get("groups_max");
  const std::size_t tests = whole.size() + (test_groups ? groups.size() : 0);
  const Counts train = count(joined.train, &Entry::label);
  judgement.counts("class", whole, train, tests);
  // A split by group takes a group whole or not at all, so its counts say nothing there.
  if (test_groups && !contract.split)
    judgement.counts("group", groups, count(joined.train, &Entry::group), tests);
  judgement.statistics(whole, train, static_cast<double>(joined.train.size()), contract.split.has_value(),
                       tests, share);
  return std::move(judgement).finish();
}

}  // namespace

const Guard class_skew{
    .id = "class_skew",
    .threats = {"split-class-skew"},
    .summary = "a training split from which rows of a class were withheld, or in which they were repeated",
    .looks_for =
        "rows on another side than the split's key gives them, undeclared repeats, and classes or groups "
        "outside the hypergeometric tails of a random draw",
    .parameters = kParameters,
    .dataset = {.summarise = summarise, .merge = merge, .judge = judge, .relation = Relation::kWhole},
};

}  // namespace sallyport::data_engineering::data_preparation
