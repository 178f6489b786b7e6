// The light built-in steps: pure functions from input files to output files.
//
// `sallyport step NAME` runs one of them inside the sandbox, exactly as it would run a user's command, so
// that even our own parsing of a hostile table happens in confinement. The heavy steps are executables of
// their own.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/dataset.h"
#include "core/env.h"
#include "core/guard.h"
#include "core/json.h"

namespace sallyport::services::pipeline {

// What a step sees: folders of inputs and outputs by artifact name, the seed, the schema and its own options.
struct StepInput {
  fs::path in;
  fs::path out;
  std::uint64_t seed = 0;
  Roles roles = {};
  ImageShape image = {};
  Json options = Json::object();
};

// Drops rows that repeat an earlier row in everything but the id, and rows with a missing feature or label.
// Writes the rest in the order of their ids. Never touches a label.
Result<void> step_clean(Env& env, const StepInput& input);

// The rule of the built-in split, from its options and seed.
Result<SplitRule> split_rule(const Json& options, std::uint64_t seed);

// Assigns each row to `train` or `test` by HMAC-SHA-256 of its group (or id) under a key derived from the
// seed, so that anyone with the seed recomputes the membership. Writes `seal`: what the lead and the auditor
// sign.
Result<void> step_split(Env& env, const StepInput& input);

// Turns the trained network of `model` into `exported/model.onnx` with its label map and pre-processing
// beside it.
Result<void> step_export(Env& env, const StepInput& input);

// Computes stretches of the training `model` again from `train`, in the plain engine, and writes what it
// found to `replay.json`. Options "challenge" and "intervals" are the runner's.
Result<void> step_replay(Env& env, const StepInput& input);

// Runs the named step. Error when there is none of that name.
Result<void> run_step(Env& env, std::string_view name, const StepInput& input);

// The step's share of its environment, as the runner passes it in SALLYPORT_STEP.
Json to_json(const StepInput& input);
Result<StepInput> step_input_from(const Json& json, const fs::path& in, const fs::path& out);

}  // namespace sallyport::services::pipeline
