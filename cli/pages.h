// What the command tables print: help pages, and the pieces that the man page and the completions share.
//
// Pure functions of the tables, safe from any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/command.h"

namespace sallyport::cli {

inline constexpr std::string_view kTagline = "a gate at every stage of the machine-learning life cycle";

std::string version_text();  // "sallyport 0.1.0"
std::string overview_page();
std::string help_page(const Command& command);
Json help_json(const Command& command);

// "[OPTION...] [ID...]": what follows the command's name.
std::string synopsis(const Command& command);

// Two columns, the second one wrapped.
using Rows = std::vector<std::pair<std::string, std::string>>;
std::string two_columns(const Rows& rows);
Rows rows_of(std::span<const Flag> flags);
Rows rows_of(std::span<const Positional> positionals);
// Each exit code and what it means.
Rows exit_codes();

}  // namespace sallyport::cli
