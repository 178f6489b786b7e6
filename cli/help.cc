// sallyport help: what the program can do, or what one command can do.
#include "cli/command.h"
#include "cli/pages.h"

namespace sallyport::cli {
namespace {

constexpr Positional kPositionals[] = {
    {.name = "COMMAND", .doc = "print the page of this command", .arity = Arity::kAny}};

Result<Exit> run(const Arguments& arguments, Output& output) {
  std::string name;
  for (const std::string& word : arguments.words("COMMAND")) name += (name.empty() ? "" : " ") + word;
  if (!name.empty()) {
    const Command* command = find_command(name);
    if (command == nullptr) {
      return output.usage("no command '" + name + "'", "sallyport help lists the commands");
    }
    output.result(help_page(*command), help_json(*command));
    return Exit::kClean;
  }
  if (!output.is_json()) {
    output.print(overview_page());
    return Exit::kClean;
  }
  Json pages = Json::array();
  for (const Command* command : commands()) pages.push_back(help_json(*command));
  output.json(pages);
  return Exit::kClean;
}

}  // namespace

extern const Command help_command;
const Command help_command{
    .name = "help",
    .summary = "what sallyport can do",
    .example =
        "$ sallyport help threats\nsallyport threats: the 100 threats, what answers each, and what is "
        "open\n...",
    .positionals = kPositionals,
    .run = run,
};

}  // namespace sallyport::cli
