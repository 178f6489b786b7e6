#include "learn/dawid_skene.h"

#include <algorithm>
#include <cmath>

namespace sallyport::learn {
namespace {

constexpr int kIterationsMax = 50;
constexpr double kSettled = 1e-6;  // largest change of a probability
constexpr double kPrior = 0.1;     // answers of each kind that everybody is credited with
constexpr double kRightPrior = 1;  // and right ones

struct Estimate {
  std::size_t classes;
  std::vector<double> posterior;  // [item][class]
  std::vector<double> confusion;  // [annotator][truth][given]
  std::vector<double> share;      // of each class
};

void maximise(Estimate& model, std::span<const Answer> answers) {
  const std::size_t k = model.classes;
  for (std::size_t i = 0; i < model.confusion.size(); ++i)
    model.confusion[i] = i / k % k == i % k ? kRightPrior : kPrior;
  std::ranges::fill(model.share, 1.0);
  for (const Answer& answer : answers) {
    for (std::size_t truth = 0; truth < k; ++truth) {
      const double p = model.posterior[answer.item * k + truth];
      model.confusion[(answer.annotator * k + truth) * k + answer.label] += p;
      model.share[truth] += p;
    }
  }
  const auto normalise = [&](std::span<double> row) {
    double sum = 0;
    for (const double value : row) sum += value;
    for (double& value : row) value /= sum;
  };
  for (std::size_t row = 0; row < model.confusion.size(); row += k)
    normalise(std::span(model.confusion).subspan(row, k));
  normalise(model.share);
}

// The largest change of a posterior probability.
double expect(Estimate& model, std::span<const Answer> answers) {
  const std::size_t k = model.classes;
  std::vector<double> next(model.posterior.size());
  for (std::size_t i = 0; i < next.size(); ++i) next[i] = std::log(model.share[i % k]);
  for (const Answer& answer : answers) {
    for (std::size_t truth = 0; truth < k; ++truth)
      next[answer.item * k + truth] +=
          std::log(model.confusion[(answer.annotator * k + truth) * k + answer.label]);
  }
  double change = 0;
  for (std::size_t item = 0; item < next.size(); item += k) {
    const std::span<double> row = std::span(next).subspan(item, k);
    const double largest = *std::ranges::max_element(row);
    double sum = 0;
    for (double& value : row) sum += value = std::exp(value - largest);
    for (std::size_t truth = 0; truth < k; ++truth) {
      row[truth] /= sum;
      change = std::max(change, std::abs(row[truth] - model.posterior[item + truth]));
    }
  }
  model.posterior = std::move(next);
  return change;
}

}  // namespace

Consensus consensus_of(std::span<const Answer> answers, std::size_t items, std::size_t annotators,
                       std::size_t classes) {
  Estimate model{.classes = classes,
                 .posterior = std::vector<double>(items * classes),
                 .confusion = std::vector<double>(annotators * classes * classes),
                 .share = std::vector<double>(classes)};
  std::vector<double> answered(items);
  for (const Answer& answer : answers) {
    model.posterior[answer.item * classes + answer.label] += 1;
    answered[answer.item] += 1;
  }
  for (std::size_t i = 0; i < model.posterior.size(); ++i)
    model.posterior[i] /= std::max(1.0, answered[i / classes]);
  for (int round = 0; round < kIterationsMax; ++round) {
    maximise(model, answers);
    if (expect(model, answers) < kSettled) break;
  }
  Consensus out{.classes = classes, .confusion = model.confusion};
  for (std::size_t item = 0; item < items; ++item) {
    const std::span<const double> row = std::span(model.posterior).subspan(item * classes, classes);
    const auto best = std::ranges::max_element(row);
    out.truth.push_back(answered[item] > 0 ? static_cast<std::uint32_t>(best - row.begin()) : 0);
    out.certainty.push_back(answered[item] > 0 ? *best : 0);
  }
  return out;
}

}  // namespace sallyport::learn
