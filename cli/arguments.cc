#include "cli/arguments.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <numeric>

#include "cli/command.h"
#include "core/text.h"

namespace sallyport::cli {
namespace {

// Levenshtein's distance, in one row.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

std::vector<std::string> choices_of(const Flag& flag) {
  std::vector<std::string> out;
  for (std::size_t begin = 0; flag.value.find('|') != std::string_view::npos && begin <= flag.value.size();) {
    const std::size_t end = std::min(flag.value.find('|', begin), flag.value.size());
    out.emplace_back(flag.value.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  const auto value = parsed_number<std::int64_t>(text);
  return value && *value >= 0 ? value : std::nullopt;
}

Result<void> check_values(const Flag& flag, const std::vector<std::string>& values) {
  const std::string name = "--" + std::string(flag.name);
  if (values.size() > 1 && !flag.repeats) return invalid(name + ": given more than once");
  const std::vector<std::string> choices = choices_of(flag);
  for (const std::string& value : values) {
    if (value.starts_with("--")) return invalid(name + ": needs a value", "the next word is " + value);
    if (!choices.empty() && std::find(choices.begin(), choices.end(), value) == choices.end()) {
      return invalid(name + ": '" + value + "' is not one of " + std::string(flag.value));
    }
    if (flag.value == "N" && !whole_number(value)) {
      return invalid(name + ": '" + value + "' is not a whole number");
    }
  }
  return {};
}

std::unexpected<Error> unknown_flag(const Command& command, const std::string& word) {
  std::vector<std::string> names;
  for (const Flag& flag : flags_of(command)) names.push_back("--" + std::string(flag.name));
  const std::string near = nearest(word.substr(0, word.find('=')), names);
  return invalid("unknown option " + word, near.empty() ? "" : "did you mean " + near + "?");
}

// CLI11's switches count how often they are given; its options collect their values.
struct Parsed {
  std::map<std::string, int> switches;
  std::map<std::string, std::vector<std::string>> values;
  std::vector<std::string> rest;
};

Result<Parsed> parse_flags(const std::vector<Flag>& flags, std::span<const std::string> words) {
  Parsed parsed;
  try {
    CLI::App app;
    app.set_help_flag();
    app.allow_extras();
    for (const Flag& flag : flags) {
      const std::string name(flag.name);
      const std::string spellings =
          (flag.letter == '\0' ? "" : std::string("-") + flag.letter + ",") + "--" + name;
      if (flag.value.empty()) {
        app.add_flag(spellings, parsed.switches[name])->disable_flag_override();
      } else {
        app.add_option(spellings, parsed.values[name])->expected(1)->allow_extra_args(false)->take_all();
      }
    }
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
    parsed.rest = app.remaining();
  } catch (const CLI::ArgumentMismatch& error) {
    // "--format: 1 required TEXT missing", in our words.
    const std::string text = error.what();
    return invalid(text.substr(0, text.find(':')) + ": needs a value");
  } catch (const CLI::Error& error) {
    return invalid(error.what());
  }
  return parsed;
}

}  // namespace

std::string nearest(std::string_view typed, std::span<const std::string> candidates) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, typed.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(typed, candidate);
    if (distance < best_distance && distance < typed.size()) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

Result<Arguments> Arguments::parse(const Command& command, std::span<const std::string> words) {
  const std::vector<Flag> flags = flags_of(command);
  Parsed parsed = TRY(parse_flags(flags, words));
  Arguments out;
  for (const Flag& flag : flags) {
    const std::string name(flag.name);
    std::vector<std::string> values = parsed.values[name];
    TRY(check_values(flag, values));
    const bool given = flag.value.empty() ? parsed.switches[name] > 0 : !values.empty();
    out.flags_[name] = {given, std::move(values), std::string(flag.fallback)};
  }
  std::vector<std::string> plain;
  bool after_dashes = false;
  for (std::string& word : parsed.rest) {
    if (!after_dashes && word == "--") {
      after_dashes = true;
    } else if (!after_dashes && word.size() > 1 && word.front() == '-') {
      return unknown_flag(command, word);
    } else {
      plain.push_back(std::move(word));
    }
  }
  if (!out.help()) TRY(out.take_words(command, std::move(plain)));
  return out;
}

Result<void> Arguments::take_words(const Command& command, std::vector<std::string> words) {
  auto next = words.begin();
  for (const Positional& positional : command.positionals) {
    auto& taken = positionals_[std::string(positional.name)];
    const bool many = positional.arity == Arity::kSome || positional.arity == Arity::kAny;
    while (next != words.end() && (many || taken.empty())) taken.push_back(std::move(*next++));
    const bool needed = positional.arity == Arity::kOne || positional.arity == Arity::kSome;
    if (needed && taken.empty()) {
      return invalid(std::string(positional.name) + " is missing: " + std::string(positional.doc));
    }
  }
  if (next != words.end()) return invalid("unexpected argument '" + *next + "'");
  return {};
}

const Arguments::Values& Arguments::find(std::string_view name) const {
  const auto found = flags_.find(name);
  SP_CHECK(found != flags_.end());
  return found->second;
}

bool Arguments::has(std::string_view flag) const { return find(flag).given; }

std::string Arguments::text(std::string_view flag) const {
  const Values& entry = find(flag);
  return entry.given ? entry.values.back() : entry.fallback;
}

std::vector<std::string> Arguments::all(std::string_view flag) const { return find(flag).values; }

std::int64_t Arguments::number(std::string_view flag) const {
  const auto value = whole_number(text(flag));
  SP_CHECK(value.has_value());
  return *value;
}

std::vector<std::string> Arguments::words(std::string_view positional) const {
  const auto found = positionals_.find(positional);
  SP_CHECK(found != positionals_.end());
  return found->second;
}

std::string Arguments::word(std::string_view positional) const {
  const std::vector<std::string> all_words = words(positional);
  return all_words.empty() ? "" : all_words.front();
}

std::filesystem::path Arguments::workspace() const {
  namespace fs = std::filesystem;
  if (has("workspace")) return text("workspace");
  std::error_code failure;
  const fs::path here = fs::current_path(failure);
  for (fs::path folder = here; !failure; folder = folder.parent_path()) {
    if (fs::is_directory(folder / ".sallyport", failure)) return folder == here ? fs::path(".") : folder;
    if (folder == folder.parent_path()) break;
    failure.clear();
  }
  return ".";
}

}  // namespace sallyport::cli
