#include "learn/order_prints.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/mix.h"

namespace sallyport::learn {
namespace {

// Neighbouring steps of one direction, of fifteen, from which on a window rises or falls by itself.
constexpr int kStepsAlike = 13;

}  // namespace

std::optional<std::uint64_t> order_print(std::span<const double> window) {
  std::array<std::uint8_t, kOrderWindow> rank{};
  int rises = 0;
  for (std::size_t i = 0; i < kOrderWindow; ++i) {
    if (!std::isfinite(window[i])) return std::nullopt;
    for (std::size_t j = 0; j < i; ++j) {
      if (window[i] == window[j]) return std::nullopt;
      ++rank[window[i] > window[j] ? i : j];
    }
    if (i > 0) rises += window[i] > window[i - 1] ? 1 : 0;
  }
  if (rises >= kStepsAlike || rises <= static_cast<int>(kOrderWindow) - 1 - kStepsAlike) return std::nullopt;
  // Four bits a rank, and mixed so that the smallest are a sample.
  std::uint64_t packed = 0;
  for (const std::uint8_t one : rank) packed = packed << 4 | one;
  return mixed(packed);
}

void OrderPrints::add(std::span<const double> values) {
  for (std::size_t begin = 0; begin + kOrderWindow <= values.size(); ++begin) {
    if (const auto print = order_print(values.subspan(begin, kOrderWindow))) prints_.push_back(*print);
    if (prints_.size() > 2 * prints_max_ + kOrderWindow) settle();
  }
}

void OrderPrints::settle() {
  std::ranges::sort(prints_);
  prints_.erase(std::unique(prints_.begin(), prints_.end()), prints_.end());
  if (prints_.size() > prints_max_) prints_.resize(prints_max_);
}

void OrderPrints::match(std::span<const double> values,
                        const std::function<void(std::uint64_t)>& on_match) const {
  if (prints_.empty()) return;
  for (std::size_t begin = 0; begin + kOrderWindow <= values.size(); ++begin) {
    const auto print = order_print(values.subspan(begin, kOrderWindow));
    if (print && *print <= prints_.back() && std::ranges::binary_search(prints_, *print)) on_match(*print);
  }
}

}  // namespace sallyport::learn
