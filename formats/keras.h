// Configurations of Keras models, 2 and 3: what building the model from one would import, call or open.
//
// Every object with a class_name is judged, wherever it is nested. What may be named is a table made from
// Keras itself (keras_names.def); everything else is a concern. Limits: those of core/json.h. No recursion.
// Pure functions, safe from any thread.
#pragma once

#include <string>
#include <vector>

#include "core/finding.h"
#include "core/json.h"

namespace sallyport::formats::keras {

struct Concern {
  std::string rule = {};  // "keras-lambda"
  Severity severity = Severity::kHigh;
  std::string message = {};  // what building the model would do
};

// Whether the text may hold such objects: cheap.
bool looks_like_config(std::string_view text);
std::vector<Concern> judge(const Json& config);

}  // namespace sallyport::formats::keras
