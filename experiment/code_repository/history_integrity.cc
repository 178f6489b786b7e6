// repo-history-resurrection: what was given up comes back, or history is made to say something else than it
// did.
//
// The document .sallyport/history.json (services/scan/review.h) says which commits the protected branch no
// longer holds, which objects git would show in the place of others, and for each commit what it brought back
// that the branch once had. What a second person has signed for may come back: a revert, a fix on a release
// branch.
//
// Missed: what comes back changed in every hunk, since contents are compared as wholes.
#include "core/guard.h"
#include "core/limits.h"

namespace sallyport::experiment::code_repository {
namespace {

constexpr Parameter kParameters[] = {
    {"stale_days", 90,
     "days that a commit may have lain on a branch before a merge brings it without a second person"}};

constexpr std::string_view kDocument = ".sallyport/history.json";

class Report {
 public:
  Report(const RepositoryFile& file, double stale_days, Examination& out)
      : file_(file), stale_days_(stale_days), out_(out) {}

  void judge(const Json& document) {
    const std::string branch = shown(document.value("branch", ""));
    for (const Json& id : document.value("rewritten", Json::array())) {
      say(id.get<std::string>(), "rewritten-branch", Severity::kCritical,
          branch + " no longer holds a commit that it must hold: it was rewritten",
          "find out who pushed by force, and set the branch back");
    }
    for (const Json& id : document.value("replaced", Json::array())) {
      say(id.get<std::string>(), "replaced-object", Severity::kHigh,
          "git shows another object in the place of this one (refs/replace)",
          "git replace -d, and look at both");
    }
    if (document.value("grafts", false)) {
      say("", "grafted-history", Severity::kHigh, "parents of commits are set by hand (info/grafts)",
          "take the file away, and look at what the commits say themselves");
    }
    for (const Json& commit : document.value("commits", Json::array())) judge_commit(commit);
  }

 private:
  void judge_commit(const Json& commit) {
    if (commit.value("second", false)) return;
    const std::string id = commit.value("id", "");
    for (const Json& path : commit.value("restored", Json::array())) {
      say(id, "restored-content", Severity::kHigh,
          shown(path.get<std::string>()) +
              " has again a content that the branch had given up, and no second person signed for it",
          "let a second person look at why it was given up, and sign the merge that brings it back");
    }
    const auto days = commit.value("brought_days", std::int64_t{0});
    if (static_cast<double>(days) > stale_days_) {
      say(id, "stale-merge", Severity::kHigh,
          "a merge brings a commit that says it is " + std::to_string(days) +
              " days old, and no second person signed for it",
          "let a second person read what it changes today, and sign the merge");
    }
  }

  void say(std::string commit, std::string_view rule, Severity severity, std::string message,
           std::string_view remedy) {
    if (out_.findings.size() >= limits::kFindingsPerGuardMax) return;
    out_.findings.push_back({.severity = severity,
                             .where = {.path = file_.path, .commit = std::move(commit)},
                             .message = std::move(message),
                             .remedy = std::string(remedy),
                             .rule = std::string(rule)});
  }

  const RepositoryFile& file_;
  double stale_days_;
  Examination& out_;
};

Result<Examination> check(const RepositorySubject& repository, const Parameters& parameters) {
  Examination out;
  for (const RepositoryFile& file : repository.files) {
    if (!file.commit.empty() || file.path != kDocument) continue;
    const Result<Json> document = parse_json(as_text(file.bytes));
    if (!document) return within(file.path, document.error());
    if (!document->is_object()) return invalid(file.path + ": an object was expected");
    Report(file, parameters.get("stale_days"), out).judge(*document);
  }
  return out;
}

}  // namespace

extern const Guard history_integrity;
const Guard history_integrity{
    .id = "history_integrity",
    .threats = {"repo-history-resurrection"},
    .summary =
        "a protected branch that was rewritten, or to which old content returns without a second person",
    .looks_for =
        "commits that the branch must hold and does not, replaced objects and grafts, contents that the "
        "branch had "
        "given up and has again, and merges of commits that lay aside for long, unless a second person "
        "signed for "
        "them; only with the owner's rules, and only contents as wholes",
    .parameters = kParameters,
    .repository = check};

}  // namespace sallyport::experiment::code_repository
