// The threat catalogue, compiled in from catalog/threats.yaml.
#pragma once

#include <span>
#include <string_view>

#include "core/stage.h"

namespace sallyport::catalog {

struct Threat {
  std::string_view id;
  Stage stage;
  std::string_view title;
  std::string_view summary;
  std::string_view standards;  // "AML.T0020 ML02 LLM04 NISTAML.013 CWE-349"
  std::string_view control;
  std::string_view drill;
  std::string_view metric;
};

// All of them, in the order of the file, which is the order of the stages.
std::span<const Threat> threats();
// nullptr when there is no such threat.
const Threat* find_threat(std::string_view id);

}  // namespace sallyport::catalog
