// A data set as comparable numbers, whatever its columns hold: what distances and linear models need.
//
// Pixels stay as they are. Numbers are moved to mean 0 and standard deviation 1, a missing one is the median.
// A text column of few values becomes one column a value (1 where it stands, each scaled so that two
// different values are as far apart as two standard deviations of a number); any other is text, hashed by
// token into kTextBuckets columns with tf-idf weights and unit length (Weinberger et al. 2009). Pure, safe
// from any thread.
#pragma once

#include "core/dataset.h"
#include "core/result.h"
#include "learn/matrix.h"

namespace sallyport::learn {

inline constexpr std::size_t kCategoriesMax = 50;
inline constexpr std::size_t kTextBuckets = 1024;

// Columns with a role are left out. Error when no other column is left, or a value is infinite.
Result<Matrix> encoded_features(const Dataset& data);

}  // namespace sallyport::learn
