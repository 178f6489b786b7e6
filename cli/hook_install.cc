// sallyport hook install: a commit is searched before it is made.
#include "cli/command.h"
#include "core/env.h"
#include "core/text.h"
#include "services/scan/repository.h"

namespace sallyport::cli {
namespace {

constexpr std::string_view kMark = "# Written by `sallyport hook install`; it may be written anew.\n";
constexpr std::string_view kBody =
    "# Searches what a commit would add: the files that differ from HEAD, and what is staged.\n"
    "# To accept a finding write \"sallyport: allow, REASON\" on its line, or add it to the baseline:\n"
    "#   sallyport scan --write-baseline .sallyport-baseline.json .\n"
    "set -eu\n"
    "if ! command -v sallyport >/dev/null; then\n"
    "  echo 'nothing was searched and nothing is committed: sallyport is not on PATH; put it there' >&2\n"
    "  exit 1\n"
    "fi\n"
    "cd \"$(git rev-parse --show-toplevel)\"\n"
    "set -- --diff HEAD\n"
    "if [ -f .sallyport-baseline.json ]; then set -- \"$@\" --baseline .sallyport-baseline.json; fi\n"
    "exec sallyport scan \"$@\" .\n";

constexpr Positional kPositionals[] = {
    {.name = "REPOSITORY", .doc = "the repository's folder; else this one", .arity = Arity::kOptional}};

Result<Exit> run(const Arguments& arguments, Output& output) {
  Env& env = system_env();
  const fs::path folder = arguments.word("REPOSITORY").empty() ? "." : arguments.word("REPOSITORY");
  if (!env.exists(folder / ".git" / "objects")) {
    return fail(ErrorKind::kNotFound, folder.string() + ": is no repository",
                "name the folder that holds .git itself; a worktree has the hooks of its repository");
  }
  const auto config = env.read_file(folder / ".git" / "config", limits::kYamlBytesMax);
  const std::string settings = lowered(config ? as_text(*config) : std::string_view());
  if (settings.find("hookspath") != std::string::npos) {
    return fail(ErrorKind::kDenied, "git is told to look for hooks elsewhere (core.hooksPath)",
                "call `sallyport scan --diff HEAD .` from the hook there");
  }
  const fs::path hook = folder / ".git" / "hooks" / "pre-commit";
  if (env.exists(hook)) {
    const auto present = env.read_file(hook, limits::kYamlBytesMax);
    if (!present || as_text(*present).find(kMark) == std::string_view::npos) {
      return fail(ErrorKind::kDenied, hook.lexically_normal().string() + ": there is another hook already",
                  "call `sallyport scan --diff HEAD .` from it");
    }
  }
  TRY(env.make_directories(hook.parent_path()));
  const std::string text = "#!/bin/sh\n" + std::string(kMark) + std::string(kBody);
  TRY(write_durably(env, hook, as_bytes(text), 0755));
  const std::string shown = hook.lexically_normal().string();
  output.result("commits are searched by " + shown + "\n", {{"hook", shown}});
  return Exit::kClean;
}

}  // namespace

extern const Command hook_install_command;
const Command hook_install_command{
    .name = "hook install",
    .summary = "search what a commit would add, before it is made",
    .example =
        "$ sallyport hook install\n"
        "commits are searched by .git/hooks/pre-commit",
    .positionals = kPositionals,
    .run = run,
};

}  // namespace sallyport::cli
