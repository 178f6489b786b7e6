#include <algorithm>

#include "cli/command.h"
#include "cli/pages.h"

#define COMMAND(id)                  \
  namespace sallyport::cli {         \
  extern const Command id##_command; \
  }
#include "cli/commands.def"
#undef COMMAND

namespace sallyport::cli {
namespace {

constexpr const Command* kCommands[] = {
#define COMMAND(id) &id##_command,
#include "cli/commands.def"
#undef COMMAND
};

// The words of one command line, split: which command, and what belongs to it. Common flags may come before
// it.
struct Split {
  const Command* command = nullptr;
  std::string typed = {};  // what stands where a command should
  std::vector<std::string> rest = {};
};

Split split(std::span<const std::string> words) {
  Split out;
  std::size_t at = 0;
  while (at < words.size() && words[at].size() > 1 && words[at].front() == '-') {
    const std::string& word = words[at];
    const bool takes_value = word == "-C" || word == "--workspace" || word == "--format";
    out.rest.push_back(word);
    if (takes_value && at + 1 < words.size()) out.rest.push_back(words[++at]);
    ++at;
  }
  if (at == words.size()) return out;
  out.typed = words[at];
  if (at + 1 < words.size()) out.command = find_command(words[at] + " " + words[at + 1]);
  at += out.command != nullptr ? 2 : 1;
  if (out.command == nullptr) out.command = find_command(out.typed);
  out.rest.insert(out.rest.end(), words.begin() + static_cast<std::ptrdiff_t>(std::min(at, words.size())),
                  words.end());
  return out;
}

Exit unknown_command(const std::string& typed, Output& output) {
  std::vector<std::string> names;
  std::string group;
  for (const Command* command : commands()) {
    const std::string name(command->name);
    names.push_back(name);
    if (name.starts_with(typed + " ")) group += (group.empty() ? "" : ", ") + name.substr(typed.size() + 1);
  }
  if (!group.empty()) return output.usage("'" + typed + "' needs one of: " + group);
  const std::string near = nearest(typed, names);
  return output.usage("no command '" + typed + "'", near.empty() ? "sallyport help lists the commands"
                                                                 : "did you mean sallyport " + near + "?");
}

Exit run(const Command& command, std::span<const std::string> words, Output& output) {
  const auto arguments = Arguments::parse(command, words);
  if (!arguments) {
    Error error = arguments.error();
    const std::string name(command.name);
    error.message = name + ": " + error.message;
    if (error.hint.empty()) error.hint = "sallyport " + name + " --help shows how it is used";
    output.error(error);
    return Exit::kUsage;
  }
  output.configure(arguments->json(), arguments->quiet());
  if (arguments->help()) {
    output.result(help_page(command), help_json(command));
    return Exit::kClean;
  }
  const Result<Exit> exit = command.run(*arguments, output);
  if (exit) return *exit;
  output.error(exit.error());
  return Exit::kCannotTell;
}

Exit dispatch(std::span<const std::string> words, Output& output) {
  const Split parts = split(words);
  if (parts.command != nullptr) return run(*parts.command, parts.rest, output);
  if (!parts.typed.empty()) return unknown_command(parts.typed, output);
  if (!words.empty() && words.front() == "--version") {
    output.line(version_text());
    return Exit::kClean;
  }
  const Command* help = find_command("help");
  if (words.empty() || words.front() == "--help" || words.front() == "-h") return run(*help, {}, output);
  return output.usage("no command after " + words.back(), "sallyport help lists the commands");
}

}  // namespace

bool says_nothing(ErrorKind kind) {
  return kind == ErrorKind::kIo || kind == ErrorKind::kNotFound || kind == ErrorKind::kUnsupported;
}

std::span<const Command* const> commands() { return kCommands; }

const Command* find_command(std::string_view name) {
  for (const Command* command : kCommands) {
    if (command->name == name) return command;
  }
  return nullptr;
}

Exit run_command_line(std::span<const std::string> words) {
  Output output;
  const Exit exit = dispatch(words, output);
  if (const auto finished = output.finish(); !finished) {
    output.error(finished.error());
    return Exit::kCannotTell;
  }
  return output.reader_left() ? Exit::kClean : exit;
}

}  // namespace sallyport::cli
