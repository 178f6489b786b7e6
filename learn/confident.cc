#include "learn/confident.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

namespace sallyport::learn {
namespace {

// Probabilities that are as good as a threshold count as reaching it.
constexpr double kSlack = 1e-6;
constexpr double kNobody = 2;  // the threshold of a class that no row is labelled with
constexpr std::size_t kLeftInClass = 1;

Result<void> check(const Probabilities& probabilities, std::span<const std::uint32_t> given) {
  if (probabilities.rows() != given.size()) {
    return invalid("confident learning: " + std::to_string(probabilities.rows()) +
                   " rows of probabilities for " + std::to_string(given.size()) + " labels");
  }
  for (std::size_t r = 0; r < given.size(); ++r) {
    if (given[r] >= probabilities.classes) {
      return invalid("confident learning: row " + std::to_string(r) + " has a class without a column");
    }
    for (const double value : probabilities.row(r)) {
      if (!std::isfinite(value))
        return invalid("confident learning: row " + std::to_string(r) +
                       " has a probability that is no number");
    }
  }
  return {};
}

std::vector<std::uint64_t> counts_of(std::span<const std::uint32_t> given, std::size_t classes) {
  std::vector<std::uint64_t> out(classes);
  for (const std::uint32_t of : given) ++out[of];
  return out;
}

std::vector<double> thresholds(const Probabilities& probabilities, std::span<const std::uint32_t> given,
                               const std::vector<std::uint64_t>& counts) {
  std::vector<double> out(counts.size());
  for (std::size_t r = 0; r < given.size(); ++r) out[given[r]] += probabilities.row(r)[given[r]];
  for (std::size_t k = 0; k < out.size(); ++k)
    out[k] = counts[k] == 0 ? kNobody : std::max(out[k] / static_cast<double>(counts[k]), 2e-16);
  return out;
}

// Whole numbers with the rounded sum of `values`, each as near to its value as that allows.
void round_preserving_sum(std::span<double> values) {
  const double wanted = std::nearbyint(std::accumulate(values.begin(), values.end(), 0.0));
  std::vector<double> whole(values.size());
  for (std::size_t i = 0; i < whole.size(); ++i) whole[i] = std::nearbyint(values[i]);
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  double sum = std::accumulate(whole.begin(), whole.end(), 0.0);
  while (std::abs(sum - wanted) > 1e-6) {
    const double difference = std::nearbyint(wanted - sum);
    const auto changes =
        std::min(static_cast<std::size_t>(std::abs(difference)), static_cast<std::size_t>(values.size()));
    // What was rounded down most goes up first, what was rounded up most goes down first.
    std::stable_sort(order.begin(), order.end(), [&](std::size_t x, std::size_t y) {
      const double a = values[x] - whole[x];
      const double b = values[y] - whole[y];
      if (a == b) return difference > 0 ? x > y : x < y;
      return difference > 0 ? a > b : a < b;
    });
    for (std::size_t i = 0; i < changes; ++i) whole[order[i]] += difference < 0 ? -1 : 1;
    sum = std::accumulate(whole.begin(), whole.end(), 0.0);
  }
  std::ranges::copy(whole, values.begin());
}

std::vector<double> raw_joint(const Probabilities& probabilities, std::span<const std::uint32_t> given,
                              const std::vector<double>& threshold) {
  const std::size_t classes = threshold.size();
  std::vector<double> out(classes * classes);
  for (std::size_t r = 0; r < given.size(); ++r) {
    const std::span<const double> row = probabilities.row(r);
    std::size_t confident = 0;
    std::size_t first = 0;
    std::size_t largest = 0;
    for (std::size_t k = 0; k < classes; ++k) {
      if (row[k] > row[largest]) largest = k;
      if (row[k] < threshold[k] - kSlack) continue;
      if (confident++ == 0) first = k;
    }
    if (confident > 0) out[given[r] * classes + (confident > 1 ? largest : first)] += 1;
  }
  for (std::size_t k = 0; k < classes; ++k) out[k * classes + k] = std::max(out[k * classes + k], 1.0);
  return out;
}

// How many rows of each given class (column) are to be pruned for each other class (row), so that every class
// keeps some.
std::vector<double> prune_counts(const ConfidentJoint& joint) {
  const std::size_t n = joint.classes;
  std::vector<double> out(n * n);
  for (std::size_t given = 0; given < n; ++given) {
    for (std::size_t other = 0; other < n; ++other)
      out[other * n + given] = static_cast<double>(joint.counts[given * n + other]);
  }
  for (std::size_t given = 0; given < n; ++given) {
    const double before = out[given * n + given];
    const double kept = std::max(before, static_cast<double>(kLeftInClass));
    double kinds = -1;
    for (std::size_t other = 0; other < n; ++other) kinds += out[other * n + given] != 0 ? 1 : 0;
    for (std::size_t other = 0; other < n; ++other) {
      double& count = out[other * n + given];
      count = std::max(0.0, count - (kept - before) / std::max(kinds, 1.0));
    }
    out[given * n + given] = kept;
  }
  for (std::size_t other = 0; other < n; ++other) round_preserving_sum(std::span(out).subspan(other * n, n));
  return out;
}

}  // namespace

Result<ConfidentJoint> confident_joint(const Probabilities& probabilities,
                                       std::span<const std::uint32_t> given) {
  TRY(check(probabilities, given));
  const std::size_t n = probabilities.classes;
  const std::vector<std::uint64_t> counts = counts_of(given, n);
  std::vector<double> joint = raw_joint(probabilities, given, thresholds(probabilities, given, counts));
  double all = 0;
  for (std::size_t k = 0; k < n; ++k) {
    const std::span<double> row = std::span(joint).subspan(k * n, n);
    const double sum = std::accumulate(row.begin(), row.end(), 0.0);
    for (double& value : row) value = value / sum * static_cast<double>(counts[k]);
    all += std::accumulate(row.begin(), row.end(), 0.0);
  }
  ConfidentJoint out{.classes = n, .counts = std::vector<std::uint64_t>(n * n)};
  for (std::size_t k = 0; k < n; ++k) {
    const std::span<double> row = std::span(joint).subspan(k * n, n);
    for (double& value : row) value = all > 0 ? value / all * static_cast<double>(given.size()) : 0;
    round_preserving_sum(row);
    for (std::size_t j = 0; j < n; ++j)
      out.counts[k * n + j] = static_cast<std::uint64_t>(std::max(0.0, row[j]));
  }
  return out;
}

Result<std::vector<bool>> label_errors(const Probabilities& probabilities,
                                       std::span<const std::uint32_t> given) {
  const ConfidentJoint joint = TRY(confident_joint(probabilities, given));
  const std::size_t n = joint.classes;
  const std::vector<double> prune = prune_counts(joint);
  std::vector<std::vector<std::uint32_t>> rows_of(n);
  for (std::size_t r = 0; r < given.size(); ++r) rows_of[given[r]].push_back(static_cast<std::uint32_t>(r));
  std::vector<bool> out(given.size());
  std::vector<std::pair<double, std::uint32_t>> ranked;  // by margin, the first of equal rows first
  for (std::size_t of = 0; of < n; ++of) {
    if (rows_of[of].size() <= kLeftInClass) continue;
    for (std::size_t other = 0; other < n; ++other) {
      const auto count = std::min(static_cast<std::size_t>(prune[other * n + of]), rows_of[of].size());
      if (other == of || count == 0) continue;
      ranked.clear();
      for (const std::uint32_t r : rows_of[of])
        ranked.emplace_back(probabilities.row(r)[of] - probabilities.row(r)[other], r);
      const auto end = ranked.begin() + static_cast<std::ptrdiff_t>(count);
      std::nth_element(ranked.begin(), end - 1, ranked.end());
      for (auto at = ranked.begin(); at != end; ++at) out[at->second] = true;
    }
  }
  for (std::size_t r = 0; r < given.size(); ++r) {
    const std::span<const double> row = probabilities.row(r);
    const auto largest = static_cast<std::size_t>(std::ranges::max_element(row) - row.begin());
    if (largest == given[r]) out[r] = false;
  }
  return out;
}

Probabilities as_probabilities(const Matrix& scores) {
  Probabilities out{.classes = scores.columns(), .values = {}};
  out.values.reserve(scores.values().size());
  for (std::size_t r = 0; r < scores.rows(); ++r) {
    double sum = 0;
    for (const float value : scores.row(r)) sum += std::max(static_cast<double>(value), 1e-6);
    for (const float value : scores.row(r))
      out.values.push_back(std::max(static_cast<double>(value), 1e-6) / sum);
  }
  return out;
}

std::vector<double> margins(const Matrix& scores, std::span<const std::uint32_t> given) {
  std::vector<double> out(given.size());
  for (std::size_t r = 0; r < given.size(); ++r) {
    const std::span<const float> row = scores.row(r);
    double best = -std::numeric_limits<double>::infinity();
    for (std::size_t k = 0; k < row.size(); ++k) {
      if (k != given[r]) best = std::max(best, static_cast<double>(row[k]));
    }
    out[r] = best - static_cast<double>(row[given[r]]);
  }
  return out;
}

}  // namespace sallyport::learn
