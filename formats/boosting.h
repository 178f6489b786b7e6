// Boosted trees of XGBoost, as JSON or UBJSON, and of LightGBM, as text: whether what a loader follows lies
// within the arrays that it reads, and whether every tree ends.
//
// The libraries believe the indices in their files; one that is out of place is read or written outside of an
// array, and a circle among children is never left. Nothing is trained or predicted. At most
// limits::kTreeFlawsMax flaws are told. Pure functions, safe from any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"

namespace sallyport::formats::boosting {

struct Flaw {
  std::size_t offset = 0;    // in the text; 0 where the format has none
  std::string message = {};  // "tree 3: left child 90 of node 0 is none of 7 nodes"
};

bool is_xgboost(const Json& document);
std::vector<Flaw> judge_xgboost(const Json& document);

bool is_lightgbm(std::string_view text);
struct Lightgbm {
  std::vector<Flaw> flaws = {};
  bool whole = false;  // it comes to its end
};
Lightgbm judge_lightgbm(std::string_view text);

}  // namespace sallyport::formats::boosting
