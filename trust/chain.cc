#include "trust/chain.h"

#include <algorithm>

#include "trust/chain_walk.h"
#include "trust/witnessed.h"

namespace sallyport::trust {
namespace {

// Refused is what is wrong; an error is what we could not read or do not understand.
ChainVerdict verdict_of(const Error& error) {
  const bool cannot_tell = error.kind == ErrorKind::kIo || error.kind == ErrorKind::kUnsupported;
  return cannot_tell ? ChainVerdict::kError : ChainVerdict::kRefused;
}

ChainReport stopped_at(const std::string& place, const Error& error) {
  return {
      .verdict = verdict_of(error),
      .links = {{.stage = place, .verdict = LinkVerdict::kFail, .text = error.message, .hint = error.hint}},
      .reason = error.message,
      .hint = error.hint};
}

// A key file that is not the root's key of its name would sign what nobody can verify, or is an intruder's.
Result<void> check_key_file(Env& env, const Root& root, const fs::path& path) {
  const std::string name = path.stem().string();
  const auto& keys = root.content().keys;
  const auto listed =
      std::find_if(keys.begin(), keys.end(), [&](const auto& k) { return k.second.name == name; });
  if (listed == keys.end()) return {};
  std::string keyid;
  if (path.extension() == ".key") {
    const Result<PrivateKey> key = load_private_key(env, path);
    // Whoever verifies need not be able to sign.
    if (!key && key.error().kind == ErrorKind::kIo) return {};
    if (!key) return std::unexpected(key.error());
    keyid = key->keyid();
  } else {
    keyid = TRY(load_public_key(env, path)).keyid();
  }
  if (keyid == listed->first) return {};
  return fail(ErrorKind::kDenied, path.string() + ": not the key that root.json lists as '" + name + "'",
              "restore the key file from a copy");
}

Result<void> check_keys(const Workspace& workspace, const Root& root) {
  const Result<std::vector<std::string>> names = workspace.env->list(workspace.keys());
  if (!names) return {};  // a workspace that only verifies keeps no keys
  for (const std::string& name : *names) {
    const fs::path path = workspace.keys() / name;
    if (path.extension() == ".key" || path.extension() == ".pub")
      TRY(check_key_file(*workspace.env, root, path));
  }
  return {};
}

Result<void> check_log(const Workspace& workspace, Ledger& ledger, ChainOptions::PinMode mode) {
  if (mode == ChainOptions::PinMode::kAdvance) {
    return advance_pin(*workspace.env, workspace.pin(), ledger.log(), ledger.log_keys());
  }
  return check_pin(TRY(read_pin(*workspace.env, workspace.pin())), ledger.log(), ledger.log_keys());
}

ChainReport conclude(std::vector<ChainLink> links) {
  ChainReport out{.verdict = ChainVerdict::kVerified, .links = std::move(links), .reason = {}, .hint = {}};
  for (const ChainLink& link : out.links) {
    if (link.verdict == LinkVerdict::kOk) continue;
    out.verdict = ChainVerdict::kRefused;
    out.reason = link.stage + ": " + link.text;
    out.hint = link.hint;
    break;
  }
  return out;
}

ChainReport verify(const Workspace& workspace, const Digest& artifact, const Policy& policy, std::int64_t now,
                   const ChainOptions& options, bool needs_evaluation) {
  const Result<Root> root = workspace.load_root();
  if (!root) return stopped_at("root", root.error());
  if (const auto fresh = root->check_unexpired(now); !fresh) return stopped_at("root", fresh.error());
  if (const auto good = check_keys(workspace, *root); !good) return stopped_at("keys", good.error());
  Result<Ledger> ledger = workspace.open_ledger(*root);
  if (!ledger) return stopped_at("log", ledger.error());
  if (const auto good = check_log(workspace, *ledger, options.pin); !good)
    return stopped_at("log", good.error());
  const auto vouched =
      check_witnesses(workspace, ledger->log(), ledger->log_keys(), now, options.cosigned_age_max_s);
  if (!vouched) return stopped_at("log", vouched.error());
  ChainWalk walk(workspace, policy, *root, *ledger, now);
  if (const auto done = walk.walk(artifact, options.used_by, needs_evaluation); !done) {
    ChainReport out = conclude(walk.links());
    out.verdict = verdict_of(done.error());
    out.reason = done.error().message;
    out.hint = done.error().hint;
    return out;
  }
  return conclude(walk.links());
}

}  // namespace

std::string_view name_of(ChainVerdict verdict) {
  switch (verdict) {
    case ChainVerdict::kVerified: return "verified";
    case ChainVerdict::kRefused: return "refused";
    case ChainVerdict::kError: return "error";
  }
  return "";
}

std::string_view name_of(LinkVerdict verdict) {
  switch (verdict) {
    case LinkVerdict::kOk: return "ok";
    case LinkVerdict::kFail: return "fail";
    case LinkVerdict::kMissing: return "missing";
  }
  return "";
}

Json to_json(const ChainReport& report) {
  Json chain = Json::array();
  for (const ChainLink& link : report.links) {
    Json one = {{"stage", link.stage}, {"verdict", std::string(name_of(link.verdict))}, {"text", link.text}};
    if (link.log_index >= 0) one["logIndex"] = link.log_index;
    if (link.artifact) one["artifact"] = link.artifact->hex();
    if (!link.hint.empty()) one["hint"] = link.hint;
    chain.push_back(std::move(one));
  }
  return {{"verdict", std::string(name_of(report.verdict))},
          {"chain", std::move(chain)},
          {"reason", report.reason},
          {"hint", report.hint}};
}

ChainReport verify_chain(const Workspace& workspace, const Digest& artifact, const Policy& policy,
                         std::int64_t now_unix_s, const ChainOptions& options) {
  return verify(workspace, artifact, policy, now_unix_s, options, false);
}

ChainReport verify_named(const Workspace& workspace, const std::string& name, const Policy& policy,
                         std::int64_t now_unix_s, const ChainOptions& options) {
  const Result<ResolvedArtifact> resolved = resolve_artifact(workspace, name, policy, now_unix_s);
  if (!resolved) return stopped_at("artifact", resolved.error());
  ChainOptions wanted = options;
  if (resolved->version && !wanted.used_by) wanted.used_by = Stage::kServing;
  const bool is_protected =
      resolved->alias && std::find(policy.protected_aliases.begin(), policy.protected_aliases.end(),
                                   resolved->alias->alias) != policy.protected_aliases.end();
  ChainReport out = verify(workspace, resolved->digest, policy, now_unix_s, wanted, is_protected);
  if (resolved->alias) {
    const ResolvedAlias& alias = *resolved->alias;
    std::string by;
    for (const std::string& who : alias.approved_by) by += (by.empty() ? "" : ", ") + who;
    out.links.insert(out.links.begin(), {.stage = std::string(name_of(Stage::kRegistry)),
                                         .verdict = LinkVerdict::kOk,
                                         .text = "alias " + alias.alias + " -> " +
                                                 std::to_string(alias.version) + ", approved by " + by,
                                         .log_index = static_cast<std::int64_t>(alias.log_index),
                                         .artifact = alias.artifact});
  }
  return out;
}

}  // namespace sallyport::trust
