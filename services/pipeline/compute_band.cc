#include "services/pipeline/compute_band.h"

#include <algorithm>
#include <cstdio>
#include <numeric>

namespace sallyport::services::pipeline {
namespace {

std::string seconds(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f s", value);
  return text;
}

}  // namespace

double ComputeBand::usual_step_s() const {
  // An earlier run of the same work knows better than what this one has begun with.
  if (rules_.known_step_s > 0) return rules_.known_step_s;
  if (costs_.size() < rules_.learn) return 0;
  std::vector<double> first(costs_.begin(), costs_.begin() + static_cast<std::ptrdiff_t>(rules_.learn));
  std::ranges::nth_element(first, first.begin() + static_cast<std::ptrdiff_t>(first.size() / 2));
  return first[first.size() / 2];
}

void ComputeBand::refuse(std::string why) {
  if (why_.empty()) why_ = std::move(why);
}

void ComputeBand::line(std::string_view line, double cpu_s) {
  if (!line.starts_with(kStepMark)) return;
  ++steps_;
  // What came before the first step is start-up, which costs what it costs.
  if (steps_ > 1) costs_.push_back(std::max(0.0, cpu_s - at_last_s_));
  at_last_s_ = cpu_s;
  if (steps_ > rules_.steps) {
    refuse("it claims more steps than the " + std::to_string(rules_.steps) + " that were declared");
    return;
  }
  const double usual = usual_step_s();
  const std::size_t taught = rules_.known_step_s > 0 ? 0 : rules_.learn;
  if (usual <= 0 || costs_.size() < taught + rules_.window) return;
  const double last =
      std::accumulate(costs_.end() - static_cast<std::ptrdiff_t>(rules_.window), costs_.end(), 0.0);
  if (last > rules_.factor * usual * static_cast<double>(rules_.window) + rules_.slack_s) {
    refuse("the last " + std::to_string(rules_.window) + " steps cost " + seconds(last) +
           " of processor time, " + seconds(usual) + " each is usual");
  }
}

bool ComputeBand::holds(double cpu_s) {
  const double usual = usual_step_s();
  const double since = cpu_s - at_last_s_;
  // Between two lines a step may take as long as a window of them.
  if (usual > 0 && steps_ > 0 &&
      since > rules_.factor * usual * static_cast<double>(rules_.window) + rules_.slack_s) {
    refuse("no step ended though " + seconds(since) + " of processor time were spent, " + seconds(usual) +
           " each is usual");
  }
  return why_.empty();
}

}  // namespace sallyport::services::pipeline
