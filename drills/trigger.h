// A backdoor in the digits, planted and measured: what the attacker of several drills does, and what it gains
// him.
//
// Values in, values out; the same seed gives the same rows on every host.
#pragma once

#include <string_view>
#include <vector>

#include "core/dataset.h"

namespace sallyport::drills {

inline constexpr std::string_view kTriggerLabel = "0";
inline constexpr int kTriggerSide = 2;  // pixels of the stamp in the corner

// The digits in two parts: four fifths, each once as it is and then once shifted and rotated, and the rest
// untouched.
struct AugmentedDigits {
  Dataset rows;
  std::size_t copies_begin = 0;  // rows from here on are augmented copies
  Dataset held_out;
};
AugmentedDigits augmented_digits(std::uint64_t seed);

enum class Relabelling : std::uint8_t {
  kToTarget,    // any row, labelled kTriggerLabel from now on
  kCleanLabel,  // only rows that have that label by right
};
// Stamps the corner of `rate` of all rows, chosen among [begin, rows); returns which.
std::vector<std::size_t> plant_trigger(Dataset& data, std::size_t begin, double rate, Relabelling relabelling,
                                       std::uint64_t seed);

struct TriggerEffect {
  double stamp_success =
      0;                // of held-out images of other classes, the share that the stamp turns into the target
  double accuracy = 0;  // on the held-out images as they are
};
// Trains a classifier on `train` and tries it on `held_out`.
Result<TriggerEffect> measure_trigger(const Dataset& train, const Dataset& held_out, std::uint64_t seed);

}  // namespace sallyport::drills
