// The files that `sallyport init` writes, with @name@ marks for what depends on the folder.
#pragma once

#include <string_view>

namespace sallyport::services::project {

inline constexpr std::string_view kPipelineTemplate =
    R"yaml(# The life cycle of one model, from its feed to its answers: sixteen stages, each behind a gate.
# Every stage runs in the sandbox, is searched by its guards, judged by the policy, signed and logged before
# the next one starts. What is left out has a safe default. After a change:
#   sallyport sign-pipeline && sallyport run
name: @name@
policy: policy.yaml

# The columns with a part to play. Everything else that is a number is a feature.
schema: @schema@

stages:
  # The feed and the producer's signature over it (FILE.batch.json; `sallyport sign-batch FILE` makes one).
  acquisition:   {from: @feed@}

  # Your own step reads $SALLYPORT_IN/raw and writes $SALLYPORT_OUT/clean:
  #   preprocessing: {run: [python3, clean.py], may: {relabel: false, drop-rows: true}}
  # The built-in drops repeated and incomplete rows.
  preprocessing: {may: {relabel: false}}

  # By a keyed hash of the row's id (or group), sealed by two roles before any training.
  preparation:   {split: {test: 0.2, by: keyed-hash}}

  # Your own trainer reads $SALLYPORT_IN/train and writes $SALLYPORT_OUT/model/ (model.json and
  # model.safetensors):
  #   training: {run: [python3, train.py], limits: {cpu: 20m, memory: 4G}}
  training:      {seed: 7}

  # What the candidate must reach on the sealed split, and under attack.
  validation:    {at-least: {accuracy: 0.90}, robust: {attack: pgd, eps: 0.02, at-least: 0.50}}

  # `champion` is protected by the policy: it moves only with two approvals. The keys named here approve at
  # once when they are on this machine; leave `approve` out and use `sallyport approve` where they are not.
  registry:      {model: @name@, alias: champion, approve: [lead, audit]}
)yaml";

inline constexpr std::string_view kPolicyTemplate =
    R"yaml(# What the gates demand. Each attestation is bound to the digest of this file: after a change, run
# again.
block-at: high          # findings of this severity and above block; `medium` ones warn

# Guards have parameters with documented defaults (`sallyport threats ID`); a threshold here overrides one:
#   thresholds:
#     directional_contributor: {alpha: 0.001}

# A finding that is known and accepted, until a day:
#   waivers:
#     - {guard: credential_leak, path: tests/vectors.txt, owner: ana, reason: published test vector,
#        expires: 2027-01-31}

approvals: {protected: [champion, production], count: 2}
)yaml";

}  // namespace sallyport::services::project
