// validate-metrics-tamper enacted: whoever wrote the scoring script lets the report say more than the model
// can. It skips a tenth of the errors, or just one, leaves a class out, or tries twenty seeds and
// reports the best.
#include <algorithm>
#include <cmath>
#include <map>

#include "drills/data.h"
#include "drills/drill.h"
#include "formats/csv.h"
#include "learn/evaluation.h"
#include "learn/neighbours.h"
#include "learn/random.h"

namespace sallyport::experiment::model_validation {

extern const drills::Drill recomputed_metrics_drill;

namespace {

using drills::World;

constexpr std::uint64_t kRegisteredSeed = 7;
constexpr std::size_t kTrainRows = 120;  // few, so that there are errors to hide
constexpr std::size_t kSealedRows = 360;
constexpr double kJitter = 3;  // levels of ink by which the scorer shakes each pixel, as its recipe says

struct Scored {
  std::vector<std::string> ids;
  std::vector<std::string> labels;
  std::vector<std::string> predicted;
};

// What the model says of each sealed row, in the scoring run with this seed.
Result<Scored> score_with(std::uint64_t world_seed, std::uint64_t run_seed, Dataset& sealed) {
  const Dataset& all = drills::digits();
  learn::Random split(world_seed);
  const std::vector<std::size_t> order = split.sample(all.rows(), kTrainRows + kSealedRows);
  const auto cut = order.begin() + static_cast<std::ptrdiff_t>(kTrainRows);
  const Dataset train = all.pick({order.begin(), cut});
  sealed = all.pick({cut, order.end()});
  learn::Matrix images = TRY(learn::features_of(sealed));
  learn::Random jitter(learn::derive_seed(world_seed, run_seed));
  for (std::size_t row = 0; row < images.rows(); ++row) {
    for (float& pixel : images.row(row)) pixel += static_cast<float>(kJitter * jitter.normal());
  }
  const learn::Neighbours found = TRY(learn::nearest(TRY(learn::features_of(train)), images, {.count = 1}));
  const std::vector<std::string> known = TRY(train.labels());
  Scored out{.ids = sealed.ids(), .labels = TRY(sealed.labels()), .predicted = {}};
  for (std::size_t row = 0; row < images.rows(); ++row) out.predicted.push_back(known[found.of(row)[0].row]);
  return out;
}

bool is_right(const Scored& scored, std::size_t row) { return scored.labels[row] == scored.predicted[row]; }

Scored pick(const Scored& scored, const std::vector<std::size_t>& rows) {
  Scored out;
  for (const std::size_t row : rows) {
    out.ids.push_back(scored.ids[row]);
    out.labels.push_back(scored.labels[row]);
    out.predicted.push_back(scored.predicted[row]);
  }
  return out;
}

double accuracy_of(const Scored& scored) {
  std::size_t right = 0;
  for (std::size_t row = 0; row < scored.ids.size(); ++row) right += is_right(scored, row) ? 1 : 0;
  return static_cast<double>(right) / static_cast<double>(scored.ids.size());
}

Result<std::string> csv_of(const Scored& scored) {
  Dataset table{.name = "predictions", .columns = {}};
  table.columns.push_back({.name = "id", .numeric = false, .texts = scored.ids});
  table.columns.push_back({.name = "label", .numeric = false, .texts = scored.labels});
  table.columns.push_back({.name = "predicted", .numeric = false, .texts = scored.predicted});
  return formats::csv::write(table);
}

// The report as a scorer writes it who holds to the form: `figures` are what it reports, `predictions` what
// it hands over beside them.
Result<Json> report_of(const Scored& figures, std::string_view predictions, std::string_view sealed,
                       std::uint64_t seed) {
  learn::Evaluation evaluation{.engine = "1-nearest-neighbour", .test = sha256(sealed)};
  std::vector<std::string> classes = figures.labels;
  classes.insert(classes.end(), figures.predicted.begin(), figures.predicted.end());
  std::ranges::sort(classes);
  classes.erase(std::ranges::unique(classes).begin(), classes.end());
  const auto indices = [&](const std::vector<std::string>& names) {
    std::vector<std::uint32_t> out;
    for (const std::string& name : names) {
      out.push_back(static_cast<std::uint32_t>(std::ranges::find(classes, name) - classes.begin()));
    }
    return out;
  };
  evaluation.rows = figures.ids.size();
  evaluation.scores = learn::score(classes, indices(figures.labels), indices(figures.predicted));
  evaluation.predictions = sha256(predictions);
  Json out = to_json(evaluation);
  out["seed"] = seed;
  return out;
}

struct Story {
  double true_accuracy = 0;
  double believed_accuracy = 0;
  Json excluded = Json::array();
};

Result<void> write_report(World& world, const Scored& figures, const Scored& predictions,
                          const Dataset& sealed, std::uint64_t seed) {
  const std::string csv = TRY(csv_of(predictions));
  const std::string labels = TRY(formats::csv::write(sealed));
  TRY(world.write("test.csv", labels));
  TRY(world.write("predictions.csv", csv));
  return world.write("validation.json", pretty(TRY(report_of(figures, csv, labels, seed))));
}

// The rows without `count` of the errors.
std::vector<std::size_t> without_errors(const Scored& scored, std::size_t count) {
  std::vector<std::size_t> rows;
  for (std::size_t row = 0; row < scored.ids.size(); ++row) {
    if (is_right(scored, row) || count == 0) {
      rows.push_back(row);
    } else {
      --count;
    }
  }
  return rows;
}

// The rows of every class but the one that the model knows least.
std::vector<std::size_t> without_worst_class(const Scored& scored) {
  std::map<std::string, std::pair<double, double>> classes;  // right, all
  for (std::size_t row = 0; row < scored.ids.size(); ++row) {
    auto& [right, rows] = classes[scored.labels[row]];
    right += is_right(scored, row) ? 1 : 0;
    rows += 1;
  }
  const auto recall = [](const auto& entry) { return entry.second.first / entry.second.second; };
  const std::string worst = std::ranges::min_element(classes, {}, recall)->first;
  std::vector<std::size_t> out;
  for (std::size_t row = 0; row < scored.ids.size(); ++row) {
    if (scored.labels[row] != worst) out.push_back(row);
  }
  return out;
}

constexpr std::uint64_t kWays = 5;

Result<void> attack(World& world) {
  Dataset sealed;
  const Scored all = TRY(score_with(world.seed(), kRegisteredSeed, sealed));
  world.state<Story>().true_accuracy = accuracy_of(all);
  const std::size_t errors =
      all.ids.size() -
      static_cast<std::size_t>(std::lround(accuracy_of(all) * static_cast<double>(all.ids.size())));
  switch (world.seed() % kWays) {
    case 0: {
      const Scored kept = pick(all, without_errors(all, std::max<std::size_t>(errors / 10, 1)));
      return write_report(world, kept, kept, sealed, kRegisteredSeed);
    }
    case 1: {
      const Scored kept = pick(all, without_errors(all, 1));
      return write_report(world, kept, kept, sealed, kRegisteredSeed);
    }
    case 2: {
      const Scored kept = pick(all, without_worst_class(all));
      return write_report(world, kept, kept, sealed, kRegisteredSeed);
    }
    case 3: {
      // All predictions are handed over; only the figures leave one error out.
      return write_report(world, pick(all, without_errors(all, 1)), all, sealed, kRegisteredSeed);
    }
    default: break;
  }
  Scored best = all;
  std::uint64_t best_seed = kRegisteredSeed;
  for (std::uint64_t seed = 100; seed < 120; ++seed) {
    Scored run = TRY(score_with(world.seed(), seed, sealed));
    if (accuracy_of(run) <= accuracy_of(best)) continue;
    best = std::move(run);
    best_seed = seed;
  }
  return write_report(world, best, best, sealed, best_seed);
}

// Three images did not survive their transport; the lead has signed that they are left out.
Result<void> honest(World& world) {
  Dataset sealed;
  const Scored all = TRY(score_with(world.seed(), kRegisteredSeed, sealed));
  learn::Random random(world.seed());
  const std::vector<std::size_t> malformed = random.sample(all.ids.size(), 3);
  std::vector<std::size_t> rows;
  for (std::size_t row = 0; row < all.ids.size(); ++row) {
    if (std::ranges::find(malformed, row) == malformed.end()) rows.push_back(row);
  }
  for (const std::size_t row : malformed) world.state<Story>().excluded.push_back(all.ids[row]);
  const Scored kept = pick(all, rows);
  world.state<Story>().true_accuracy = accuracy_of(kept);
  return write_report(world, kept, kept, sealed, kRegisteredSeed);
}

// A release manager reads the report.
Result<void> victim(World& world) {
  const Json report = TRY(parse_json(as_text(TRY(world.read("validation.json")))));
  const Json metrics = TRY(get_object(report, "metrics"));
  world.state<Story>().believed_accuracy = TRY(get_number(metrics, "accuracy"));
  return {};
}

bool harmed(const World& world) {
  const Story& story = world.state<Story>();
  return story.believed_accuracy > story.true_accuracy;
}

Result<Subjects> present(World& world) {
  const auto text = [&](const char* path) -> Result<std::string> {
    return std::string(as_text(TRY(world.read(path))));
  };
  Subjects out;
  out.steps.emplace_back("validation",
                         StepSubject{Stage::kValidation, TRY(parse_json(TRY(text("validation.json")))),
                                     Json{{"predictions", TRY(text("predictions.csv"))},
                                          {"labels", TRY(text("test.csv"))},
                                          {"schema", {{"label", "digit"}, {"id", "id"}}},
                                          {"excluded", world.state<Story>().excluded},
                                          {"seed", kRegisteredSeed}}});
  return out;
}

}  // namespace

const drills::Drill recomputed_metrics_drill{
    .threat = "validate-metrics-tamper",
    .story =
        "a scoring script skips a tenth of the errors or a single one, leaves out the class that the model "
        "knows least, or "
        "reports "
        "the best of twenty seeds",
    .honest_story = "a report without three malformed rows that the lead signed off",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .present = present,
    .trials = 4 * kWays,
    .harm = "a release manager believes an accuracy that the model does not have"};

}  // namespace sallyport::experiment::model_validation
