// The binary format of XGBoost before 3.1, with the letters "binf" in front or without: parameters, the names
// of objective and booster, trees as arrays of nodes, attributes and metrics. Little-endian, as the library
// writes it where it is used. Source: src/learner.cc, src/gbm/gbtree_model.h, src/tree/tree_model.cc of 1.7.
//
// The library believes the numbers of the children and of the features; here they are held to the nodes and
// the features there are. Nothing is allocated by a count that the bytes do not hold. Pure functions, safe
// from any thread.
#pragma once

#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/result.h"
#include "formats/boosting.h"

namespace sallyport::formats::boosting {

struct XgboostBinary {
  std::vector<Flaw> flaws = {};
  std::size_t end = 0;  // one past the last byte of the model
};

bool is_xgboost_binary(BytesView bytes);
Result<XgboostBinary> read_xgboost_binary(BytesView bytes);

}  // namespace sallyport::formats::boosting
