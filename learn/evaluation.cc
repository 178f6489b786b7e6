#include "learn/evaluation.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "formats/csv.h"
#include "learn/random.h"

namespace sallyport::learn {

namespace {

constexpr std::string_view kFormat = "sallyport-validation/1";
constexpr std::uint64_t kSampleStream = 3;

Result<std::string> predictions_csv(const Network& network, const Dataset& test,
                                    const std::vector<std::uint32_t>& predicted,
                                    const Matrix& probabilities) {
  Column ids{.name = "id", .numeric = false, .texts = test.ids()};
  Column labels{.name = "label", .numeric = false};
  labels.texts = TRY(test.labels());
  Column guesses{.name = "predicted", .numeric = false};
  for (const std::uint32_t guess : predicted) guesses.texts.push_back(network.classes[guess]);
  Dataset table{.name = "predictions", .columns = {std::move(ids), std::move(labels), std::move(guesses)}};
  for (std::size_t c = 0; c < network.classes.size(); ++c) {
    Column column{.name = "p_" + network.classes[c]};
    // Six decimals are far below what rounding differs by between engines, and a person can read them.
    for (std::size_t r = 0; r < probabilities.rows(); ++r) {
      column.numbers.push_back(std::round(static_cast<double>(probabilities.at(r, c)) * 1e6) / 1e6);
    }
    table.columns.push_back(std::move(column));
  }
  return formats::csv::write(table);
}

Result<Robustness> attack_with(Engine& engine, const Model& model, const Examples& examples,
                               const Attack& attack, std::size_t sample) {
  Examples chosen = examples;
  if (sample > 0 && sample < examples.rows()) {
    Random random(derive_seed(attack.seed, kSampleStream));
    std::vector<std::size_t> rows = random.sample(examples.rows(), sample);
    std::ranges::sort(rows);
    chosen = examples.pick(rows);
  }
  const std::vector<bool> stood = TRY(withstands(engine, model, chosen, attack));
  const auto successes = static_cast<std::uint64_t>(std::ranges::count(stood, true));
  return Robustness{.attack = attack.steps == 1 && attack.restarts == 0 ? "fgsm" : "pgd",
                    .settings = attack,
                    .accuracy = {.successes = successes, .trials = chosen.rows()}};
}

Json robustness_json(const Robustness& robustness) {
  const Attack& settings = robustness.settings;
  const Interval interval = robustness.accuracy.interval();
  return {{"attack", robustness.attack},
          {"eps", settings.eps},
          {"norm", "linf"},
          {"steps", settings.steps},
          {"step_size", step_size_of(settings)},
          {"restarts", settings.restarts},
          {"seed", settings.seed},
          {"sample_size", robustness.accuracy.trials},
          {"accuracy", robustness.accuracy.value()},
          {"low", interval.low},
          {"high", interval.high}};
}

Json metrics_json(const Scores& scores) {
  double sum = 0;
  double worst = 1;
  std::size_t present = 0;
  for (const ClassScore& of_class : scores.classes) {
    if (of_class.recall.trials == 0) continue;
    ++present;
    sum += of_class.recall.value();
    worst = std::min(worst, of_class.recall.value());
  }
  const Interval interval = scores.accuracy.interval();
  return {{"accuracy", scores.accuracy.value()},
          {"accuracy_low", interval.low},
          {"accuracy_high", interval.high},
          {"balanced_accuracy", present == 0 ? 0 : sum / static_cast<double>(present)},
          {"worst_class_recall", worst}};
}

}  // namespace

Json to_json(const Proportion& proportion) {
  const Interval interval = proportion.interval();
  return {{"value", proportion.value()},
          {"low", interval.low},
          {"high", interval.high},
          {"successes", proportion.successes},
          {"trials", proportion.trials}};
}

Scores score(const std::vector<std::string>& classes, std::span<const std::uint32_t> labels,
             std::span<const std::uint32_t> predicted) {
  SP_CHECK(labels.size() == predicted.size());
  const std::size_t n = classes.size();
  Scores out{.accuracy = {.trials = labels.size()},
             .confusion = std::vector<std::vector<std::uint64_t>>(n, std::vector<std::uint64_t>(n))};
  for (std::size_t i = 0; i < labels.size(); ++i) ++out.confusion[labels[i]][predicted[i]];
  for (std::size_t c = 0; c < n; ++c) {
    ClassScore of_class{.name = classes[c]};
    for (std::size_t other = 0; other < n; ++other) {
      of_class.recall.trials += out.confusion[c][other];
      of_class.precision.trials += out.confusion[other][c];
    }
    of_class.recall.successes = of_class.precision.successes = out.confusion[c][c];
    out.accuracy.successes += out.confusion[c][c];
    out.classes.push_back(std::move(of_class));
  }
  return out;
}

Result<Evaluated> evaluate(Engine& engine, const Model& model, const Dataset& test, const Digest& test_digest,
                           const EvaluationOptions& options) {
  const Examples examples = TRY(examples_of(model.network, test));
  if (examples.rows() == 0) return invalid(test.name + ": there are no rows to evaluate on");
  const Matrix logits = TRY(engine.logits(model, examples.inputs));
  const std::vector<std::uint32_t> predicted = argmax(logits);
  Evaluated out{.evaluation = {.engine = std::string(engine.name()),
                               .model = digest_of(model),
                               .test = test_digest,
                               .rows = examples.rows(),
                               .scores = score(model.network.classes, examples.labels, predicted)},
                .predictions_csv = {}};
  out.predictions_csv = TRY(predictions_csv(model.network, test, predicted, softmax(logits)));
  out.evaluation.predictions = sha256(out.predictions_csv);
  for (const Attack& attack : options.attacks) {
    out.evaluation.robustness.push_back(TRY(attack_with(engine, model, examples, attack, options.sample)));
  }
  return out;
}

Json to_json(const Evaluation& evaluation) {
  Json classes = Json::array();
  for (const ClassScore& of_class : evaluation.scores.classes) {
    classes.push_back({{"class", of_class.name},
                       {"recall", to_json(of_class.recall)},
                       {"precision", to_json(of_class.precision)}});
  }
  Json attacks = Json::array();
  for (const Robustness& robustness : evaluation.robustness) attacks.push_back(robustness_json(robustness));
  const auto worst = std::ranges::min_element(evaluation.robustness, {},
                                              [](const Robustness& r) { return r.accuracy.value(); });
  return {{"format", std::string(kFormat)},
          {"engine", evaluation.engine},
          {"model", evaluation.model.hex()},
          {"test", evaluation.test.hex()},
          {"predictions", evaluation.predictions.hex()},
          {"sample_size", evaluation.rows},
          {"metrics", metrics_json(evaluation.scores)},
          {"classes", classes},
          {"confusion", evaluation.scores.confusion},
          {"robustness", worst == evaluation.robustness.end() ? Json::object() : robustness_json(*worst)},
          {"attacks", attacks}};
}

}  // namespace sallyport::learn
