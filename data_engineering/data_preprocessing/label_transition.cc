// Joins the rows before and after a step by id and refuses every change of label that its contract does not
// declare.
//
// The comparison is exact: one changed label among any number of rows is found, and an honest step raises no
// alarm. A label may change without the label column being touched: the step can give the row another row's
// id, or drop a row and add it again under a new id. So the features that stood under an id with another
// label are recognised by their digest, and rows that appear from nowhere need leave to. Rows that disappear
// are counted by class: a step that may drop rows may still not drop them from one class alone.
//
// Where the contract lets a step relabel, each cell of the transition matrix is held to a rate: it is refused
// when the exact lower bound of its rate (Clopper and Pearson) lies above `relabel_rate`.
//
// Beyond `rows_max` rows the join is one of a sample by id, whose share of all ids is the power.
//
// Missed: features changed and moved to another id at once.
#include <algorithm>
#include <map>
#include <span>
#include <tuple>

#include "core/guard.h"
#include "core/limits.h"
#include "learn/digest_sample.h"
#include "learn/statistics.h"

namespace sallyport::data_engineering::data_preprocessing {

extern const Guard label_transition;

namespace {

constexpr Parameter kParameters[] = {
    {"relabel_rate", 0.02, "share of a class that a step with leave to relabel may give another class"},
    {"drop_alpha", 0.001,
     "probability of calling an honest choice of dropped rows lopsided, over all classes"},
    {"rows_max", 1'000'000, "rows a side that are joined; more are sampled by their ids"},
};

struct Row {
  learn::RowDigest id;
  learn::RowDigest features;
  std::uint64_t number;
  std::string label;
};

// Rows of the two sides in no particular order; judge sorts them.
struct Summary {
  explicit Summary(std::size_t rows_max) : before(rows_max, &Row::id), after(rows_max, &Row::id) {}

  learn::DigestSample<Row> before;
  learn::DigestSample<Row> after;
  std::string name = {};
  std::string label_column = {};
  bool after_has_ids = true;
  bool before_has_ids = true;
};

Result<std::any> summarise(const Dataset& shard, Side side, const Contract&, const Parameters& parameters) {
  Summary out(static_cast<std::size_t>(parameters.get("rows_max")));
  const bool has_ids = shard.find(shard.roles.id) != nullptr;
  (side == Side::kData ? out.after_has_ids : out.before_has_ids) = has_ids;
  if (side == Side::kData) {
    out.name = shard.name;
    out.label_column = shard.roles.label;
  }
  const std::vector<std::string> ids = shard.ids();
  std::vector<std::string> labels = TRY(shard.labels());
  const std::vector<learn::RowDigest> features = learn::row_digests(shard, learn::TextForm::kVerbatim);
  learn::DigestSample<Row>& rows = side == Side::kData ? out.after : out.before;
  for (std::size_t row = 0; row < ids.size(); ++row)
    rows.add({learn::row_digest(ids[row]), features[row], shard.first_row + row, std::move(labels[row])});
  return std::any(std::move(out));
}

std::any merge(std::any a, std::any b) {
  Summary x = std::any_cast<Summary>(std::move(a));
  Summary y = std::any_cast<Summary>(std::move(b));
  x.before.merge(std::move(y.before));
  x.after.merge(std::move(y.after));
  if (x.name.empty()) std::tie(x.name, x.label_column) = std::tie(y.name, y.label_column);
  x.before_has_ids = x.before_has_ids && y.before_has_ids;
  x.after_has_ids = x.after_has_ids && y.after_has_ids;
  return x;
}

struct Change {
  std::string from;
  std::string to;
  std::uint64_t row;
};

struct Comparison {
  std::vector<Change> relabelled;
  std::vector<Change> moved;  // the features of a row with label `from` under an id that was not theirs
  std::vector<std::uint64_t> added;
  std::map<std::string, std::uint64_t> before_of_class;
  std::map<std::string, std::uint64_t> dropped_of_class;
  std::uint64_t joined = 0;
  double share = 1;  // of the ids, that were joined
};

// By id, so that the two sides can be walked together; by label within an id, so that equal labels meet.
void sort_rows(std::vector<Row>& rows) {
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
    return std::tie(a.id, a.label, a.number) < std::tie(b.id, b.label, b.number);
  });
}

// The rows of one id on both sides. An id may stand on several rows; equal labels are paired first, and only
// what is left over is a change, an addition or a drop.
void compare_id(std::span<const Row> before, std::span<const Row> after, Comparison& out) {
  std::vector<const Row*> gone;
  std::vector<const Row*> come;
  std::size_t b = 0;
  std::size_t a = 0;
  while (b < before.size() || a < after.size()) {
    if (b < before.size() && a < after.size() && before[b].label == after[a].label) {
      ++out.joined, ++b, ++a;
    } else if (a == after.size() || (b < before.size() && before[b].label < after[a].label)) {
      gone.push_back(&before[b++]);
    } else {
      come.push_back(&after[a++]);
    }
  }
  for (std::size_t i = 0; i < come.size(); ++i) {
    if (i < gone.size()) {
      ++out.joined;
      out.relabelled.push_back({gone[i]->label, come[i]->label, come[i]->number});
    } else {
      out.added.push_back(come[i]->number);
    }
  }
  for (std::size_t i = come.size(); i < gone.size(); ++i) ++out.dropped_of_class[gone[i]->label];
}

std::size_t end_of_id(std::span<const Row> rows, std::size_t begin) {
  std::size_t end = begin;
  while (end < rows.size() && rows[end].id == rows[begin].id) ++end;
  return end;
}

// Rows after the step whose features stood under other ids only, and only with other labels. `before` is by
// id.
void find_moved(std::span<const Row> before, std::span<const Row> after, Comparison& out) {
  std::vector<const Row*> by_features;
  for (const Row& row : before) by_features.push_back(&row);
  std::ranges::sort(by_features, [](const Row* a, const Row* b) {
    return std::tie(a->features, a->label) < std::tie(b->features, b->label);
  });
  for (const Row& row : after) {
    const auto same = std::ranges::equal_range(by_features, row.features, {}, &Row::features);
    const auto has_label = [&](const Row* other) { return other->label == row.label; };
    if (same.empty() || std::ranges::any_of(same, has_label)) continue;
    const auto own = std::ranges::equal_range(before, row.id, {}, &Row::id);
    if (std::ranges::none_of(own, [&](const Row& other) { return other.features == row.features; }))
      out.moved.push_back({(*same.begin())->label, row.label, row.number});
  }
}

Comparison compare(Summary summary, const Contract& contract) {
  const std::map<std::string, std::string> mapping(contract.label_mapping.begin(),
                                                   contract.label_mapping.end());
  Comparison out;
  summary.before.settle(summary.after.settle());
  out.share = summary.after.settle(summary.before.settle()).share();
  std::vector<Row>& before_rows = summary.before.rows();
  std::vector<Row>& after_rows = summary.after.rows();
  for (Row& row : before_rows) {
    if (const auto renamed = mapping.find(row.label); renamed != mapping.end()) row.label = renamed->second;
  }
  sort_rows(before_rows);
  sort_rows(after_rows);
  for (const Row& row : before_rows) ++out.before_of_class[row.label];
  const std::span<const Row> before = before_rows;
  const std::span<const Row> after = after_rows;
  std::size_t b = 0;
  std::size_t a = 0;
  while (b < before.size() || a < after.size()) {
    const bool only_after = b == before.size() || (a < after.size() && after[a].id < before[b].id);
    const bool only_before = a == after.size() || (b < before.size() && before[b].id < after[a].id);
    const std::size_t b_end = only_after ? b : end_of_id(before, b);
    const std::size_t a_end = only_before ? a : end_of_id(after, a);
    compare_id(before.subspan(b, b_end - b), after.subspan(a, a_end - a), out);
    b = b_end;
    a = a_end;
  }
  find_moved(before_rows, after_rows, out);
  const auto by_row = [](const Change& x, const Change& y) { return x.row < y.row; };
  std::sort(out.relabelled.begin(), out.relabelled.end(), by_row);
  std::sort(out.moved.begin(), out.moved.end(), by_row);
  std::sort(out.added.begin(), out.added.end());
  return out;
}

class Report {
 public:
  Report(const Summary& summary, const Comparison& comparison, const Parameters& parameters)
      : name_(summary.name),
        label_column_(summary.label_column),
        comparison_(comparison),
        parameters_(parameters) {}

  void relabelling(const Contract& contract) {
    std::map<std::pair<std::string, std::string>, std::uint64_t> cells;
    for (const Change& change : comparison_.relabelled) ++cells[{change.from, change.to}];
    for (const auto& [cell, count] : cells) {
      const std::uint64_t of = comparison_.before_of_class.at(cell.first);
      const double low = learn::clopper_pearson(count, of).low;
      const double rate = parameters_.get("relabel_rate");
      if (contract.may_relabel && low <= rate) continue;
      const std::string bound =
          contract.may_relabel ? ", above the " + number_text(rate) + " that it may" : "";
      add(Severity::kCritical, {},
          std::to_string(count) + " of " + std::to_string(of) + " rows of class " + cell.first + " became " +
              cell.second + bound,
          "undo the step, or declare the change: contract {may_relabel: true} or label_mapping");
      for (const Change& change : comparison_.relabelled) {
        if (std::tie(change.from, change.to) != std::tie(cell.first, cell.second)) continue;
        add(Severity::kHigh, change.row, "label " + change.from + " became " + change.to, "");
      }
    }
  }

  void moving() {
    for (const Change& change : comparison_.moved) {
      add(Severity::kCritical, change.row,
          "features of a row of class " + change.from + " stand under another id as " + change.to,
          "undo the step: an id names one row for good");
    }
  }

  void adding(const Contract& contract) {
    if (contract.may_add_rows) return;
    for (const std::uint64_t row : comparison_.added) {
      add(Severity::kHigh, row, "row has an id that no row before the step had",
          "undo the step, or declare it: contract {may_add_rows: true}");
    }
  }

  void dropping(const Contract& contract) {
    std::uint64_t all = 0;
    std::uint64_t dropped = 0;
    for (const auto& [label, count] : comparison_.before_of_class) all += count;
    for (const auto& [label, count] : comparison_.dropped_of_class) dropped += count;
    if (dropped > 0 && !contract.may_drop_rows) {
      add(Severity::kHigh, {}, std::to_string(dropped) + " of " + std::to_string(all) + " rows are gone",
          "undo the step, or declare it: contract {may_drop_rows: true}");
    }
    const double level =
        parameters_.get("drop_alpha") / static_cast<double>(comparison_.before_of_class.size());
    for (const auto& [label, count] : comparison_.dropped_of_class) {
      const std::uint64_t of = comparison_.before_of_class.at(label);
      if (learn::hypergeometric_upper_tail(count, all, of, dropped) > level) continue;
      add(Severity::kHigh, {},
          std::to_string(count) + " of the " + std::to_string(dropped) + " rows that are gone are of " +
              "class " + label + ", which had " + std::to_string(of) + " of " + std::to_string(all),
          "say why the step drops rows of this class");
    }
  }

  Examination finish() && {
    const std::uint64_t changed = comparison_.relabelled.size();
    const learn::Interval interval = learn::clopper_pearson(changed, comparison_.joined);
    out_.statistics.push_back({.name = "labels changed",
                               .value = comparison_.joined == 0 ? 0
                                                                : static_cast<double>(changed) /
                                                                      static_cast<double>(comparison_.joined),
                               .low = interval.low,
                               .high = interval.high,
                               .sample_size = comparison_.joined,
                               .power = comparison_.share,
                               .effect = "one relabelled row",
                               .false_positive_rate = 0.0});
    return std::move(out_);
  }

 private:
  void add(Severity severity, std::optional<std::uint64_t> row, std::string message, std::string remedy) {
    if (out_.findings.size() >= limits::kFindingsPerGuardMax) return;
    out_.findings.push_back({.severity = severity,
                             .where = {.path = name_, .row = row, .column = label_column_},
                             .message = std::move(message),
                             .remedy = std::move(remedy)});
  }

  const std::string& name_;
  const std::string& label_column_;
  const Comparison& comparison_;
  const Parameters& parameters_;
  Examination out_;
};

Result<Examination> judge(const std::any& any_summary, const Contract& contract,
                          const Parameters& parameters) {
  const Summary& summary = std::any_cast<const Summary&>(any_summary);
  if (!summary.before_has_ids || !summary.after_has_ids) {
    return invalid("data set " + summary.name + ": no id column " +
                       (summary.before_has_ids ? "after" : "before") + " the step, so rows cannot be joined",
                   "name the column in the schema, {id: COLUMN}, and let the step keep it");
  }
  if (summary.before.seen() == 0) {
    return invalid("data set " + summary.name + ": nothing to compare with",
                   "this guard holds what a step wrote against what it read");
  }
  const Comparison comparison = compare(summary, contract);
  if (comparison.before_of_class.empty()) {
    return fail(ErrorKind::kLimit, "data set " + summary.name + ": more than rows_max rows have one id");
  }
  Report report(summary, comparison, parameters);
  report.relabelling(contract);
  report.moving();
  report.adding(contract);
  report.dropping(contract);
  return std::move(report).finish();
}

}  // namespace

const Guard label_transition{
    .id = "label_transition",
    .threats = {"prep-label-flip"},
    .summary = "a step that changes labels beyond its contract",
    .looks_for =
        "rows whose label, joined by id, changed without a declaration; rows moved, added or dropped by "
        "class",
    .parameters = kParameters,
    .dataset = {.summarise = summarise, .merge = merge, .judge = judge, .relation = Relation::kBefore},
};

}  // namespace sallyport::data_engineering::data_preprocessing
