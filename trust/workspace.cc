#include "trust/workspace.h"

#include <array>

namespace sallyport::trust {
namespace {

constexpr std::int64_t kDaySeconds = 86'400;

struct NamedKey {
  std::string name;
  PrivateKey key;
};

RootContent root_content(const std::vector<NamedKey>& keys, const WorkspaceOptions& options,
                         std::int64_t now) {
  RootContent out{.version = 1,
                  .expires_unix_s = now + options.root_valid_days * kDaySeconds,
                  .log_origin = options.log_origin,
                  .keys = {},
                  .roles = {}};
  for (const NamedKey& one : keys) {
    out.keys.emplace(one.key.keyid(), RootKey{one.name, one.key.public_key()});
    out.roles[one.name] = Role{{one.key.keyid()}, 1};
    if (one.name == role::kLead || one.name == role::kAudit) {
      out.roles[std::string(role::kApprover)].keyids.insert(one.key.keyid());
    }
  }
  out.roles[std::string(role::kApprover)].threshold = static_cast<std::size_t>(options.approvals);
  return out;
}

Result<void> fill(const Workspace& workspace, const WorkspaceOptions& options) {
  Env& env = *workspace.env;
  std::vector<NamedKey> keys;
  for (const std::string_view name : {role::kRoot, role::kRunner, role::kProducer, role::kLead, role::kAudit,
                                      role::kEvaluator, role::kRegistrar, role::kLog}) {
    const PrivateKey key = TRY(PrivateKey::generate(env));
    keys.push_back({std::string(name), key});
  }
  for (const fs::path& folder : {workspace.keys(), workspace.state(), workspace.audit()}) {
    TRY(make_directories_durably(env, folder));
  }
  // All in one, since the disk is waited for once; the folder is new, so no key is replaced.
  std::vector<PendingFile> files;
  for (const NamedKey& one : keys) {
    files.push_back({workspace.keys() / (one.name + ".key"), to_bytes(one.key.pem()), 0600});
    files.push_back({workspace.keys() / (one.name + ".pub"), to_bytes(one.key.public_key().pem()), 0644});
  }
  TRY(write_durably(env, files));
  TRY(workspace.store().create());
  const std::string file =
      TRY(sign_root(root_content(keys, options, env.now_unix_s()), std::span(&keys.front().key, 1)));
  const Root root = TRY(Root::parse(as_bytes(file)));
  TRY(Ledger::create(env, workspace.attestations(), workspace.log_directory(), root, keys.back().key));
  return write_durably(env, workspace.root_file(), as_bytes(file));
}

}  // namespace

Result<Ledger> Workspace::open_ledger(const Root& root_of_trust) const {
  return Ledger::open(*env, attestations(), log_directory(), root_of_trust);
}

Result<PrivateKey> Workspace::load_key(const std::string& name, const Root& root_of_trust) const {
  const fs::path path = keys() / (name + ".key");
  PrivateKey key = TRY(load_private_key(*env, path));
  const auto listed = root_of_trust.content().keys.find(key.keyid());
  if (listed == root_of_trust.content().keys.end() || listed->second.name != name) {
    return fail(ErrorKind::kDenied, path.string() + ": not the key that root.json lists as '" + name + "'",
                "restore the key file from a copy, or sign a new root that lists the new key");
  }
  return key;
}

Result<Workspace> Workspace::open(Env& env, const fs::path& directory) {
  for (const fs::path& root : {directory / kWorkspaceFolder, directory}) {
    if (env.exists(root / "root.json")) return Workspace{&env, root};
  }
  return fail(ErrorKind::kNotFound, directory.string() + ": no .sallyport folder with a root.json here",
              "run `sallyport init` in the project's folder");
}

Result<Workspace> Workspace::find(Env& env, const fs::path& directory) {
  std::error_code code;
  const fs::path start = fs::absolute(directory, code);
  if (code) return fail(ErrorKind::kIo, directory.string() + ": " + code.message());
  for (fs::path at = start;; at = at.parent_path()) {
    Result<Workspace> here = open(env, at);
    if (here) return here;
    if (at == at.parent_path() || at.empty()) break;
  }
  return fail(ErrorKind::kNotFound, directory.string() + ": no .sallyport folder here or above",
              "run `sallyport init` in the project's folder");
}

Result<Workspace> create_workspace(Env& env, const fs::path& project, const WorkspaceOptions& options) {
  const Workspace out{&env, project / kWorkspaceFolder};
  if (env.exists(out.root)) {
    return fail(ErrorKind::kDenied, out.root.string() + ": exists already",
                "use it, or choose another folder");
  }
  if (options.approvals < 1 || options.approvals > 2) {
    return invalid("workspace: approvals must be 1 or 2, the number of keys that approve");
  }
  // Made aside and moved into place whole, so that a set-up that was cut short is never taken for a
  // workspace.
  const Workspace aside{&env, project / (std::string(kWorkspaceFolder) + ".new")};
  TRY(remove_tree(env, aside.root));
  Result<void> done = fill(aside, options);
  if (done) done = env.rename(aside.root, out.root);
  if (done) done = env.sync_directory(project.empty() ? fs::path(".") : project);
  if (!done) {
    std::ignore = remove_tree(env, aside.root);
    return std::unexpected(done.error());
  }
  return out;
}

}  // namespace sallyport::trust
