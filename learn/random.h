// Reproducible pseudo-random numbers: the same seed gives the same sequence on every host and compiler.
//
// xoshiro256** (Blackman and Vigna 2018), seeded by SplitMix64. For simulation, sampling and tests; never for
// keys, nonces or salts, which come from Env. One generator is for one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace sallyport::learn {

class Random {
 public:
  explicit Random(std::uint64_t seed);

  std::uint64_t next();
  // In [0, bound), without bias (Lemire 2019); bound > 0.
  std::uint64_t below(std::uint64_t bound);
  // In [0, 1), 53 bits.
  double uniform();
  // Standard normal, by Marsaglia's polar method.
  double normal();

  template <class T>
  void shuffle(std::span<T> values) {
    for (std::size_t i = values.size(); i > 1; --i) {
      std::swap(values[i - 1], values[static_cast<std::size_t>(below(i))]);
    }
  }
  // `count` distinct numbers below `population`, in random order; count <= population.
  std::vector<std::size_t> sample(std::size_t population, std::size_t count);

 private:
  std::array<std::uint64_t, 4> state_{};
  double spare_ = 0;
  bool has_spare_ = false;
};

// A seed for the part of a computation that `stream` names, so that parts do not share a sequence.
std::uint64_t derive_seed(std::uint64_t seed, std::uint64_t stream);

}  // namespace sallyport::learn
