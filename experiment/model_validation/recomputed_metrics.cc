// Every figure of a validation report is computed again, from its predictions and the sealed labels.
//
//   declared   the report, validation.json as learn/evaluation.h writes it: "metrics", "sample_size",
//              "predictions" (the digest of the predictions) and, where they are there, "test", "classes",
//              "confusion", "seed" and "scorer"
//   observed   "predictions"  CSV with the columns id and predicted, and label where it has one
//              "labels"       the sealed split as CSV; "schema" {"label", "id"} names its columns
//              "excluded"     ids, the list that the lead signed with the pipeline
//              "seed", "scorer"  what was registered before the run
//
// Every sealed row is predicted exactly once, or is on the signed list and is not predicted at all. A metric
// that cannot be recomputed from predictions is refused: a decision could rest on it. Figures must agree to
// 1e-9, far less than one row's share in any split within limits::kCsvRowsMax: one altered row is found.
//
// Missed: predictions that the model never made. They are the evaluator's word; running the model again is
// the only answer to that.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "core/guard.h"
#include "core/limits.h"
#include "formats/csv.h"
#include "learn/statistics.h"

namespace sallyport::experiment::model_validation {

extern const Guard recomputed_metrics;

namespace {

constexpr Parameter kParameters[] = {
    {"excluded_share", 0.05, "largest share of the sealed rows that a signed list may exclude"},
};
constexpr double kPrecision = 1e-9;

using Labels = std::map<std::string, std::string>;  // by id

struct Prediction {
  std::string id;
  std::string label;  // what the scorer took for the truth; empty when it does not say
  std::string predicted;
};

Result<Labels> sealed_labels(const Json& observed) {
  const Json schema = TRY(get_object(observed, "schema"));
  const std::string id = schema.contains("id") ? TRY(get_string(schema, "id")) : std::string();
  const Dataset table = TRY(formats::csv::parse(
      TRY(get_string(observed, "labels")),
      {.name = "sealed split", .roles = {.label = TRY(get_string(schema, "label")), .id = id}}));
  const std::vector<std::string> ids = table.ids();
  std::vector<std::string> labels = TRY(table.labels());
  Labels out;
  for (std::size_t row = 0; row < ids.size(); ++row) {
    if (!out.emplace(ids[row], std::move(labels[row])).second) {
      return invalid("sealed split: id " + shown(ids[row]) + " stands on two rows");
    }
  }
  return out;
}

Result<std::vector<Prediction>> read_predictions(const std::string& text) {
  formats::csv::Rows rows(text);
  if (!TRY(rows.next())) return invalid("predictions: there is no header");
  const std::vector<std::string>& header = rows.header();
  const auto at = [&](std::string_view name) {
    return static_cast<std::size_t>(std::ranges::find(header, name) - header.begin());
  };
  const std::size_t id = at("id");
  const std::size_t label = at("label");
  const std::size_t predicted = at("predicted");
  if (id == header.size() || predicted == header.size()) {
    return invalid("predictions: the columns id and predicted are expected");
  }
  std::vector<Prediction> out;
  while (TRY(rows.next())) {
    const auto& cells = rows.cells();
    out.push_back({std::string(cells[id]), label == header.size() ? "" : std::string(cells[label]),
                   std::string(cells[predicted])});
  }
  return out;
}

Result<std::set<std::string>> read_excluded(const Json& observed) {
  std::set<std::string> out;
  if (!observed.contains("excluded")) return out;
  for (const Json& id : TRY(get_array(observed, "excluded"))) {
    if (!id.is_string()) return invalid("excluded: a list of ids was expected");
    out.insert(id.get<std::string>());
  }
  return out;
}

struct Counts {
  std::uint64_t labelled = 0;
  std::uint64_t predicted = 0;
  std::uint64_t right = 0;
};

struct Tally {
  std::uint64_t rows = 0;
  std::uint64_t right = 0;
  std::map<std::string, Counts> classes = {};
  std::map<std::pair<std::string, std::string>, std::uint64_t> cells = {};  // label, predicted
};

class Recount {
 public:
  void find(std::string column, std::optional<std::uint64_t> row, std::string message, std::string remedy) {
    if (out_.findings.size() >= limits::kFindingsPerGuardMax) return;
    out_.findings.push_back(
        {.severity = Severity::kCritical,
         .where = {.path = row ? "predictions" : "report", .row = row, .column = std::move(column)},
         .message = std::move(message),
         .remedy = std::move(remedy)});
  }

  // Each prediction against its sealed label; then the sealed rows that nobody predicted.
  Tally tally(const std::vector<Prediction>& predictions, const Labels& sealed,
              const std::set<std::string>& excluded) {
    Tally out;
    std::set<std::string> seen;
    for (std::size_t row = 0; row < predictions.size(); ++row) {
      const Prediction& one = predictions[row];
      const auto truth = sealed.find(one.id);
      if (truth == sealed.end()) {
        find("id", row, shown(one.id) + " is no row of the sealed split",
             "score the sealed split and nothing else");
      } else if (!seen.insert(one.id).second) {
        find("id", row, shown(one.id) + " is predicted twice", "predict every sealed row once");
      } else if (excluded.contains(one.id)) {
        find("id", row, shown(one.id) + " is scored, though the signed list excludes it", "leave it out");
      } else {
        if (!one.label.empty() && one.label != truth->second) {
          find("label", row, "says " + shown(one.label) + ", the sealed label is " + shown(truth->second),
               "take the labels from the sealed split");
        }
        count(out, truth->second, one.predicted);
      }
    }
    missing(sealed, seen, excluded);
    return out;
  }

  void exclusions(const Labels& sealed, const std::set<std::string>& excluded, double share) {
    for (const std::string& id : excluded) {
      if (!sealed.contains(id)) find("excluded", {}, shown(id) + " is no row of the sealed split", "");
    }
    if (static_cast<double>(excluded.size()) > share * static_cast<double>(sealed.size())) {
      find("excluded", {},
           std::to_string(excluded.size()) + " of " + std::to_string(sealed.size()) +
               " sealed rows are excluded, above the share of " + number_text(share),
           "seal a split whose rows can be scored");
    }
  }

  // A number of the report against its own recomputation.
  void compare(const std::string& what, const Json* declared, double recomputed) {
    if (declared != nullptr && declared->is_number() &&
        std::abs(declared->get<double>() - recomputed) <= kPrecision) {
      return;
    }
    const std::string said = declared == nullptr ? "nothing" : shown(declared->dump());
    find(
        what, {},
        "the report says " + said + ", the predictions and the sealed labels give " + number_text(recomputed),
        "find out what the scorer leaves out or changes; report what follows from every row");
  }

  void same(const std::string& what, const Json& declared, const Json& expected, const std::string& why) {
    const auto member = declared.find(what);
    if (member != declared.end() && *member == expected) return;
    const std::string said = member == declared.end() ? "nothing" : shown(member->dump());
    find(what, {}, "the report says " + said + ", " + why + " " + shown(expected.dump()), "");
  }

  Examination finish(const Tally& tally) && {
    const learn::Interval interval = learn::clopper_pearson(tally.right, tally.rows);
    out_.statistics.push_back(
        {.name = "accuracy, recomputed",
         .value = tally.rows == 0 ? 0 : static_cast<double>(tally.right) / static_cast<double>(tally.rows),
         .low = interval.low,
         .high = interval.high,
         .sample_size = tally.rows,
         .power = 1.0,
         .effect = "one altered row",
         .false_positive_rate = 0.0});
    return std::move(out_);
  }

 private:
  static void count(Tally& out, const std::string& label, const std::string& predicted) {
    ++out.rows;
    ++out.classes[label].labelled;
    ++out.classes[predicted].predicted;
    ++out.cells[{label, predicted}];
    if (label != predicted) return;
    ++out.right;
    ++out.classes[label].right;
  }

  void missing(const Labels& sealed, const std::set<std::string>& seen,
               const std::set<std::string>& excluded) {
    std::uint64_t gone = 0;
    std::string first;
    for (const auto& [id, label] : sealed) {
      if (seen.contains(id) || excluded.contains(id)) continue;
      if (gone++ == 0) first = id;
    }
    if (gone == 0) return;
    find("id", {},
         std::to_string(gone) + " of " + std::to_string(sealed.size()) +
             " sealed rows have no prediction, the first is " + shown(first),
         "predict every sealed row, or have the lead sign the list of those that cannot be: validation: "
         "{exclude: [...]}");
  }

  Examination out_;
};

double ratio(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::map<std::string, double> metrics_of(const Tally& tally) {
  double sum = 0;
  double worst = 1;
  std::size_t present = 0;
  for (const auto& [name, counts] : tally.classes) {
    if (counts.labelled == 0) continue;
    const double recall = ratio(counts.right, counts.labelled);
    ++present;
    sum += recall;
    worst = std::min(worst, recall);
  }
  const learn::Interval interval = learn::clopper_pearson(tally.right, tally.rows);
  return {{"accuracy", ratio(tally.right, tally.rows)},
          {"accuracy_low", interval.low},
          {"accuracy_high", interval.high},
          {"balanced_accuracy", present == 0 ? 0 : sum / static_cast<double>(present)},
          {"worst_class_recall", worst}};
}

void compare_proportion(Recount& recount, const std::string& what, const Json& object,
                        std::uint64_t successes, std::uint64_t trials) {
  const auto member = [&](const char* name) { return object.contains(name) ? &object.at(name) : nullptr; };
  const learn::Interval interval = learn::clopper_pearson(successes, trials);
  recount.compare(what + ".successes", member("successes"), static_cast<double>(successes));
  recount.compare(what + ".trials", member("trials"), static_cast<double>(trials));
  recount.compare(what + ".value", member("value"), ratio(successes, trials));
  if (object.contains("low")) recount.compare(what + ".low", member("low"), interval.low);
  if (object.contains("high")) recount.compare(what + ".high", member("high"), interval.high);
}

Result<void> compare_classes(Recount& recount, const Json& report, const Tally& tally) {
  if (!report.contains("classes")) return {};
  std::vector<std::string> names;
  for (const Json& entry : TRY(get_array(report, "classes"))) {
    const std::string name = TRY(get_string(entry, "class"));
    const auto found = tally.classes.find(name);
    const Counts counts = found == tally.classes.end() ? Counts{} : found->second;
    const std::string what = "class " + shown(name);
    compare_proportion(recount, what + " recall", TRY(get_object(entry, "recall")), counts.right,
                       counts.labelled);
    compare_proportion(recount, what + " precision", TRY(get_object(entry, "precision")), counts.right,
                       counts.predicted);
    names.push_back(name);
  }
  for (const auto& [name, counts] : tally.classes) {
    if (std::ranges::find(names, name) != names.end()) continue;
    recount.find("classes", {}, "class " + shown(name) + " is left out", "report every class");
  }
  if (!report.contains("confusion")) return {};
  Json confusion = Json::array();
  for (const std::string& label : names) {
    Json row = Json::array();
    for (const std::string& predicted : names) {
      const auto cell = tally.cells.find({label, predicted});
      row.push_back(cell == tally.cells.end() ? 0 : cell->second);
    }
    confusion.push_back(std::move(row));
  }
  if (report.at("confusion") != confusion) {
    recount.find("confusion", {}, "the table is not what the predictions and the sealed labels give",
                 "report what follows from every row");
  }
  return {};
}

// A report without a seed of its own states one with each attack, where alone it had a use for it.
Result<void> compare_seed(Recount& recount, const Json& report, const Json& registered) {
  const std::string why = "registered before the run was";
  if (report.contains("seed") || !report.contains("attacks")) {
    recount.same("seed", report, registered, why);
    return {};
  }
  for (const Json& attack : TRY(get_array(report, "attacks"))) recount.same("seed", attack, registered, why);
  return {};
}

Result<Examination> step(const StepSubject& subject, const Parameters& parameters) {
  if (subject.stage != Stage::kValidation) return Examination{};
  const Json& report = subject.declared;
  const Json& observed = subject.observed;
  const Labels sealed = TRY(sealed_labels(observed));
  const std::string csv = TRY(get_string(observed, "predictions"));
  const std::vector<Prediction> predictions = TRY(read_predictions(csv));
  const std::set<std::string> excluded = TRY(read_excluded(observed));
  const Json declared = TRY(get_object(report, "metrics"));

  Recount recount;
  recount.exclusions(sealed, excluded, parameters.get("excluded_share"));
  const Tally tally = recount.tally(predictions, sealed, excluded);
  const std::map<std::string, double> metrics = metrics_of(tally);
  if (!declared.contains("accuracy")) recount.compare("accuracy", nullptr, metrics.at("accuracy"));
  for (const auto& [name, value] : declared.items()) {
    if (const auto known = metrics.find(name); known != metrics.end()) {
      recount.compare(name, &value, known->second);
    } else {
      recount.find(name, {}, "the metric cannot be recomputed from predictions",
                   "report it outside `metrics`, where no decision rests on it");
    }
  }
  recount.compare("sample_size", report.contains("sample_size") ? &report.at("sample_size") : nullptr,
                  static_cast<double>(tally.rows));
  TRY(compare_classes(recount, report, tally));
  recount.same("predictions", report, sha256(csv).hex(), "the predictions that it left are");
  if (report.contains("test")) {
    recount.same("test", report, sha256(TRY(get_string(observed, "labels"))).hex(), "the sealed split is");
  }
  if (observed.contains("scorer")) {
    recount.same("scorer", report, observed.at("scorer"), "registered before the run was");
  }
  if (observed.contains("seed")) TRY(compare_seed(recount, report, observed.at("seed")));
  return std::move(recount).finish(tally);
}

}  // namespace

const Guard recomputed_metrics{
    .id = "recomputed_metrics",
    .threats = {"validate-metrics-tamper"},
    .summary = "a validation report whose figures do not follow from its predictions and the sealed labels",
    .looks_for =
        "sealed rows without exactly one prediction or a signed exclusion; metrics, per-class figures and "
        "counts "
        "that differ from their recomputation; another seed or scorer than the registered one",
    .parameters = kParameters,
    .step = step,
};

}  // namespace sallyport::experiment::model_validation
