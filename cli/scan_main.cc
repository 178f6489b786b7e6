// sallyport-scan: the one command `scan` as a program of its own, linked statically, for machines that have
// nothing else.
#include "cli/command.h"
#include "services/version.h"

namespace sallyport::cli {
extern const Command scan_command;
namespace {

Exit run_words(std::span<const std::string> words, Output& output) {
  if (!words.empty() && words.front() == "--version") {
    output.line("sallyport-scan " + std::string(services::kVersion));
    return Exit::kClean;
  }
  const auto arguments = Arguments::parse(scan_command, words);
  if (!arguments) {
    output.error(arguments.error());
    return Exit::kUsage;
  }
  output.configure(arguments->json(), arguments->quiet());
  if (arguments->help()) {
    output.print("usage: sallyport-scan [--format json] [--policy FILE] [--sarif FILE] PATH...\n\n" +
                 std::string(scan_command.example) + "\n");
    return Exit::kClean;
  }
  const Result<Exit> exit = scan_command.run(*arguments, output);
  if (exit) return *exit;
  output.error(exit.error());
  return Exit::kCannotTell;
}

}  // namespace
}  // namespace sallyport::cli

int main(int argc, char** argv) {
  using namespace sallyport::cli;
  const std::vector<std::string> words(argv + 1, argv + argc);
  Output output;
  const Exit exit = run_words(words, output);
  if (!output.finish()) return static_cast<int>(Exit::kCannotTell);
  return static_cast<int>(exit);
}
