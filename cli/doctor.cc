// sallyport doctor: what this machine lacks, and what still holds without it.
#include <algorithm>

#include "cli/command.h"
#include "services/sandbox/doctor.h"

namespace sallyport::cli {
namespace {

using services::sandbox::Fact;
using services::sandbox::Standing;

Tint tint_of(Standing standing) {
  if (standing == Standing::kPresent) return Tint::kGreen;
  return standing == Standing::kWeaker ? Tint::kYellow : Tint::kRed;
}

void print_fact(const Fact& fact, std::size_t name_columns, Output& output) {
  std::string name = fact.name;
  name.resize(std::max(name.size(), name_columns), ' ');
  std::string standing(name_of(fact.standing));
  standing.resize(std::max<std::size_t>(standing.size(), 9), ' ');
  output.line("  " + name + "  " + output.paint(tint_of(fact.standing), standing) + fact.detail);
  const std::size_t indent = name_columns + 4;
  const auto below = [&](std::string_view word, const std::string& text) {
    if (text.empty()) return;
    std::string head(indent, ' ');
    head += word;
    head.resize(indent + 9, ' ');
    output.print(wrapped(text, indent + 9, 110).replace(0, indent + 9, head));
  };
  below("holds", fact.holds);
  below("do", fact.remedy);
}

Result<Exit> run(const Arguments&, Output& output) {
  std::error_code failure;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", failure);
  const std::vector<Fact> facts = services::sandbox::examine(self.parent_path());
  const auto count = [&](Standing standing) {
    return std::count_if(facts.begin(), facts.end(),
                         [&](const Fact& fact) { return fact.standing == standing; });
  };
  const Exit exit = count(Standing::kMissing) > 0 ? Exit::kFindings : Exit::kClean;
  if (output.is_json()) {
    output.json(services::sandbox::to_json(facts));
    return exit;
  }
  std::size_t columns = 0;
  for (const Fact& fact : facts) columns = std::max(columns, fact.name.size());
  for (const Fact& fact : facts) print_fact(fact, columns, output);
  output.line();
  output.line(std::to_string(count(Standing::kPresent)) + " present, " +
              std::to_string(count(Standing::kWeaker)) + " weaker, " +
              std::to_string(count(Standing::kMissing)) + " missing");
  return exit;
}

}  // namespace

extern const Command doctor_command;
const Command doctor_command{
    .name = "doctor",
    .summary = "what this machine lacks for the sandbox and the workers, and what still holds",
    .example =
        "$ sallyport doctor\n"
        "  landlock  present  ABI 7\n"
        "  cgroups   weaker   v1: memory pids cpuacct\n"
        "            holds    memory and process limits; no limit on i/o",
    .run = run,
};

}  // namespace sallyport::cli
