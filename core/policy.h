// Policy: what a gate demands, as an owner writes it in YAML. What is left out has a safe default.
//
//   block-at: high            # findings of this severity and above block; `medium` ones warn
//   stages:
//     export: {require: [pickle_code_execution], block-at: medium}
//   thresholds:
//     directional_contributor: {alpha: 0.001}
//   waivers:
//     - {guard: credential_leak, path: tests/vectors.txt, owner: ana, reason: published test vector,
//        expires: 2027-01-31}
//   chain: {require: [acquisition, training, validation]}
//   approvals: {protected: [champion], count: 2}
//
// A key that is not known is an error with its line: a misspelt rule must not silently vanish.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/digest.h"
#include "core/finding.h"
#include "core/guard.h"
#include "core/stage.h"

namespace sallyport {

struct Waiver {
  std::string guard;
  std::string path;  // of the finding; empty waives the guard everywhere
  std::string owner;
  std::string reason;
  std::int64_t expires_unix_s = 0;
};

struct StagePolicy {
  std::vector<std::string> require = {};  // guards that must have run; empty: every guard of the stage
  std::optional<Severity> block_at = {};
};

struct Policy {
  Severity block_at = Severity::kHigh;
  std::map<Stage, StagePolicy> stages = {};
  std::map<std::string, std::map<std::string, double>> thresholds = {};
  std::vector<Waiver> waivers = {};
  // Stages that must stand behind an artifact; empty: all that precede it.
  std::vector<Stage> chain_require = {};
  std::vector<std::string> protected_aliases = {"champion", "production"};
  int approvals = 2;
  Digest digest = {};  // of the file's bytes; of the empty text for the default policy

  Severity blocks_at(Stage stage) const;
  // The guard's defaults overlaid with this policy's thresholds. Error on a threshold that the guard does not
  // have.
  Result<Parameters> parameters_for(const Guard& guard) const;
  // The waiver that covers a finding at `now`, or nullptr. An expired waiver covers nothing.
  const Waiver* waiver_for(const Guard& guard, const Finding& finding, std::int64_t now_unix_s) const;
};

// `place` names the text in messages: a path.
Result<Policy> parse_policy(std::string_view yaml, const std::string& place);

}  // namespace sallyport
