// Chain verification: why an artifact is trusted, or the first link that is not.
//
// From the artifact to the gate attestation whose subject it is, then with its inputs until acquisition. Each
// link must be signed by its role, be in the log under a checkpoint that extends the pinned one, pass its
// gate under the current policy, and have its stored bytes. Nothing that a database says is believed. At most
// limits::kChainLinksMax links; no recursion. Reads only, but for the pin, which moves forward.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/policy.h"
#include "trust/predicates.h"
#include "trust/workspace.h"

namespace sallyport::trust {

enum class ChainVerdict : std::uint8_t { kVerified, kRefused, kError };
enum class LinkVerdict : std::uint8_t { kOk, kFail, kMissing };
std::string_view name_of(ChainVerdict verdict);
std::string_view name_of(LinkVerdict verdict);

struct ChainLink {
  std::string stage = {};  // a stage's name; also "root", "log", "alias", "store" for what is none
  LinkVerdict verdict = LinkVerdict::kOk;
  std::string text = {};        // "scan clean", "attests dataset sha256:41aa..., digits/3 is sha256:77c0..."
  std::int64_t log_index = -1;  // -1: not in the log
  std::optional<Digest> artifact = {};
  std::string hint = {};  // what to do, when it is not ok
};

struct ChainReport {
  ChainVerdict verdict = ChainVerdict::kError;
  std::vector<ChainLink> links = {};  // last stage first
  std::string reason = {};            // empty when verified
  std::string hint = {};              // what to do about it
  bool verified() const { return verdict == ChainVerdict::kVerified; }
};

Json to_json(const ChainReport& report);

struct ChainOptions {
  // The stage that wants to use the artifact: every stage before it must be in the chain, the registry too
  // when it is `serving`. Absent: the artifact is judged as what the latest stage that has attested it made
  // it.
  std::optional<Stage> used_by = {};
  enum class PinMode : std::uint8_t { kAdvance, kCheckOnly } pin = PinMode::kAdvance;
  // The log must have been cosigned by a quorum of its witnesses within so many seconds; absent: whenever.
  std::optional<std::int64_t> cosigned_age_max_s = {};
};

// `now_unix_s` is fixed by the caller at its start; every expiry is judged by it.
ChainReport verify_chain(const Workspace& workspace, const Digest& artifact, const Policy& policy,
                         std::int64_t now_unix_s, const ChainOptions& options = {});

// The statements about a model name that hold: signed by their roles to their thresholds, in the log, in
// sequence.
struct ModelVersion {
  std::int64_t version = 0;
  Digest artifact = {};
  std::uint64_t log_index = 0;
};
struct ResolvedAlias {
  std::string model = {};
  std::string alias = {};
  std::int64_t version = 0;
  std::int64_t sequence = 0;
  std::int64_t expires_unix_s = 0;
  Digest artifact = {};
  std::uint64_t log_index = 0;
  std::vector<std::string> approved_by = {};  // names of the keys
};
// Every version of `model`, by number. A second statement for a number that is taken is refused.
Result<std::map<std::int64_t, ModelVersion>> model_versions(const Ledger& ledger, const Root& root,
                                                            const std::string& model);
// The latest move of an alias. Refuses a sequence number that an approved move has used or passed, an expired
// move, one to a version that is not registered or has other bytes, and one without the approvals that the
// root and the policy ask for. A later, good move supersedes a bad one.
Result<ResolvedAlias> resolve_alias(const Ledger& ledger, const Root& root, const Policy& policy,
                                    const std::string& model, const std::string& alias,
                                    std::int64_t now_unix_s);

// What a user may call an artifact: "digits@champion", "digits@4", "sha256:<hex>", 64 hexadecimal digits, or
// a path.
struct ResolvedArtifact {
  Digest digest = {};
  std::string title = {};                    // "model digits version 4 (sha256:9f2c...)"
  std::optional<ModelVersion> version = {};  // when a model was named
  std::optional<ResolvedAlias> alias = {};   // when an alias was
};
Result<ResolvedArtifact> resolve_artifact(const Workspace& workspace, const std::string& name,
                                          const Policy& policy, std::int64_t now_unix_s);
// resolve_artifact and verify_chain as one; a name that does not resolve is a refusal with its reason.
// A model name is judged as what serving would load: its registry's gate is required too.
ChainReport verify_named(const Workspace& workspace, const std::string& name, const Policy& policy,
                         std::int64_t now_unix_s, const ChainOptions& options = {});

}  // namespace sallyport::trust
