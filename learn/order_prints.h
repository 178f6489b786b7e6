// Fingerprints of sequences of numbers that survive another encoding: in which order the values of a window
// stand, whatever their scale.
//
// A window of 16 consecutive values has one of 16! orders, 44 bits. Scaling, shifting, quantising to bytes
// and rounding to half precision change few of them, since they keep what is larger larger; a window with
// ties, and one that mostly rises or falls, as counters and sorted columns do, has no fingerprint. Chance
// makes one window in 2 * 10^7 match a million known ones. Not survived: another order of the values,
// encryption, noise of the size of the gaps. A table is for any thread once nobody adds to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace sallyport::learn {

inline constexpr std::size_t kOrderWindow = 16;

// Of exactly kOrderWindow values; nothing when they have no fingerprint.
std::optional<std::uint64_t> order_print(std::span<const double> window);

class OrderPrints {
 public:
  // At most so many are kept, those with the smallest values.
  explicit OrderPrints(std::size_t prints_max) : prints_max_(prints_max) {}

  // Every window of the sequence.
  void add(std::span<const double> values);
  // To be called between the last add and the first match.
  void settle();
  // Calls `on_match` with each known window of the sequence.
  void match(std::span<const double> values, const std::function<void(std::uint64_t)>& on_match) const;
  std::size_t size() const { return prints_.size(); }

 private:
  std::size_t prints_max_;
  std::vector<std::uint64_t> prints_;  // ascending, once settled
};

}  // namespace sallyport::learn
