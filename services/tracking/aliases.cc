// Aliases and stages: which version of a model people mean, and who may say so.
//
// A name that the policy protects moves when as many principals as it demands have asked for the same move,
// the author of the version not among them; every move is a statement in the log. Where the server cannot
// tell principals apart, each move is logged and nobody is asked to approve.
#include <algorithm>
#include <cctype>

#include "core/text.h"
#include "services/tracking/entities.h"
#include "services/tracking/registry.h"
#include "services/tracking/routes.h"

namespace sallyport::services::tracking {
namespace {

Result<void> check_alias(const std::string& alias) {
  TRY(check_key("alias", alias));
  if (alias.find_first_of("/: ") != std::string::npos) return invalid("Invalid alias name " + shown(alias));
  if (lowered(alias) == "latest") return invalid("'latest' alias name (case insensitive) is reserved.");
  const bool version_like =
      lowered(alias)[0] == 'v' && alias.size() > 1 &&
      std::ranges::all_of(alias.substr(1), [](unsigned char c) { return std::isdigit(c) != 0; });
  if (version_like) return invalid("Version alias name " + shown(alias) + " is reserved.");
  return {};
}

// The principals who asked for this move, the asking one included; for the log.
Result<Json> approvals_of(Call& call, Session& session, const Version& version, const std::string& alias) {
  TRY(
      session.execute("INSERT INTO approvals (model, alias, version, principal) VALUES (?, ?, ?, ?) "
                      "ON CONFLICT DO NOTHING",
                      {version.model.number, alias, version.version, call.principal().name}));
  Json names = Json::array();
  for (const Row& row : TRY(session.query("SELECT principal FROM approvals WHERE model = ? AND alias = ? AND "
                                          "version = ? AND principal <> ? ORDER BY principal",
                                          {version.model.number, alias, version.version, version.author}))) {
    names.push_back(text_at(row, 0));
  }
  return names;
}

struct Leave {
  Json approvers = Json::array();
  std::string refusal = {};  // not enough yet; what was approved so far is kept
};

Result<Leave> leave_to_move(Call& call, Session& session, const Version& version, const std::string& alias) {
  Leave leave;
  if (!call.parts().access.knows_principals() || !is_protected(call.parts().policy, alias)) {
    leave.approvers.push_back(call.principal().name);
    return leave;
  }
  leave.approvers = TRY(approvals_of(call, session, version, alias));
  const int wanted = call.parts().policy.approvals;
  if (std::ssize(leave.approvers) >= wanted) return leave;
  leave.refusal = "alias " + alias + " of " + version.model.name + " is protected: version " +
                  std::to_string(version.version) + " has " + std::to_string(leave.approvers.size()) +
                  " of " + std::to_string(wanted) + " approvals (" + version.author +
                  ", who registered it, does not count); another approver has to ask for the same move";
  return leave;
}

// The statement first, then the copy in the database: a move that is not in the log has not happened.
Result<void> move_alias(Call& call, Session& session, const Version& version, const std::string& alias,
                        const Json& approvers) {
  TRY(call.parts().notary.move_alias(version.model.name, alias, version.version,
                                     TRY(Digest::parse(version.manifest)), approvers));
  TRY(session.execute("DELETE FROM approvals WHERE model = ? AND alias = ?", {version.model.number, alias}));
  return session.execute(
      "INSERT INTO aliases (model, alias, version) VALUES (?, ?, ?) "
      "ON CONFLICT (model, alias) DO UPDATE SET version = excluded.version",
      {version.model.number, alias, version.version});
}

}  // namespace

bool is_protected(const Policy& policy, const std::string& name) {
  return std::ranges::any_of(policy.protected_aliases,
                             [&](const std::string& one) { return lowered(one) == lowered(name); });
}

Result<Json> set_registered_model_alias(Call& call) {
  const std::string alias = TRY(call.arguments().text("alias"));
  TRY(check_alias(alias));
  const std::string refusal = TRY(writing(call.store(), [&](Session& session) -> Result<std::string> {
    const Version version = TRY(required_version(call, session, Verb::kPromote));
    TRY(check_ready(call.parts().notary, version));
    const Leave leave = TRY(leave_to_move(call, session, version, alias));
    if (leave.refusal.empty()) TRY(move_alias(call, session, version, alias, leave.approvers));
    return leave.refusal;
  }));
  if (!refusal.empty()) return denied(refusal);
  return Json::object();
}

Result<Json> delete_registered_model_alias(Call& call) {
  const std::string alias = TRY(call.arguments().text("alias"));
  return writing(call.store(), [&](Session& session) -> Result<Json> {
    const Model model = TRY(required_model(call, session, Verb::kPromote));
    const auto row = TRY(
        session.first("SELECT version FROM aliases WHERE model = ? AND alias = ?", {model.number, alias}));
    if (!row) return not_found("Registered model alias " + alias + " not found.");
    if (call.parts().access.knows_principals() && is_protected(call.parts().policy, alias)) {
      return denied("alias " + alias + " is protected: it can be moved, not removed");
    }
    const Version version = TRY(version_named(session, {model.name, integer_at(*row, 0)}));
    TRY(call.parts().notary.move_alias(model.name, alias, 0, TRY(Digest::parse(version.manifest)),
                                       Json::array({call.principal().name})));
    TRY(session.execute("DELETE FROM aliases WHERE model = ? AND alias = ?", {model.number, alias}));
    return Json::object();
  });
}

Result<Json> get_model_version_by_alias(Call& call) {
  const std::string alias = TRY(call.arguments().text("alias"));
  return reading(call.store(), [&](Session& session) -> Result<Json> {
    const Model model = TRY(required_model(call, session, Verb::kRead));
    const auto row = TRY(
        session.first("SELECT version FROM aliases WHERE model = ? AND alias = ?", {model.number, alias}));
    const auto logged = call.parts().notary.alias(model.name, alias);
    if (!row && !logged) return invalid("Registered model alias " + alias + " not found.");
    if (!row || !logged || *logged != integer_at(*row, 0)) {
      return denied("alias " + alias + " of " + model.name +
                    " is not where the log says: the database was changed");
    }
    return Json{
        {"model_version", TRY(version_out(session, TRY(version_named(session, {model.name, *logged}))))}};
  });
}

// Stages are MLflow's older word for the same thing; each counts as an alias of its name.
Result<Json> transition_model_version_stage(Call& call) {
  const std::string asked = lowered(TRY(call.arguments().text("stage")));
  const bool archive = TRY(call.arguments().truth_or("archive_existing_versions", false));
  std::string stage;
  for (const char* known : {"None", "Staging", "Production", "Archived"}) {
    if (lowered(known) == asked) stage = known;
  }
  if (stage.empty()) {
    return invalid("Invalid Model Version stage: " + shown(asked) +
                   ". Value must be one of None, Staging, Production, Archived.");
  }
  std::string refusal;
  const Json answer = TRY(writing(call.store(), [&](Session& session) -> Result<Json> {
    const Version version = TRY(required_version(call, session, Verb::kPromote));
    const bool serves = stage == "Staging" || stage == "Production";
    if (serves) {
      TRY(check_ready(call.parts().notary, version));
      const Leave leave = TRY(leave_to_move(call, session, version, lowered(stage)));
      refusal = leave.refusal;
      if (!refusal.empty()) return Json::object();
      TRY(call.parts().notary.move_alias(version.model.name, "stage:" + stage, version.version,
                                         TRY(Digest::parse(version.manifest)), leave.approvers));
    }
    if (archive && serves) {
      TRY(session.execute("UPDATE versions SET stage = 'Archived', updated = ? WHERE model = ? AND stage = ?",
                          {call.now_ms(), version.model.number, stage}));
    }
    TRY(session.execute("UPDATE versions SET stage = ?, updated = ? WHERE id = ?",
                        {stage, call.now_ms(), version.number}));
    return Json{{"model_version", TRY(version_out(session, TRY(version_named(session, version.name()))))}};
  }));
  if (!refusal.empty()) return denied(refusal);
  return answer;
}

}  // namespace sallyport::services::tracking
