// Evaluation of a classifier on examples that it never saw: one prediction an example, the figures that
// follow from them, and how many predictions stand under attack.
//
// predictions.csv holds one row an example, in the order of the test table: id, label, predicted, and the
// probability of each class as p_CLASS. Every figure of validation.json but robustness can be computed again
// from it and from the sealed labels. Values; safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/dataset.h"
#include "core/json.h"
#include "core/result.h"
#include "learn/attack.h"
#include "learn/statistics.h"

namespace sallyport::learn {

struct Proportion {
  std::uint64_t successes = 0;
  std::uint64_t trials = 0;

  double value() const {
    return trials == 0 ? 0 : static_cast<double>(successes) / static_cast<double>(trials);
  }
  // Clopper and Pearson, 95 %.
  Interval interval() const { return clopper_pearson(successes, trials); }
};
// {"value", "low", "high", "successes", "trials"}
Json to_json(const Proportion& proportion);

struct ClassScore {
  std::string name;
  Proportion recall = {};     // of the class's examples, those predicted as it
  Proportion precision = {};  // of the predictions of the class, those that are right
};

struct Scores {
  Proportion accuracy = {};
  std::vector<ClassScore> classes = {};
  std::vector<std::vector<std::uint64_t>> confusion = {};  // [label][predicted]
};
// `labels` and `predicted` are indices into `classes` and of one length.
Scores score(const std::vector<std::string>& classes, std::span<const std::uint32_t> labels,
             std::span<const std::uint32_t> predicted);

struct Robustness {
  std::string attack;  // "fgsm" or "pgd"
  Attack settings = {};
  Proportion accuracy = {};  // examples that were right and stayed right, among all that were attacked
};

struct Evaluation {
  std::string engine = {};
  Digest model = {};  // digest_of(model)
  Digest test = {};   // of the test table's bytes
  std::uint64_t rows = 0;
  Scores scores = {};
  std::vector<Robustness> robustness = {};
  Digest predictions = {};  // of predictions.csv
};

struct Evaluated {
  Evaluation evaluation;
  std::string predictions_csv;
};

struct EvaluationOptions {
  std::vector<Attack> attacks = {};  // steps == 1 and no restarts is reported as fgsm, everything else as pgd
  std::size_t sample = 0;            // examples to attack, chosen by the attack's seed; 0: all
};

// `test_digest` names the table's bytes. Error when the table does not fit the network.
Result<Evaluated> evaluate(Engine& engine, const Model& model, const Dataset& test, const Digest& test_digest,
                           const EvaluationOptions& options);

// validation.json: {"format", "engine", "model", "test", "predictions", "sample_size",
//  "metrics": {"accuracy", "accuracy_low", "accuracy_high", "balanced_accuracy", "worst_class_recall"},
//  "classes": [{"class", "recall", "precision"}], "confusion",
//  "robustness": {"attack", "eps", "norm", "steps", "step_size", "restarts", "seed", "sample_size",
//  "accuracy", "low", "high"},      the attack that broke most; absent members when nothing was attacked
//  "attacks": [the same for every attack]}
Json to_json(const Evaluation& evaluation);

}  // namespace sallyport::learn
