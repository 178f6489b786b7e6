#include "services/registry/promotion.h"

#include <algorithm>

#include "catalog/coverage.h"
#include "core/gate.h"
#include "services/registry/registry.h"
#include "trust/chain.h"

namespace sallyport::services::registry {
namespace {

// The trust root, the ledger and what is known of one model, opened once for one command.
struct Desk {
  const trust::Workspace& workspace;
  const Policy& policy;
  std::int64_t now_unix_s = 0;
  trust::Root root;
  trust::Ledger ledger;
};

Result<Desk> open_desk(const trust::Workspace& workspace, const Policy& policy, std::int64_t now_unix_s) {
  trust::Root root = TRY(workspace.load_root());
  TRY(root.check_unexpired(now_unix_s));
  trust::Ledger ledger = TRY(workspace.open_ledger(root));
  TRY(trust::check_pin(TRY(trust::read_pin(*workspace.env, workspace.pin())), ledger.log(),
                       ledger.log_keys()));
  return Desk{workspace, policy, now_unix_s, std::move(root), std::move(ledger)};
}

std::vector<std::string> names_of_role(const trust::Root& root, std::string_view role) {
  std::vector<std::string> out;
  for (const trust::PublicKey& key : root.keys_of(role)) out.push_back(root.name_of_key(key.keyid()));
  std::sort(out.begin(), out.end());
  return out;
}

std::size_t approvals_needed(const Desk& desk, const std::string& alias) {
  const trust::Role* role = desk.root.find_role(trust::role::kApprover);
  const auto& guarded = desk.policy.protected_aliases;
  const bool is_protected = std::find(guarded.begin(), guarded.end(), alias) != guarded.end();
  return std::max(role == nullptr ? std::size_t{1} : role->threshold,
                  is_protected ? static_cast<std::size_t>(std::max(desk.policy.approvals, 0)) : 0);
}

// What the exported model was made of, by the gates that let it through: evidence about the network counts
// for it.
std::vector<Digest> lineage_of(const Desk& desk, const Digest& artifact) {
  std::vector<Digest> out{artifact};
  for (const trust::LedgerEntry* entry : desk.ledger.find_subject(artifact)) {
    if (entry->statement.predicate_type != trust::predicate::kGate) continue;
    const auto gate = trust::parse_gate(entry->statement.predicate);
    if (!gate || gate->stage != Stage::kExport) continue;
    for (const trust::NamedDigest& input : gate->inputs) out.push_back(input.digest);
  }
  return out;
}

// Every approver who could still sign, once for each approval that is missing.
void ask_for_approvals(const Desk& desk, PromotionState& state) {
  const std::size_t needed = approvals_needed(desk, state.move.alias);
  if (state.approved_by.size() >= needed) return;
  std::size_t missing = needed - state.approved_by.size();
  const std::string named = state.move.model + "@" + state.move.alias;
  for (const std::string& name : names_of_role(desk.root, trust::role::kApprover)) {
    const auto& given = state.approved_by;
    if (missing == 0 || std::find(given.begin(), given.end(), name) != given.end()) continue;
    --missing;
    state.missing.push_back({"the approval of " + name, "sallyport approve " + named + " --as " + name});
  }
  if (missing > 0) {
    state.missing.push_back({std::to_string(missing) + " approvals more than the root has approvers",
                             "add approvers to the trust root, or lower the policy's approvals"});
  }
}

// What stands behind a model: what people call it, which artifact the stage writes, and the command that
// makes it and its gate. A run does nothing that is done already.
struct Link {
  std::string_view stage;
  std::string_view what;
  std::string_view writes;
};
constexpr Link kLinks[] = {
    {"registry", "the registration", "version"},
    {"export", "the scan of the exported model", "exported"},
    {"metadata_store", "the record of the run", "record"},
    {"validation", "the validation", "validation"},
    {"training", "the training", "model"},
    {"pipeline", "the pipeline's definition", "definition"},
    {"code_repository", "the code", "code"},
    {"versioned_data", "the data version", "dataset"},
    {"preparation", "the split of the data", "train"},
    {"analysis", "the analysis of the data", "analysis"},
    {"preprocessing", "the cleaned data", "clean"},
    {"acquisition", "the acquired data", "raw"},
};

std::string command_of(const Link& link) { return "sallyport run --until " + std::string(link.stage); }

// An input that nobody attests, or whose bytes are gone, is told as a link of its reader; what is missing is
// its writer. Bytes are named first in the text; an input is found by the gates that read it.
const Link* link_of(const Desk& desk, const trust::ChainLink& broken) {
  std::string written = broken.text.substr(0, broken.text.find(": "));
  for (const trust::LedgerEntry* entry : desk.ledger.find_type(trust::predicate::kGate)) {
    const auto gate = trust::parse_gate(entry->statement.predicate);
    if (!gate || !broken.artifact || broken.log_index >= 0) continue;
    for (const trust::NamedDigest& input : gate->inputs) {
      if (input.digest == *broken.artifact) written = input.name;
    }
  }
  if (written == "test" || written == "seal") written = "train";
  const auto* found = std::ranges::find(kLinks, written, &Link::writes);
  if (found == std::end(kLinks)) found = std::ranges::find(kLinks, broken.stage, &Link::stage);
  return found == std::end(kLinks) ? nullptr : found;
}

// Every link that does not hold, by name. Where not one gate attests the bytes, all that a model needs is
// missing.
void ask_for_links(const Desk& desk, const trust::ChainReport& chain, PromotionState& state) {
  const auto holds = [](const trust::ChainLink& link) { return link.verdict == trust::LinkVerdict::kOk; };
  const bool unknown = chain.links.size() == 1 && chain.links.front().artifact == state.artifact &&
                       chain.links.front().verdict == trust::LinkVerdict::kMissing;
  for (const trust::ChainLink& broken : chain.links) {
    if (holds(broken) || unknown) continue;
    const Link* link = link_of(desk, broken);
    const std::string what = link == nullptr ? broken.stage : std::string(link->what);
    state.missing.push_back({what + ": " + broken.text, link == nullptr ? broken.hint : command_of(*link)});
  }
  if (!unknown) return;
  for (const char* stage : {"versioned_data", "code_repository", "training", "validation", "export"}) {
    const Link& link = *std::ranges::find(kLinks, stage, &Link::stage);
    state.missing.push_back(
        {std::string(link.what) + ": no gate attests sha256:" + state.artifact.brief() + "...",
         command_of(link)});
  }
}

// The chain behind the artifact, then the guards of the registry stage over every claim about it.
Result<void> ask_for_evidence(const Desk& desk, const trust::Envelope& proposal, PromotionState& state) {
  const trust::ChainReport chain =
      trust::verify_chain(desk.workspace, state.artifact, desk.policy, desk.now_unix_s,
                          {.used_by = Stage::kRegistry, .pin = trust::ChainOptions::PinMode::kCheckOnly});
  if (!chain.verified()) {
    const std::size_t before = state.missing.size();
    ask_for_links(desk, chain, state);
    if (state.missing.size() == before)
      state.missing.push_back({"a chain that verifies: " + chain.reason, chain.hint});
  }

  std::vector<SignedClaim> claims = claims_about(desk.ledger, desk.root, lineage_of(desk, state.artifact));
  claims.push_back(TRY(claim_of(proposal, desk.root)));
  Json request{
      {"name", state.move.model}, {"version", state.move.version}, {"by", "registrar"}, {"pending", true}};
  // Without its approvals a move is not worth judging; they are asked for already.
  if (state.approved_by.size() >= approvals_needed(desk, state.move.alias)) {
    request["alias"] = state.move.alias;
    request["last_sequence"] = state.move.sequence - 1;
  }
  Subjects subjects;
  subjects.promotions.emplace_back("version", PromotionSubject{.artifact = state.artifact,
                                                               .now_unix_s = desk.now_unix_s,
                                                               .claims = claims,
                                                               .request = std::move(request)});
  const std::vector<const Guard*> guards = catalog::guards_of(Stage::kRegistry);
  const GateReport gate = TRY(pass_gate(Stage::kRegistry, guards, subjects, desk.policy, desk.now_unix_s));
  if (gate.verdict < Verdict::kBlock) return {};
  for (const GuardRun& run : gate.runs) {
    if (!run.error.empty()) state.missing.push_back({run.error, "sallyport verify " + state.artifact.hex()});
    for (const Finding& finding : run.examination.findings) {
      state.missing.push_back({finding.message, finding.remedy});
    }
  }
  return {};
}

// The statement that would move the alias to that version now.
Result<trust::Statement> offer(const Desk& desk, const std::string& model, const std::string& alias,
                               std::int64_t version) {
  const auto versions = TRY(trust::model_versions(desk.ledger, desk.root, model));
  const auto chosen = version == 0 && !versions.empty() ? std::prev(versions.end()) : versions.find(version);
  if (chosen == versions.end()) {
    const std::string what = versions.empty() ? "no version is registered"
                                              : "version " + std::to_string(version) +
                                                    " is not registered; the newest is " +
                                                    std::to_string(versions.rbegin()->first);
    return fail(ErrorKind::kNotFound, model + ": " + what, "register it: sallyport run --until registry");
  }
  return offer_alias(desk.ledger, model, alias, chosen->first, chosen->second.artifact, desk.now_unix_s);
}

// A proposal is a file that anybody may have written: it is signed on only when it says what we would propose
// now, its expiry apart, which may be earlier.
Result<trust::AliasPredicate> check_proposal(const Desk& desk, const trust::Envelope& proposal) {
  const trust::Statement statement = TRY(trust::statement_of(proposal));
  trust::AliasPredicate move = TRY(trust::parse_alias(statement.predicate));
  const trust::Statement offered = TRY(offer(desk, move.model, move.alias, move.version));
  const trust::AliasPredicate wanted = TRY(trust::parse_alias(offered.predicate));
  const bool same = statement.predicate_type == offered.predicate_type &&
                    statement.subjects == offered.subjects && move.sequence == wanted.sequence &&
                    move.expires_unix_s > desk.now_unix_s && move.expires_unix_s <= wanted.expires_unix_s;
  if (same) return move;
  return fail(ErrorKind::kDenied,
              move.model + "@" + move.alias + ": the proposal is not what would be proposed now",
              "propose again: sallyport promote " + move.model + " --version " +
                  std::to_string(move.version) + " --alias " + move.alias);
}

// Judges a proposal as it stands, and puts it into force when nothing is missing.
Result<PromotionState> settle(Desk& desk, const trust::Envelope& proposal) {
  PromotionState state{.move = TRY(check_proposal(desk, proposal))};
  state.artifact = TRY(trust::statement_of(proposal)).subjects.front().digest;
  const std::vector<std::string> approvers = names_of_role(desk.root, trust::role::kApprover);
  for (const std::string& keyid : TRY(trust::verify_signatures(proposal, desk.root))) {
    const std::string name = desk.root.name_of_key(keyid);
    if (std::binary_search(approvers.begin(), approvers.end(), name)) state.approved_by.push_back(name);
  }
  std::sort(state.approved_by.begin(), state.approved_by.end());
  ask_for_approvals(desk, state);
  TRY(ask_for_evidence(desk, proposal, state));
  if (!state.missing.empty()) return state;

  const trust::PrivateKey log_key = TRY(desk.workspace.load_key("log", desk.root));
  state.log_index = TRY(desk.ledger.add(proposal, log_key));
  TRY(trust::advance_pin(*desk.workspace.env, desk.workspace.pin(), desk.ledger.log(),
                         desk.ledger.log_keys()));
  TRY(close_proposal(desk.workspace, state.move.model, state.move.alias));
  TRY(sync(desk.workspace, desk.ledger, desk.root));
  return state;
}

Result<trust::PrivateKey> approvers_key(const Desk& desk, const std::string& name) {
  const std::vector<std::string> approvers = names_of_role(desk.root, trust::role::kApprover);
  if (std::find(approvers.begin(), approvers.end(), name) != approvers.end()) {
    return desk.workspace.load_key(name, desk.root);
  }
  std::string known;
  for (const std::string& approver : approvers) known += (known.empty() ? "" : ", ") + approver;
  return fail(ErrorKind::kDenied, "'" + name + "' is not an approver",
              "the trust root's approvers: " + known);
}

}  // namespace

Json to_json(const PromotionState& state) {
  Json missing = Json::array();
  for (const Missing& item : state.missing)
    missing.push_back({{"what", item.what}, {"command", item.command}});
  Json out{{"model", state.move.model},        {"alias", state.move.alias},
           {"version", state.move.version},    {"sequence", state.move.sequence},
           {"artifact", state.artifact.hex()}, {"approved_by", state.approved_by},
           {"missing", std::move(missing)},    {"moved", state.log_index.has_value()}};
  if (state.log_index) out["log_index"] = *state.log_index;
  return out;
}

Result<PromotionState> promote(const trust::Workspace& workspace, const Policy& policy,
                               const std::string& model, const std::string& alias, std::int64_t version,
                               const std::vector<std::string>& keys, std::int64_t now_unix_s) {
  Desk desk = TRY(open_desk(workspace, policy, now_unix_s));
  const trust::Statement offered = TRY(offer(desk, model, alias, version));
  const std::int64_t wanted = TRY(trust::parse_alias(offered.predicate)).version;
  std::vector<trust::PrivateKey> signers;
  for (const std::string& name : keys) signers.push_back(TRY(approvers_key(desk, name)));
  if (signers.empty()) {
    PromotionState state{.move = TRY(trust::parse_alias(offered.predicate)),
                         .artifact = offered.subjects.front().digest};
    const std::vector<std::string> approvers = names_of_role(desk.root, trust::role::kApprover);
    state.missing.push_back(
        {"an approver who proposes the move", "sallyport promote " + model + " --version " +
                                                  std::to_string(version) + " --alias " + alias + " --as " +
                                                  (approvers.empty() ? "NAME" : approvers.front())});
    return state;
  }
  const auto waiting = TRY(proposal_of(workspace, model, alias));
  const auto stands = waiting ? check_proposal(desk, *waiting) : Result<trust::AliasPredicate>{};
  trust::Envelope envelope =
      waiting && stands && stands->version == wanted ? *waiting : trust::sign_statement(offered, signers);
  for (const trust::PrivateKey& signer : signers) trust::add_signature(envelope, signer);
  TRY(keep_proposal(workspace, envelope));
  return settle(desk, envelope);
}

Result<PromotionState> approve_move(const trust::Workspace& workspace, const Policy& policy,
                                    const std::string& model, const std::string& alias,
                                    const std::string& key, std::int64_t now_unix_s) {
  Desk desk = TRY(open_desk(workspace, policy, now_unix_s));
  const trust::PrivateKey signer = TRY(approvers_key(desk, key));
  auto waiting = TRY(proposal_of(workspace, model, alias));
  if (!waiting) {
    return fail(ErrorKind::kNotFound, model + "@" + alias + ": no move waits for approval",
                "propose one: sallyport promote " + model + " --version N --alias " + alias + " --as " + key);
  }
  TRY(check_proposal(desk, *waiting));
  trust::add_signature(*waiting, signer);
  TRY(keep_proposal(workspace, *waiting));
  return settle(desk, *waiting);
}

}  // namespace sallyport::services::registry
