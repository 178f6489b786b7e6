// Runs drills and judges their three claims:
//   1. undefended, the attack does harm      in at least `harm_at_least` of the trials
//   2. defended, it is refused               in at least `rate_at_least`; by a finding that blocks, since a
//   guard
//                                            that could not tell has not recognised the attack
//   3. its honest twin passes                the defence refuses it in at most `false_positive_at_most` of
//   the
//                                            trials, and the victim comes to no harm
// Every trial has a seed and three worlds of its own, each in a private folder that is removed afterwards.
// Drills run beside one another unless one asks to run alone; the reports do not depend on it.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/env.h"
#include "core/json.h"
#include "drills/registry.h"
#include "learn/statistics.h"

namespace sallyport::drills {

// What stands where the defence stood. A mutant shows that a drill would notice a broken defence.
enum class Defence : std::uint8_t { kAsBuilt, kBlind, kWall };

struct RunOptions {
  std::uint64_t first_seed = 1;
  int trials = 0;      // 0: as many as the drill asks for
  fs::path keep = {};  // not empty: the worlds stay here, under DRILL/SEED/{undefended,defended,twin}
  Defence defence = Defence::kAsBuilt;
  unsigned threads = 0;  // 0: as many as there are cores
  // Called after every trial with the drill's id, from any thread.
  std::function<void(std::string_view)> on_trial = {};
};

struct DrillReport {
  DrillEntry entry = {};
  std::uint64_t trials = 0;
  std::uint64_t harmed = 0;          // undefended attacks that did harm
  std::uint64_t refused = 0;         // defended attacks that were refused by a finding
  std::uint64_t refused_honest = 0;  // honest twins that were refused, or that the guard could not judge
  std::uint64_t harmed_honest = 0;   // honest twins whose victim came to harm
  std::string why = {};              // of the first refusal
  std::string miss = {};             // of the first trial in which a claim did not hold
  std::string error = {};            // not empty: a part of the drill itself failed, so nothing is claimed
  double seconds = 0;

  bool undefended_harm() const;
  bool defended_refused() const;
  bool twin_passes() const;
  bool holds() const { return undefended_harm() && defended_refused() && twin_passes(); }
};

DrillReport run_drill(const DrillEntry& entry, const RunOptions& options = {});
// In the order of `entries`.
std::vector<DrillReport> run_drills(std::span<const DrillEntry* const> entries,
                                    const RunOptions& options = {});

// One object a threat, {"id","undefended_harm","defended_refused","twin_passes","trials","rate","rate_low",
// "rate_high","false_positive_rate"}: a threat that several drills enact pools their trials, and a claim
// holds when it holds for each. The interval is Clopper and Pearson's at 95 %.
Json to_json(std::span<const DrillReport> reports);

}  // namespace sallyport::drills
