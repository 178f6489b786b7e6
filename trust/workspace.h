// A project's .sallyport folder: where each thing is, and how it is made and opened.
//
// Values only; what is behind the paths keeps its own thread rule.
#pragma once

#include <string>

#include "core/env.h"
#include "trust/ledger.h"
#include "trust/root.h"
#include "trust/store.h"

namespace sallyport::trust {

inline constexpr std::string_view kWorkspaceFolder = ".sallyport";

struct Workspace {
  Env* env = nullptr;
  fs::path root;  // the .sallyport folder itself

  fs::path root_file() const { return root / "root.json"; }
  fs::path keys() const { return root / "keys"; }
  fs::path store_directory() const { return root / "store"; }
  fs::path attestations() const { return root / "attestations"; }
  fs::path log_directory() const { return root / "log"; }
  fs::path pin() const { return root / "pin"; }
  fs::path state() const { return root / "state"; }
  fs::path metadata_database() const { return root / "metadata.db"; }
  fs::path registry_database() const { return root / "registry.db"; }
  fs::path audit() const { return root / "audit"; }

  Store store() const { return Store(*env, store_directory()); }
  Result<Root> load_root() const { return Root::load(*env, root_file()); }
  Result<Ledger> open_ledger(const Root& root_of_trust) const;
  // keys/NAME.key, whose public half the root must list under that name.
  Result<PrivateKey> load_key(const std::string& name, const Root& root_of_trust) const;

  // `directory` is the project's folder, or the .sallyport folder itself.
  static Result<Workspace> open(Env& env, const fs::path& directory);
  // The nearest folder at or above `directory` that has a workspace.
  static Result<Workspace> find(Env& env, const fs::path& directory);
};

struct WorkspaceOptions {
  std::string log_origin = "sallyport.dev/log";
  std::int64_t root_valid_days = 365;
  int approvals = 2;  // threshold of the approver role, whose keys are lead's and audit's
};

// Everything that a project starts with: a key for each of root, runner, producer, lead, audit, evaluator,
// registrar and log; a signed root; an empty store and an empty log. Refuses a folder that already has a
// workspace.
Result<Workspace> create_workspace(Env& env, const fs::path& project, const WorkspaceOptions& options = {});

}  // namespace sallyport::trust
