// What Python source does that a review would stop: it turns data into code, hands text to a shell, loads
// objects of any kind, turns TLS off, sends data out of training.
//
// The source is tokenized and its calls are read with their arguments (formats/python.h); nothing is executed
// and no flow is followed: a value that is a constant two lines above counts as one that varies. The rules
// are a table, python_hazards.def; they are of CWE 22, 78, 89, 94, 295, 327, 377, 489, 502 and 732. Linear
// time. Pure functions, safe from any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/finding.h"

namespace sallyport::formats::python {

struct Hazard {
  std::string_view rule;  // "shell-injection": stable between releases
  Severity severity = Severity::kMedium;
  std::size_t line = 1;
  std::string message = {};  // lower case, no full stop, the call first
  std::string_view remedy = {};
};

// In the order of the calls; at most one of each rule a line.
std::vector<Hazard> find_hazards(std::string_view source);

}  // namespace sallyport::formats::python
