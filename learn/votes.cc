#include "learn/votes.h"

namespace sallyport::learn {

Result<Matrix> comparable_features(const Dataset& data) {
  Matrix features = TRY(features_of(data, Missing::kMedian));
  if (data.image.height > 0) return features;
  return standard_scaling(features).apply(features);
}

}  // namespace sallyport::learn
