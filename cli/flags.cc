// The flags that every command has; apart from the table of commands, so that a program of one command can be
// small.
#include <algorithm>
#include <iterator>

#include "cli/command.h"

namespace sallyport::cli {
namespace {

constexpr Flag kCommonFlags[] = {
    {.name = "format", .value = "plain|json", .doc = "how results are printed", .fallback = "plain"},
    {.name = "quiet", .doc = "results and errors only: no notes, no progress", .letter = 'q'},
    {.name = "workspace",
     .value = "DIR",
     .doc = "the folder that holds .sallyport/ (found upwards from here)",
     .letter = 'C'},
    {.name = "help", .doc = "print this page", .letter = 'h'},
};

}  // namespace

std::span<const Flag> common_flags() { return kCommonFlags; }

std::vector<Flag> flags_of(const Command& command) {
  std::vector<Flag> out(command.flags.begin(), command.flags.end());
  std::ranges::copy_if(kCommonFlags, std::back_inserter(out), [&](const Flag& flag) {
    return std::ranges::find(command.flags, flag.name, &Flag::name) == command.flags.end();
  });
  return out;
}

}  // namespace sallyport::cli
