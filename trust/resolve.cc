// Names to artifacts, from signed statements in the log alone.
#include <algorithm>

#include "trust/chain.h"
#include "trust/members.h"
#include "trust/retirement.h"
#include "trust/witnessed.h"

namespace sallyport::trust {
namespace {

// A model, an alias or a version: the characters of a file name, no path.
bool is_plain_name(std::string_view text) {
  return !text.empty() && text != "." && text != ".." && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
}

std::string log_place(std::uint64_t index) { return "log #" + std::to_string(index); }

// Who approved a move, or why it does not hold.
Result<std::vector<std::string>> approvals(const LedgerEntry& entry, const Root& root, const Policy& policy,
                                           const std::string& alias) {
  const std::set<std::string> signers = TRY(verify_signatures(entry.envelope, root));
  const Role* approver = root.find_role(role::kApprover);
  if (approver == nullptr) return fail(ErrorKind::kDenied, "the root has no role 'approver'");
  std::vector<std::string> names;
  for (const std::string& keyid : signers) {
    if (approver->keyids.contains(keyid)) names.push_back(root.name_of_key(keyid));
  }
  std::sort(names.begin(), names.end());
  const auto& guarded = policy.protected_aliases;
  const bool is_protected = std::find(guarded.begin(), guarded.end(), alias) != guarded.end();
  const std::size_t by_policy = is_protected ? static_cast<std::size_t>(std::max(policy.approvals, 0)) : 0;
  const std::size_t needed = std::max(approver->threshold, by_policy);
  if (names.size() >= needed) return names;
  std::string who = "has none";
  for (std::size_t i = 0; i < names.size(); ++i) who = (i == 0 ? "has only that of " : who + ", ") + names[i];
  return fail(ErrorKind::kDenied, "alias move lacks " + std::to_string(needed) + " approvals: it " + who,
              "have the approvers sign the move: `sallyport promote`");
}

struct Move {
  const LedgerEntry* entry = nullptr;
  AliasPredicate predicate;
};

std::vector<Move> moves_of(const Ledger& ledger, const std::string& model, const std::string& alias) {
  std::vector<Move> out;
  for (const LedgerEntry* entry : ledger.find_type(predicate::kAlias)) {
    const Result<AliasPredicate> move = parse_alias(entry->statement.predicate);
    if (move && move->model == model && move->alias == alias) out.push_back({entry, *move});
  }
  return out;
}

Result<ResolvedAlias> judge_latest(const std::vector<Move>& moves, const Ledger& ledger, const Root& root,
                                   const Policy& policy, std::int64_t now) {
  const auto& [entry, move] = moves.back();
  const std::vector<std::string> approved_by = TRY(approvals(*entry, root, policy, move.alias));
  ResolvedAlias out{.model = move.model,
                    .alias = move.alias,
                    .version = move.version,
                    .sequence = move.sequence,
                    .expires_unix_s = move.expires_unix_s,
                    .log_index = entry->index,
                    .approved_by = approved_by};
  // Only moves that were approved count: a bad one must not block the numbers after it.
  for (std::size_t i = 0; i + 1 < moves.size(); ++i) {
    if (moves[i].predicate.sequence < move.sequence) continue;
    if (!approvals(*moves[i].entry, root, policy, move.alias)) continue;
    return fail(ErrorKind::kDenied,
                "sequence " + std::to_string(move.sequence) + " was used or passed by the move at " +
                    log_place(moves[i].entry->index) + ": an old approval was played again",
                "approve a new move with the next sequence number");
  }
  if (now >= move.expires_unix_s) {
    return fail(ErrorKind::kDenied, "the approval expired on " + format_time(move.expires_unix_s),
                "have the approvers sign the move again");
  }
  const auto versions = TRY(model_versions(ledger, root, move.model));
  const auto version = versions.find(move.version);
  if (version == versions.end()) {
    return fail(ErrorKind::kDenied, "version " + std::to_string(move.version) + " of " + move.model +
                                        " was never registered by the registrar");
  }
  if (entry->statement.subjects.size() != 1 ||
      entry->statement.subjects.front().digest != version->second.artifact) {
    return fail(ErrorKind::kDenied, "the approvers signed other bytes than version " +
                                        std::to_string(move.version) + " is (" +
                                        log_place(version->second.log_index) + ")");
  }
  TRY(check_not_retired(ledger, root, move.model, move.version));
  out.artifact = version->second.artifact;
  return out;
}

std::string title_of(const std::string& model, std::int64_t version, const Digest& artifact) {
  return "model " + model + " version " + std::to_string(version) + " (sha256:" + artifact.brief() + "...)";
}

Result<ResolvedArtifact> resolve_model(const Workspace& workspace, const std::string& model,
                                       const std::string& tag, const Policy& policy, std::int64_t now) {
  const Root root = TRY(workspace.load_root());
  Ledger ledger = TRY(workspace.open_ledger(root));
  // A log that was rolled back would show an alias where it once stood.
  TRY(check_pin(TRY(read_pin(*workspace.env, workspace.pin())), ledger.log(), ledger.log_keys()));
  TRY(check_witnesses(workspace, ledger.log(), ledger.log_keys(), now));
  if (const auto number = version_number(tag)) {
    const auto versions = TRY(model_versions(ledger, root, model));
    const auto found = versions.find(*number);
    if (found == versions.end()) {
      return fail(ErrorKind::kNotFound, model + "@" + tag + ": no such version in the log",
                  "run `sallyport log show` to see what is registered");
    }
    TRY(check_not_retired(ledger, root, model, *number));
    return ResolvedArtifact{.digest = found->second.artifact,
                            .title = title_of(model, *number, found->second.artifact),
                            .version = found->second};
  }
  ResolvedAlias alias = TRY(resolve_alias(ledger, root, policy, model, tag, now));
  ResolvedArtifact out{.digest = alias.artifact, .title = title_of(model, alias.version, alias.artifact)};
  out.version = TRY(model_versions(ledger, root, model)).at(alias.version);
  out.alias = std::move(alias);
  return out;
}

}  // namespace

Result<std::map<std::int64_t, ModelVersion>> model_versions(const Ledger& ledger, const Root& root,
                                                            const std::string& model) {
  static constexpr std::string_view kRoles[] = {role::kRegistrar};
  std::map<std::int64_t, ModelVersion> out;
  for (const LedgerEntry* entry : ledger.find_type(predicate::kVersion)) {
    const Result<VersionPredicate> said = parse_version(entry->statement.predicate);
    if (!said || said->model != model || entry->statement.subjects.size() != 1) continue;
    // What the registrar did not sign registers nothing; it must not stand in the way of what was.
    if (!verify_envelope(entry->envelope, root, kRoles)) continue;
    const ModelVersion made{said->version, entry->statement.subjects.front().digest, entry->index};
    const auto [first, fresh] = out.emplace(said->version, made);
    if (!fresh && first->second.artifact != made.artifact) {
      return fail(ErrorKind::kDenied,
                  model + ": version " + std::to_string(said->version) +
                      " was registered twice with different bytes, " + log_place(first->second.log_index) +
                      " and " + log_place(made.log_index),
                  "register the right bytes under a new version; find out who used the registrar's key");
    }
  }
  return out;
}

Result<ResolvedAlias> resolve_alias(const Ledger& ledger, const Root& root, const Policy& policy,
                                    const std::string& model, const std::string& alias,
                                    std::int64_t now_unix_s) {
  const std::vector<Move> moves = moves_of(ledger, model, alias);
  if (moves.empty()) {
    return fail(ErrorKind::kNotFound, model + "@" + alias + ": no such alias in the log",
                "run `sallyport log show` to see what is registered");
  }
  Result<ResolvedAlias> out = judge_latest(moves, ledger, root, policy, now_unix_s);
  if (!out) return within(model + "@" + alias + ": " + log_place(moves.back().entry->index), out.error());
  return out;
}

Result<ResolvedArtifact> resolve_artifact(const Workspace& workspace, const std::string& name,
                                          const Policy& policy, std::int64_t now_unix_s) {
  const std::string_view hex = name.starts_with("sha256:") ? std::string_view(name).substr(7) : name;
  if (const Result<Digest> digest = Digest::parse(hex)) {
    return ResolvedArtifact{.digest = *digest, .title = "sha256:" + digest->brief() + "..."};
  }
  if (hex.size() != name.size())
    return invalid("'" + name + "' is not a SHA-256: 64 lower-case hexadecimal digits");
  // Before paths: a file that is named like an alias must not be verified in its stead. ./NAME names the
  // file.
  const std::size_t at = name.find('@');
  if (at != std::string::npos && is_plain_name(name.substr(0, at)) && is_plain_name(name.substr(at + 1))) {
    return resolve_model(workspace, name.substr(0, at), name.substr(at + 1), policy, now_unix_s);
  }
  const Digest digest = TRY(digest_of_path(*workspace.env, name));
  return ResolvedArtifact{.digest = digest, .title = name + " (sha256:" + digest.brief() + "...)"};
}

}  // namespace sallyport::trust
