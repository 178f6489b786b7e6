// sallyport access explain | audit | token: who may do what on the tracking server, and the tokens that prove
// who asks.
#include "cli/command.h"
#include "services/tracking/grants.h"

namespace sallyport::cli {
namespace {

namespace tracking = services::tracking;

constexpr Flag kFlags[] = {
    {.name = "policy", .value = "FILE", .doc = "the policy file of the server", .fallback = "policy.yaml"},
};
constexpr Positional kExplained[] = {
    {.name = "WHO", .doc = "a principal"},
    {.name = "WHAT", .doc = "model:NAME or experiment:NAME"},
};
constexpr Flag kTokenFlags[] = {
    {.name = "days", .value = "N", .doc = "how long the token lives", .fallback = "90"},
};
constexpr std::int64_t kTokenDaysMax = 366;

// A policy that is named and not there is a mistake; without a file the server lets nobody in.
Result<tracking::AccessRules> rules_of(const Arguments& arguments) {
  const fs::path file = arguments.text("policy");
  if (!system_env().exists(file))
    return fail(ErrorKind::kNotFound, file.string() + ": there is no such file");
  return tracking::load_access(system_env(), file);
}

Result<Exit> explain(const Arguments& arguments, Output& output) {
  const std::string who = arguments.word("WHO");
  const std::string what = arguments.word("WHAT");
  const std::size_t colon = what.find(':');
  const std::string kind = what.substr(0, colon);
  if (colon == std::string::npos || (kind != "model" && kind != "experiment")) {
    return output.usage("access explain: '" + what + "' is neither model:NAME nor experiment:NAME");
  }
  const tracking::Resource resource{kind == "model" ? tracking::Kind::kModel : tracking::Kind::kExperiment,
                                    what.substr(colon + 1)};
  const tracking::AccessRules rules = TRY(rules_of(arguments));
  Json answers = Json::object();
  bool any = false;
  for (const tracking::Verb verb : tracking::kVerbs) {
    const std::string role = rules.role_that_allows(who, verb, resource);
    const std::string name(tracking::name_of(verb));
    any |= !role.empty();
    answers[name] = role.empty() ? Json() : Json(role);
    if (output.is_json()) continue;
    output.line((role.empty() ? "no   " : "yes  ") + name +
                (role.empty() ? "" : std::string(12 - name.size(), ' ') + "as " + role));
  }
  if (output.is_json()) output.json(Json{{"principal", who}, {"resource", what}, {"allowed", answers}});
  return any ? Exit::kClean : Exit::kFindings;
}

std::string used_text(std::int64_t last_unix_s) {
  return last_unix_s == 0 ? "no use on record" : "last used " + format_time(last_unix_s).substr(0, 10);
}

// The record of uses lies beside the policy of the server that writes it.
Result<Exit> audit(const Arguments& arguments, Output& output) {
  const tracking::AccessRules rules = TRY(rules_of(arguments));
  const fs::path folder = fs::path(arguments.text("policy")).parent_path();
  const tracking::UseRecord uses = TRY(tracking::read_uses(system_env(), folder / tracking::kUsesFile));
  const auto reach = tracking::reach_of(rules, uses);
  const auto findings = tracking::audit_access(rules, system_env().now_unix_s(), uses);
  if (output.is_json()) {
    Json rows = Json::array();
    for (const tracking::Reach& one : reach) {
      rows.push_back(
          {{"principal", one.principal},
           {"verb", tracking::name_of(one.verb)},
           {"kind", one.kind == tracking::Kind::kModel ? "model" : "experiment"},
           {"pattern", one.pattern},
           {"role", one.role},
           {"last_used", one.last_used_unix_s == 0 ? Json() : Json(format_time(one.last_used_unix_s))}});
    }
    output.json(Json{{"principals", rules.principals.size()},
                     {"reach", rows},
                     {"uses_since", uses.since_unix_s == 0 ? Json() : Json(format_time(uses.since_unix_s))},
                     {"findings", findings}});
  } else {
    for (const tracking::Reach& one : reach) {
      output.line(one.principal + " may " + std::string(tracking::name_of(one.verb)) +
                  (one.kind == tracking::Kind::kModel ? " models " : " experiments ") + one.pattern + " as " +
                  one.role + ": " + used_text(one.last_used_unix_s));
    }
    if (!reach.empty() && !findings.empty()) output.line("");
    for (const std::string& finding : findings) output.line(finding);
    output.note(std::to_string(rules.principals.size()) + " principals, " +
                std::to_string(rules.roles.size()) + " roles looked at");
  }
  return findings.empty() ? Exit::kClean : Exit::kFindings;
}

// The token is shown once, here; the policy keeps its digest.
Result<Exit> token(const Arguments& arguments, Output& output) {
  const std::int64_t days = arguments.number("days");
  if (days < 1 || days > kTokenDaysMax) return output.usage("--days: a number from 1 to 366 was expected");
  const std::string made = tracking::new_token(system_env());
  const std::string expires = format_time(system_env().now_unix_s() + days * 24 * 3600);
  const std::string digest = sha256(made).hex();
  if (output.is_json()) {
    output.json(Json{{"token", made}, {"sha256", digest}, {"expires", expires}});
  } else {
    output.line(made);
    output.line("tokens: [{sha256: " + digest + ", expires: \"" + expires + "\"}]");
  }
  return Exit::kClean;
}

}  // namespace

extern const Command access_explain_command;
const Command access_explain_command{
    .name = "access explain",
    .summary = "what a principal may do with a model or an experiment, and through which role",
    .example =
        "$ sallyport access explain ana model:digits --policy mlruns/policy.yaml\n"
        "yes  read        as trainer\n"
        "no   write",
    .flags = kFlags,
    .positionals = kExplained,
    .run = explain};

extern const Command access_audit_command;
const Command access_audit_command{
    .name = "access audit",
    .summary = "what everybody may reach, grants that are wide open or unused, tokens about to end",
    .example =
        "$ sallyport access audit --policy mlruns/policy.yaml\n"
        "ana may read experiments digits* as trainer: last used 2026-11-20\n"
        "ana may write experiments * as trainer: no use on record\n"
        "\n"
        "role trainer may more than read on every experiment",
    .flags = kFlags,
    .run = audit};

extern const Command access_token_command;
const Command access_token_command{
    .name = "access token",
    .summary = "a new token, shown once, and the line of the policy that lets its holder in",
    .example =
        "$ sallyport access token --days 30\n"
        "sp_5d0c...\n"
        "tokens: [{sha256: 9f2c..., expires: \"2026-12-24T20:00:00Z\"}]",
    .flags = kTokenFlags,
    .run = token};

}  // namespace sallyport::cli
