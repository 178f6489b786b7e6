// The words of one command line, parsed by the tables of its command.
//
// CLI11 parses; its header is seen by arguments.cc alone. A command asks only for flags and positionals of
// its own record or of the common ones: anything else is a mistake of ours and ends the process.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace sallyport::cli {

struct Command;

class Arguments {
 public:
  // Whether the flag stands on the command line.
  bool has(std::string_view flag) const;
  // The flag's value, or its fallback, or "".
  std::string text(std::string_view flag) const;
  // Every value of a flag that repeats, in order.
  std::vector<std::string> all(std::string_view flag) const;
  // The value of a flag whose value is N, or its fallback.
  std::int64_t number(std::string_view flag) const;
  // The words of a positional; `word` is the first, or "" when an optional one is absent.
  std::vector<std::string> words(std::string_view positional) const;
  std::string word(std::string_view positional) const;

  bool json() const { return text("format") == "json"; }
  bool quiet() const { return has("quiet"); }
  bool help() const { return has("help"); }
  // Where `.sallyport/` is: the folder given with --workspace, else the nearest one upwards from here that
  // holds it, else here.
  std::filesystem::path workspace() const;

  // Error, whose hint names the nearest flag, when the words do not fit the command.
  static Result<Arguments> parse(const Command& command, std::span<const std::string> words);

 private:
  struct Values {
    bool given = false;
    std::vector<std::string> values = {};
    std::string fallback = {};
  };
  const Values& find(std::string_view name) const;
  Result<void> take_words(const Command& command, std::vector<std::string> words);

  std::map<std::string, Values, std::less<>> flags_;
  std::map<std::string, std::vector<std::string>, std::less<>> positionals_;
};

// The candidate that a mistyped word most likely meant, or "" when none is near.
std::string nearest(std::string_view typed, std::span<const std::string> candidates);

}  // namespace sallyport::cli
