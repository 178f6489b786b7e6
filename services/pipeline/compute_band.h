// How much processor time a step of a training costs, and whether it still is a training that spends it.
//
// The command prints a line when it has gone one step further; between two such lines the processor time of
// all its processes is the cost of a step. The first steps teach what is usual, or an earlier run of the same
// work does. When the last steps together cost more than a factor of that, or when no step ends though as
// much was spent, something else is computing, and the command is killed. A command that claims more steps
// than were declared does not buy itself room by it. Pure, for one thread at a time.
//
// Limits of the method: what computes from the first line on teaches its own cost, unless an earlier run is
// known; what stays within the factor is not seen.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::services::pipeline {

// What a command prints: "sallyport: step".
inline constexpr std::string_view kStepMark = "sallyport: step";

struct BandRules {
  std::uint64_t steps = 0;  // as many the command may claim
  double factor = 1.6;      // of the usual cost
  std::size_t learn = 5;    // steps that teach
  std::size_t window = 4;   // steps that are judged together
  double slack_s = 0.2;     // processor time that start-up and an odd step may cost on top
  double known_step_s = 0;  // of an earlier run; 0: none is known
};

class ComputeBand {
 public:
  explicit ComputeBand(const BandRules& rules) : rules_(rules) {}

  // A line that the command printed, and the processor time that was spent when it came.
  void line(std::string_view line, double cpu_s);
  // Whether what was spent so far is within the band; once it is not, it stays so.
  bool holds(double cpu_s);

  // Why it does not hold: "the last 4 steps cost 8.1 s of processor time, 1.0 s each is usual".
  const std::string& why() const { return why_; }
  std::uint64_t steps() const { return steps_; }
  // The usual cost of a step; 0 before it is known.
  double usual_step_s() const;

 private:
  void refuse(std::string why);

  BandRules rules_;
  std::vector<double> costs_;
  std::uint64_t steps_ = 0;
  double at_last_s_ = 0;
  std::string why_;
};

}  // namespace sallyport::services::pipeline
