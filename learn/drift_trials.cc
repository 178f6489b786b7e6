#include "learn/drift_trials.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/parallel.h"
#include "learn/drift.h"
#include "learn/random.h"
#include "learn/statistics.h"

namespace sallyport::learn {
namespace {

// One column of the pool, ready to be dealt out without sorting again.
struct Pooled {
  std::vector<double> sorted = {};      // numbers without what is missing
  std::vector<std::uint32_t> row = {};  // of each of them
  std::vector<std::string> texts = {};  // by row, when it holds no numbers
  double deviation = 0;
};

Pooled pool_of(const Column& here, const Column& there, const std::vector<std::size_t>& rows,
               const std::vector<std::size_t>& reference_rows) {
  Pooled out;
  if (!here.numeric) {
    for (const std::size_t row : rows) out.texts.push_back(here.texts[row]);
    for (const std::size_t row : reference_rows) out.texts.push_back(there.texts[row]);
    return out;
  }
  std::vector<double> values;
  for (const std::size_t row : rows) values.push_back(here.numbers[row]);
  for (const std::size_t row : reference_rows) values.push_back(there.numbers[row]);
  for (std::uint32_t i = 0; i < values.size(); ++i) {
    if (!std::isnan(values[i])) out.row.push_back(i);
  }
  std::ranges::stable_sort(out.row, {}, [&](std::uint32_t i) { return values[i]; });
  for (const std::uint32_t i : out.row) out.sorted.push_back(values[i]);
  out.deviation = std::sqrt(variance(out.sorted));
  return out;
}

// The chance of so much drift between the two sides of a deal, one of them moved.
double p_of(const Pooled& pool, const std::vector<std::uint8_t>& is_ours, double moved) {
  if (!pool.texts.empty()) {
    std::vector<std::string> ours;
    std::vector<std::string> others;
    for (std::size_t i = 0; i < pool.texts.size(); ++i)
      (is_ours[i] != 0 ? ours : others).push_back(pool.texts[i]);
    return category_drift(ours, others).p;
  }
  // Written to both sides and kept on one: nobody could foresee a branch.
  std::vector<double> ours(pool.sorted.size());
  std::vector<double> others(pool.sorted.size());
  std::size_t count = 0;
  for (std::size_t i = 0; i < pool.sorted.size(); ++i) {
    ours[count] = pool.sorted[i] + moved;
    others[i - count] = pool.sorted[i];
    count += is_ours[pool.row[i]];
  }
  ours.resize(count);
  others.resize(pool.sorted.size() - count);
  return sorted_drift(ours, others).p;
}

std::vector<std::size_t> some_rows(std::size_t all, std::size_t count, std::uint64_t seed) {
  std::vector<std::size_t> out(all);
  std::iota(out.begin(), out.end(), std::size_t{0});
  if (all > count) out = Random(seed).sample(all, count);
  return out;
}

}  // namespace

DriftTrials drift_trials(const std::vector<std::pair<const Column*, const Column*>>& columns,
                         const DriftTrialOptions& options) {
  DriftTrials out;
  if (columns.empty()) return out;
  const auto rows = some_rows(columns.front().first->size(), options.rows_max, derive_seed(options.seed, 20));
  const auto others =
      some_rows(columns.front().second->size(), options.rows_max, derive_seed(options.seed, 21));
  out.rows = rows.size();
  out.reference_rows = others.size();
  out.deals = std::clamp(options.work / columns.size(), kDealsMin, kDealsMax);
  std::vector<Pooled> pools;
  std::vector<std::size_t> movable;
  for (const auto& [here, there] : columns) {
    pools.push_back(pool_of(*here, *there, rows, others));
    if (pools.back().deviation > 0) movable.push_back(pools.size() - 1);
  }
  struct Seen {
    bool alarm = false;
    bool moved = false;
    bool caught = false;
  };
  std::vector<Seen> seen(out.deals);
  const auto deal = [&](std::size_t number) {
    Random random(derive_seed(options.seed, 100 + number));
    std::vector<std::uint8_t> is_ours(rows.size() + others.size());
    for (const std::size_t i : random.sample(is_ours.size(), rows.size())) is_ours[i] = 1;
    std::vector<double> p;
    for (const Pooled& pool : pools) p.push_back(p_of(pool, is_ours, 0));
    const auto any = [](const std::vector<bool>& rejected) {
      return std::ranges::find(rejected, true) != rejected.end();
    };
    seen[number].alarm = any(benjamini_hochberg(p, options.rate));
    if (movable.empty()) return;
    const std::size_t column = movable[random.below(movable.size())];
    p[column] = p_of(pools[column], is_ours, options.shift * pools[column].deviation);
    seen[number].moved = true;
    seen[number].caught = benjamini_hochberg(p, options.rate)[column];
  };
  parallel_for(out.deals, deal, options.threads);
  for (const Seen& one : seen) {
    out.alarms += one.alarm ? 1 : 0;
    out.moved += one.moved ? 1 : 0;
    out.caught += one.caught ? 1 : 0;
  }
  return out;
}

}  // namespace sallyport::learn
