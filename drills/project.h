// A small project for a drill: keys, root, store, log and databases in the world's folder, on a fixed clock.
//
// It dies with the drill, so no disk is waited for; its keys follow from the world's seed. Copies share one
// environment. For one thread at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/guard.h"
#include "drills/drill.h"
#include "trust/predicates.h"
#include "trust/workspace.h"

namespace sallyport::drills {

inline constexpr std::int64_t kProjectNow = 1'790'000'000;

class Project {
 public:
  static Result<Project> create(const World& world);
  // Empty, for World::state; only `create` makes one that can be used.
  Project() = default;

  const trust::Workspace& workspace() const { return workspace_; }
  const trust::Root& root() const { return root_; }
  // Opened anew each time, as a client would.
  Result<trust::Ledger> ledger() const { return workspace_.open_ledger(root_); }

  // The project's client looks at the log, and will not be shown an older one later.
  Result<void> advance_pin() const;

  // Signs with the keys of these names and logs; returns the entry's place in the log.
  Result<std::uint64_t> log(const trust::Statement& statement, const std::vector<std::string>& keys) const;
  Result<std::uint64_t> log_evaluation(const Digest& model, const Json& metrics,
                                       const std::vector<std::string>& keys = {"evaluator"}) const;
  // The registrar's statement; the number of the version.
  Result<std::int64_t> log_version(const std::string& name, const Digest& artifact) const;
  Result<std::uint64_t> log_alias(const std::string& name, const std::string& alias, std::int64_t version,
                                  const Digest& artifact, const std::vector<std::string>& keys) const;
  // The readable copies of the log, brought in line with it.
  Result<void> sync_databases() const;
  // Every claim about `artifact` whose signatures verify.
  Result<std::vector<SignedClaim>> claims_about(const Digest& artifact) const;

 private:
  std::shared_ptr<Env> env_ = {};
  trust::Workspace workspace_ = {};
  trust::Root root_ = {};
};

}  // namespace sallyport::drills
