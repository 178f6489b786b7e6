// A pipeline as its owner writes it, in YAML, with a safe default for everything that is left out.
//
//   name: digits
//   policy: policy.yaml
//   schema: {label: digit, id: id, contributor: writer, image: {height: 8, width: 8, max: 16}}
//   stages:
//     acquisition:   {from: feed/digits.csv, manifest: feed/digits.csv.batch.json}
//     preprocessing: {run: [python3, clean.py], may: {relabel: false}}
//     analysis:      {run: [python3, look.py], secrets: [STORE_KEY], executes: [git]}
//     training:      {run: [python3, train.py], seed: 7, progress: {steps: 20},
//                     limits: {cpu: 20m, memory: 4G, wall: 1h},
//                     packages: {lock: requirements.lock, wheels: wheels},
//                     network: [{to: "store.example.org:443", send: 64K, receive: 2G}]}
//
// All sixteen stages run, in the order of core/stage.h; a stage that is not named runs its built-in step.
// What may be set for a stage is listed in definition.cc; an unknown key is an error that names it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/dataset.h"
#include "core/digest.h"
#include "core/guard.h"
#include "core/json.h"
#include "core/stage.h"
#include "services/egress/broker.h"

namespace sallyport::services::pipeline {

// What a step may use. Zero of a kind means the default of services/sandbox.
struct StepLimits {
  double cpu_s = 1200;
  double wall_s = 3600;
  std::uint64_t memory_bytes = 4ULL << 30;
  std::uint64_t output_bytes = 4ULL << 30;
  int processes = 256;
};

// Packages that the user's command imports: laid out from the wheels that the lock names, and from no others
// (services/packages). Both paths are the project's; empty: none.
struct StepPackages {
  std::string lock = {};
  std::string wheels = {};
};

struct StageSpec {
  Stage stage = Stage::kAcquisition;
  std::vector<std::string> run = {};  // the user's command; empty for the built-in step
  std::vector<std::string> reads = {};
  std::vector<std::string> writes = {};
  StepPackages packages = {};
  // Where the user's command may connect to, through the broker (services/egress); empty: nowhere.
  std::vector<egress::Destination> network = {};
  std::uint64_t seed = 7;
  StepLimits limits = {};
  // Variables of the runner's environment that the user's command gets, and that no log of it shows.
  std::vector<std::string> secrets = {};
  // Programs that the user's command executes beside its own and that of its first line; no other runs.
  std::vector<std::string> executes = {};
  // How many steps the command says it goes ("sallyport: step", a line each), and how much more than usual
  // one may cost before the command is killed (compute_band.h). Zero: it is not watched.
  std::uint64_t progress_steps = 0;
  double progress_factor = 1.6;
  Contract may = {};
  Json options = Json::object();  // the built-in's own members, checked by name
};

struct Definition {
  std::string name;
  std::string policy_file;  // relative to the pipeline's folder; empty for the default policy
  Roles roles = {};
  ImageShape image = {};
  std::vector<StageSpec> stages = {};  // all sixteen, in order
  Digest digest = {};                  // of the file's bytes: what the owner signs

  const StageSpec& at(Stage stage) const { return stages[static_cast<std::size_t>(stage)]; }
};

// `place` names the text in messages: a path.
Result<Definition> parse_definition(std::string_view yaml, const std::string& place);

// Everything of a stage that decides its outputs, for the cache key and for the attestation.
Json to_json(const StageSpec& spec);

// "90s", "20m", "1h" to seconds; "512M", "4G" to bytes.
Result<double> parse_duration_s(std::string_view text);
Result<std::uint64_t> parse_size_bytes(std::string_view text);

}  // namespace sallyport::services::pipeline
