#include "learn/relevance.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace sallyport::learn {

std::vector<Auc> auc_by_group(std::span<const double> values, std::span<const std::uint8_t> inside,
                              std::span<const std::uint32_t> group_of, std::size_t groups) {
  struct Tally {
    std::size_t inside = 0;
    std::size_t outside = 0;
    double wins = 0;  // pairs in which the inside row is larger, and half of those that tie
    std::size_t tied_inside = 0;
    std::size_t tied_outside = 0;
    double tied_value = 0;
  };
  std::vector<Tally> tallies(groups);
  const auto settle = [](Tally& t) {
    const auto in = static_cast<double>(t.tied_inside);
    const auto out = static_cast<double>(t.tied_outside);
    t.wins += in * (static_cast<double>(t.outside) + out / 2);
    t.inside += t.tied_inside;
    t.outside += t.tied_outside;
    t.tied_inside = t.tied_outside = 0;
  };
  std::vector<std::uint32_t> order;
  for (std::uint32_t row = 0; row < values.size(); ++row) {
    if (!std::isnan(values[row])) order.push_back(row);
  }
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return values[a] < values[b]; });
  for (const std::uint32_t row : order) {
    Tally& t = tallies[group_of[row]];
    if (values[row] != t.tied_value) settle(t);
    t.tied_value = values[row];
    ++(inside[row] ? t.tied_inside : t.tied_outside);
  }
  std::vector<Auc> out;
  for (Tally& t : tallies) {
    settle(t);
    const double pairs = static_cast<double>(t.inside) * static_cast<double>(t.outside);
    out.push_back({.value = pairs > 0 ? t.wins / pairs : 0.5, .inside = t.inside, .outside = t.outside});
  }
  return out;
}

double auc_variance(double area, std::size_t inside, std::size_t outside) {
  if (inside == 0 || outside == 0) return 1;
  const double a = std::clamp(area, 0.0, 1.0);
  const double q1 = a / (2 - a);
  const double q2 = 2 * a * a / (1 + a);
  const auto n1 = static_cast<double>(inside);
  const auto n0 = static_cast<double>(outside);
  return (a * (1 - a) + (n1 - 1) * (q1 - a * a) + (n0 - 1) * (q2 - a * a)) / (n1 * n0);
}

double variance_between(std::span<const double> values, std::span<const std::uint32_t> class_of,
                        std::size_t classes, std::span<const std::uint8_t> use) {
  std::vector<double> sums(classes);
  std::vector<double> counts(classes);
  double sum = 0;
  double count = 0;
  for (std::size_t row = 0; row < values.size(); ++row) {
    if (!use[row] || std::isnan(values[row])) continue;
    sums[class_of[row]] += values[row];
    counts[class_of[row]] += 1;
    sum += values[row];
    count += 1;
  }
  if (count == 0) return 0;
  const double middle = sum / count;
  double total = 0;
  for (std::size_t row = 0; row < values.size(); ++row) {
    if (use[row] && !std::isnan(values[row])) total += (values[row] - middle) * (values[row] - middle);
  }
  double between = 0;
  for (std::size_t c = 0; c < classes; ++c) {
    if (counts[c] > 0) between += counts[c] * (sums[c] / counts[c] - middle) * (sums[c] / counts[c] - middle);
  }
  return total > 0 ? between / total : 0;
}

Pooled pooled_effect(std::span<const double> effects, std::span<const double> variances) {
  const auto weighted = [&](double between) {
    double weights = 0;
    double sum = 0;
    for (std::size_t i = 0; i < effects.size(); ++i) {
      const double weight = 1 / (variances[i] + between);
      weights += weight;
      sum += weight * effects[i];
    }
    return Pooled{.mean = sum / weights, .variance = 1 / weights, .between = between};
  };
  if (effects.empty()) return {};
  const Pooled fixed = weighted(0);
  double q = 0;
  double squares = 0;
  for (std::size_t i = 0; i < effects.size(); ++i) {
    q += (effects[i] - fixed.mean) * (effects[i] - fixed.mean) / variances[i];
    squares += 1 / (variances[i] * variances[i]);
  }
  const double weights = 1 / fixed.variance;
  const double scale = weights - squares / weights;
  const double degrees = static_cast<double>(effects.size()) - 1;
  return weighted(scale > 0 ? std::max(0.0, (q - degrees) / scale) : 0);
}

}  // namespace sallyport::learn
