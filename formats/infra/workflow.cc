// Workflows of GitHub Actions: who may start them, what of the start's own text they run, what they take from
// elsewhere (GitHub's documentation, "Secure use reference").
#include <array>

#include "formats/infra/infra.h"
#include "formats/infra/text.h"

namespace sallyport::formats::infra {
namespace {

// What a stranger writes: contexts that hold text of an issue, a pull request, a comment or a branch's name.
constexpr std::array<std::string_view, 16> kStrangers{
    "github.event.issue.title",
    "github.event.issue.body",
    "github.event.pull_request.title",
    "github.event.pull_request.body",
    "github.event.pull_request.head.ref",
    "github.event.pull_request.head.label",
    "github.event.pull_request.head.repo.default_branch",
    "github.event.comment.body",
    "github.event.review.body",
    "github.event.review_comment.body",
    "github.event.discussion.",
    "github.event.pages",
    "github.event.commits",
    "github.event.head_commit",
    "github.event.workflow_run.head_",
    "github.head_ref",
};

bool is_strangers(std::string_view expression) {
  if (has(expression, "head_sha") || has(expression, "head_commit.id")) return false;
  return std::any_of(kStrangers.begin(), kStrangers.end(), [&](auto name) { return has(expression, name); });
}

// The expressions ${{ ... }} of a text, with the line of each.
struct Expression {
  std::string text = {};
  std::size_t line = 0;
};
std::vector<Expression> expressions_in(std::string_view text, std::size_t line) {
  std::vector<Expression> out;
  std::size_t at = 0;
  while ((at = text.find("${{", at)) != std::string_view::npos) {
    const std::size_t end = text.find("}}", at);
    if (end == std::string_view::npos) break;
    const auto lines = std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
    out.push_back(
        {std::string(trimmed(text.substr(at + 3, end - at - 3))), line + static_cast<std::size_t>(lines)});
    at = end;
  }
  return out;
}

bool is_commit(std::string_view reference) {
  return (reference.size() == 40 || reference.size() == 64) &&
         reference.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

class Workflow {
 public:
  Workflow(const YamlView& root, Remarks& out) : root_(root), out_(out) {}

  void run() {
    read_triggers();
    judge_permissions(root_.find("permissions"));
    if (root_.find("runs")) return judge_steps(root_.find("runs"));
    if (!root_.find("jobs").is_map()) return;
    judge_triggers();
    bool named = static_cast<bool>(root_.find("permissions"));
    for (const YamlView& job : root_.find("jobs").children()) {
      named = named || job.find("permissions");
      judge_job(job);
    }
    if (!named) {
      out_.add("workflow-default-permissions", Severity::kLow, root_.find("jobs").line(),
               "the token of the workflow may do what the repository's default lets it",
               "say permissions: {contents: read} and give jobs what they need");
    }
  }

 private:
  void read_triggers() {
    const YamlView on = root_.find("on") ? root_.find("on") : root_.find("true");
    on_line_ = on.line();
    for (const YamlView& one : on.is_map() ? on.children() : on.each()) {
      const std::string_view name = on.is_map() ? one.key() : one.text();
      privileged_ = privileged_ || name == "pull_request_target" || name == "workflow_run" ||
                    name == "issue_comment" || name == "issues" || name == "discussion" ||
                    name == "discussion_comment";
      target_ = target_ || name == "pull_request_target";
      after_run_ = after_run_ || name == "workflow_run";
      pull_request_ = pull_request_ || name.starts_with("pull_request") || name == "issue_comment";
      publishes_ = publishes_ || name == "release" || (name == "push" && one.find("tags"));
    }
  }

  void judge_triggers() {
    if (target_ || after_run_) {
      out_.add("workflow-dangerous-trigger", Severity::kMedium, on_line_,
               std::string(target_ ? "pull_request_target" : "workflow_run") +
                   " starts it for strangers with the repository's secrets and a token that writes",
               "use pull_request, and hand over what it made to a workflow that checks out nothing");
    }
  }

  void judge_permissions(const YamlView& permissions) {
    if (permissions.text() == "write-all") {
      out_.add("workflow-broad-permissions", Severity::kHigh, permissions.line(),
               "the token may write everything in the repository",
               "give each job the permissions that it needs");
    }
  }

  void judge_job(const YamlView& job) {
    judge_permissions(job.find("permissions"));
    judge_runner(job.find("runs-on"));
    if (job.find("secrets").text() == "inherit") {
      out_.add("workflow-secrets-inherited", Severity::kMedium, job.find("secrets").line(),
               "the called workflow gets every secret of this one", "name the secrets that it needs");
    }
    if (job.find("uses")) judge_action(job.find("uses"));
    judge_image(job.find("container"));
    for (const YamlView& service : job.find("services").children()) judge_image(service);
    judge_steps(job);
  }

  void judge_runner(const YamlView& runner) {
    for (const YamlView& label : runner.find("labels") ? runner.find("labels").each() : runner.each()) {
      if (label.text() != "self-hosted") continue;
      out_.add("workflow-self-hosted-runner", pull_request_ ? Severity::kHigh : Severity::kLow, label.line(),
               pull_request_ ? "strangers' pull requests run on a machine that is kept"
                             : "a machine that is kept runs it: one job leaves traces for the next",
               "use runners that are made for one job");
    }
  }

  void judge_image(const YamlView& container) {
    const YamlView image = container.is_map() ? container.find("image") : container;
    if (image.is_scalar() && !image.text().empty() && !has(image.text(), "${{") &&
        pin_of_image(image.text()) != ImagePin::kDigest) {
      out_.add("workflow-unpinned-image", Severity::kLow, image.line(),
               "the container's image may change under its name", "name it by its digest");
    }
    const YamlView password = container.find("credentials").find("password");
    if (password && !has(password.text(), "${{")) {
      out_.add("workflow-password", Severity::kHigh, password.line(),
               "a registry's password stands in the workflow", "take it from secrets");
    }
  }

  void judge_action(const YamlView& uses) {
    const std::string_view name = uses.text();
    if (name.starts_with("./") || name.empty()) return;
    if (name.starts_with("docker://")) {
      if (pin_of_image(name.substr(9)) != ImagePin::kDigest) {
        out_.add("workflow-unpinned-action", Severity::kMedium, uses.line(),
                 "the action's image may change under its name", "name it by its digest");
      }
      return;
    }
    const std::size_t at = name.rfind('@');
    if (at != std::string_view::npos && is_commit(name.substr(at + 1))) return;
    const bool first_party = name.starts_with("actions/") || name.starts_with("github/");
    out_.add("workflow-unpinned-action", first_party ? Severity::kLow : Severity::kHigh, uses.line(),
             std::string(name.substr(0, 80)) + " is whatever its owner makes of that name",
             "pin it to a commit: owner/action@<40 hexadecimal digits>  # v1.2.3");
  }

  void judge_steps(const YamlView& job) {
    bool strangers_code = false;
    std::size_t checkout_line = 0;
    for (const YamlView& step : job.find("steps").children()) {
      const std::string_view uses = step.find("uses").text();
      if (!uses.empty()) judge_action(step.find("uses"));
      if (uses.starts_with("actions/checkout@")) {
        judge_checkout(step);
        if (privileged_ && checks_out_strangers(step)) {
          strangers_code = true;
          checkout_line = step.line();
        }
      }
      const bool runs =
          step.find("run") || uses.starts_with("./") || has(uses, "setup-") || has(uses, "build");
      if (strangers_code && runs && !uses.starts_with("actions/checkout@")) {
        out_.add("workflow-runs-strangers-code", Severity::kCritical, step.line(),
                 "code of a pull request (checked out in line " + std::to_string(checkout_line) +
                     ") may run here with the repository's secrets",
                 "build it in a workflow that pull_request starts, which has no secrets");
        strangers_code = false;
      }
      judge_cache(step, uses);
      judge_script(step.find("run"));
      if (has(uses, "github-script@")) judge_script(step.find("with").find("script"));
      judge_condition(step.find("if"));
      judge_environment(step.find("env"));
    }
    judge_condition(job.find("if"));
    judge_environment(job.find("env"));
  }

  void judge_checkout(const YamlView& step) {
    if (step.find("with").find("persist-credentials").is_false()) return;
    out_.add("workflow-token-kept", Severity::kLow, step.line(),
             "the token stays in .git/config for every later step, and for what is uploaded",
             "say persist-credentials: false");
  }

  static bool checks_out_strangers(const YamlView& step) {
    const YamlView with = step.find("with");
    for (const std::string_view name : {"ref", "repository"}) {
      const std::string_view value = with.find(name).text();
      if (has(value, "pull_request.head") || has(value, "github.head_ref") || has(value, "refs/pull/") ||
          has(value, "workflow_run.head") || has(value, "pull_request.number") ||
          has(value, "issue.number") || has(value, "merge_commit_sha")) {
        return true;
      }
    }
    return false;
  }

  void judge_cache(const YamlView& step, std::string_view uses) {
    if (!publishes_) return;
    const bool cache =
        uses.starts_with("actions/cache@") || (has(uses, "/setup-") && step.find("with").find("cache") &&
                                               !step.find("with").find("cache").is_false());
    if (!cache) return;
    out_.add("workflow-cache-in-release", Severity::kHigh, step.line(),
             "what a pull request left in the cache goes into what is published",
             "build releases without a cache");
  }

  void judge_script(const YamlView& script) {
    if (!script) return;
    for (const Expression& expression : expressions_in(script.text(), script.line())) {
      const bool strangers = is_strangers(expression.text);
      const bool given = has(expression.text, "github.event.client_payload") ||
                         expression.text.starts_with("inputs.") ||
                         has(expression.text, "github.event.inputs.");
      if (!strangers && !given) continue;
      out_.add("workflow-expression-injection", strangers ? Severity::kHigh : Severity::kMedium,
               expression.line,
               "${{ " + expression.text.substr(0, 60) +
                   " }} is pasted into a script: its author writes the script",
               "put it into env and use \"$NAME\" in the script");
    }
    const std::string_view text = script.text();
    if (privileged_ && (has(text, "GITHUB_ENV") || has(text, "GITHUB_PATH"))) {
      out_.add("workflow-environment-injection", Severity::kMedium, script.line(),
               "what strangers can write may become the environment of later steps",
               "write outputs, and nothing that comes from the event");
    }
    inspect_commands(text, script.line(), out_);
  }

  void judge_condition(const YamlView& condition) {
    if (!condition || !privileged_ || !has(condition.text(), "github.actor")) return;
    if (!has(condition.text(), "[bot]")) return;
    out_.add("workflow-bot-condition", Severity::kMedium, condition.line(),
             "github.actor is who came last, so a stranger can have the bot come last",
             "compare github.event.pull_request.user.login");
  }

  void judge_environment(const YamlView& environment) {
    for (const YamlView& member : environment.children()) {
      if (member.key() == "ACTIONS_ALLOW_UNSECURE_COMMANDS" && member.is_true()) {
        out_.add("workflow-environment-injection", Severity::kHigh, member.line(),
                 "whatever a step prints can set the environment of later ones", "take it away");
      }
      if (has(member.text(), "toJSON(secrets)") || has(member.text(), "toJson(secrets)")) {
        out_.add("workflow-all-secrets", Severity::kHigh, member.line(),
                 "a step is given every secret there is", "name the secrets that it needs");
      }
    }
  }

  YamlView root_;
  Remarks& out_;
  std::size_t on_line_ = 0;
  bool privileged_ = false;
  bool target_ = false;
  bool after_run_ = false;
  bool pull_request_ = false;
  bool publishes_ = false;
};

}  // namespace

void inspect_github_workflow(const YamlView& root, Remarks& out) { Workflow(root, out).run(); }

void inspect_gitlab_pipeline(const YamlView& root, Remarks& out) {
  constexpr std::array<std::string_view, 7> kStrangersVariables{
      "CI_COMMIT_MESSAGE",
      "CI_COMMIT_TITLE",
      "CI_COMMIT_DESCRIPTION",
      "CI_MERGE_REQUEST_TITLE",
      "CI_MERGE_REQUEST_DESC",
      "CI_COMMIT_AUTHOR",
      "CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_NAME"};
  for (const YamlView& include : root.find("include").is_list()
                                     ? root.find("include").children()
                                     : std::vector<YamlView>{root.find("include")}) {
    const YamlView remote = include.find("remote");
    if (remote && !include.find("integrity")) {
      out.add("pipeline-remote-include", Severity::kHigh, remote.line(),
              "the pipeline is whatever that address answers",
              "give its digest as integrity, or keep a copy");
    }
    if (include.find("project") && !include.find("ref")) {
      out.add("pipeline-unpinned-include", Severity::kMedium, include.line(),
              "the included file is whatever its project's default branch holds", "give a commit as ref");
    }
  }
  for (const YamlView& job : root.children()) {
    const YamlView image = job.key() == "image" ? job : job.find("image");
    const YamlView name = image.is_map() ? image.find("name") : image;
    if (name.is_scalar() && !name.text().empty() && !has(name.text(), "$") &&
        pin_of_image(name.text()) == ImagePin::kMoving) {
      out.add("image-tag-moves", Severity::kLow, name.line(),
              "the image is whatever its name means on that day", "name it by its digest");
    }
    for (const YamlView& variable : (job.key() == "variables" ? job : job.find("variables")).children()) {
      if (is_secret_setting(variable.key(), variable.text())) {
        out.add("pipeline-secret-variable", Severity::kHigh, variable.line(),
                std::string(variable.key()) + " stands in the pipeline's own file",
                "make it a masked variable");
      }
    }
    for (const std::string_view part : {"script", "before_script", "after_script"}) {
      for (const YamlView& command : (job.key() == part ? job : job.find(part)).each()) {
        for (const std::string_view variable : kStrangersVariables) {
          const bool evaluated = has(command.text(), "eval ") || has(command.text(), "sh -c") ||
                                 has(command.text(), "`") || has(command.text(), "python -c");
          if (has(command.text(), variable) && evaluated) {
            out.add("pipeline-variable-injection", Severity::kHigh, command.line(),
                    "$" + std::string(variable) + " is evaluated: whoever commits writes the command",
                    "quote it, and never evaluate it");
          }
        }
        inspect_commands(command.text(), command.line(), out);
      }
    }
  }
}

}  // namespace sallyport::formats::infra
