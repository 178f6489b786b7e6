// A stand-in for an agent behind a gateway, and for the careless JSON parsers that such systems are built of.
//
// The three parsers differ as real ones do over the same bytes: the first or the last of two equal members
// wins, or names match in any case. The agent does what it is told: it dispatches a command wherever it finds
// one. Harmless: a dispatched command is only reported. Pure functions, safe from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "core/result.h"

namespace sallyport::drills {

enum class Dialect {
  kFirstWins,  // RapidJSON's FindMember
  kLastWins,   // Python's json, JavaScript
  kAnyCase,    // Go's encoding/json: the last wins and names match in any case
};

// What a parser of that dialect makes of `text`: comments and whatever follows the first value are passed
// over. Duplicate members are resolved, and with kAnyCase names come out in lower case. Null for what it
// cannot read.
Json read_leniently(std::string_view text, Dialect dialect);

// What the agent does on a request for one text and one level: every command that it would dispatch, and
// "level 300" for a level outside 0 to 16, which its actuator does not check.
std::vector<std::string> agent_acts(std::string_view body, Dialect dialect);

}  // namespace sallyport::drills
