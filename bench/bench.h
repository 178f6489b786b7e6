// Figures: what the project promises to reach, measured in one run, each beside its target.
//
// A group measures and returns its figures; main.cc lists the groups and prints. Groups run one after the
// other, alone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/result.h"

namespace sallyport::bench {

enum class Better : std::uint8_t { kHigher, kLower };

struct Figure {
  std::string name = {};
  double value = 0;
  std::string unit = {};
  std::optional<double> target = {};  // absent: for information
  Better better = Better::kHigher;
  std::string how = {};  // on what it was measured

  bool met() const {
    if (!target) return true;
    return better == Better::kHigher ? value >= *target : value <= *target;
  }
};

// Seconds on a clock that never goes back.
double now_s();

Result<std::vector<Figure>> bench_trust();
Result<std::vector<Figure>> bench_sandbox();
Result<std::vector<Figure>> bench_pipeline();
Result<std::vector<Figure>> bench_pickle();
Result<std::vector<Figure>> bench_precision();
Result<std::vector<Figure>> bench_pickle_agreement();

}  // namespace sallyport::bench
