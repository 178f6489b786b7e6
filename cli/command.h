// A command of `sallyport`: one constant record in one file, listed in commands.def.
//
// The record is all there is: it is parsed by, and it prints the help, the man page and the shell
// completions, and a test holds every record to the rules below. Registration is a line in a table, never a
// static constructor.
//
// Every command also has the flags of common_flags(). Records are constants and safe from any thread.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "cli/arguments.h"
#include "cli/output.h"
#include "core/result.h"

namespace sallyport::cli {

// What a script may rely on. An Error that leaves a command is kCannotTell.
enum class Exit : int {
  kClean = 0,       // done, and nothing speaks against it
  kFindings = 1,    // something was found, refused or did not hold
  kCannotTell = 2,  // it could not be read, parsed or reached
  kUsage = 64,      // the command line makes no sense
};

struct Flag {
  std::string_view name;           // "seed": typed as --seed
  std::string_view value = {};     // "FILE"; "a|b": one of these; "N": a whole number; empty: a switch
  std::string_view doc;            // lower case, no full stop
  std::string_view fallback = {};  // the value when the flag is absent; printed in the help
  char letter = '\0';              // 'C': also typed as -C
  bool repeats = false;            // may be given more than once
};

enum class Arity : std::uint8_t { kOne, kOptional, kSome, kAny };

struct Positional {
  std::string_view name;  // "ARTIFACT"
  std::string_view doc;
  Arity arity = Arity::kOne;
};

struct Command {
  std::string_view name;     // "threats", or two words: "log show"
  std::string_view summary;  // one line: lower case, no full stop
  std::string_view example;  // a command line and what it prints, as a person sees them
  std::span<const Flag> flags = {};
  std::span<const Positional> positionals = {};
  // Results go to `output`. An Error is printed with its hint and the process exits with kCannotTell.
  Result<Exit> (*run)(const Arguments& arguments, Output& output) = nullptr;
};

// What could not be read at all says nothing about it; every other error does.
bool says_nothing(ErrorKind kind);

// In the order of commands.def, which is the order of the help.
std::span<const Command* const> commands();
// nullptr when there is no such command.
const Command* find_command(std::string_view name);
// --format, --quiet, --workspace and --help: every command has them.
std::span<const Flag> common_flags();
// The command's own flags, then the common ones that it does not say otherwise.
std::vector<Flag> flags_of(const Command& command);

// The whole program; `main` hands it the words after the program's name and exits with what it returns.
Exit run_command_line(std::span<const std::string> words);

}  // namespace sallyport::cli
