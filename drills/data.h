// The real tables that drills, demo and tests use, built into the binary; tests/data/README.md names their
// source.
//
// Parsed once, on first use, and constant from then on: safe from any thread.
#pragma once

#include <string_view>

#include "core/dataset.h"

namespace sallyport::drills {

// The bytes of tests/data/NAME.csv.
std::string_view digits_csv();
std::string_view breast_cancer_csv();

// 1,797 images of 8 x 8 pixels from 0 to 16; label `digit`, id `id` (d0001 and on).
const Dataset& digits();
// 569 rows of 30 measurements; label `diagnosis` (M or B), id `id` (b001 and on).
const Dataset& breast_cancer();
// 442 patients: age, sex, bmi, bp and six serum values; label `progression`, id `id` (p001 and on).
const Dataset& diabetes();

}  // namespace sallyport::drills
