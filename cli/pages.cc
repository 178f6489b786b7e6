#include "cli/pages.h"

#include <algorithm>

namespace sallyport::cli {
namespace {

// "-C, --workspace DIR"
std::string spelling(const Flag& flag) {
  std::string out = flag.letter == '\0' ? "    " : std::string("-") + flag.letter + ", ";
  out += "--" + std::string(flag.name);
  return flag.value.empty() ? out : out + " " + std::string(flag.value);
}

std::string explanation(const Flag& flag) {
  std::string out(flag.doc);
  if (flag.repeats) out += "; may be repeated";
  if (!flag.fallback.empty()) out += " [" + std::string(flag.fallback) + "]";
  return out;
}

std::string indented(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out += "  " + std::string(text.substr(0, end)) + "\n";
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

bool is_needed(const Positional& word) { return word.arity == Arity::kOne || word.arity == Arity::kSome; }
bool is_many(const Positional& word) { return word.arity == Arity::kSome || word.arity == Arity::kAny; }

}  // namespace

std::string version_text() { return "sallyport " SALLYPORT_VERSION; }

std::string two_columns(const Rows& rows) {
  std::size_t width = 0;
  for (const auto& [left, right] : rows) width = std::max(width, left.size());
  std::string out;
  for (const auto& [left, right] : rows) {
    std::string head = "  " + left;
    head.resize(width + 4, ' ');
    out += wrapped(right, width + 4).replace(0, width + 4, head);
  }
  return out;
}

Rows rows_of(std::span<const Flag> flags) {
  Rows rows;
  for (const Flag& flag : flags) rows.emplace_back(spelling(flag), explanation(flag));
  return rows;
}

Rows rows_of(std::span<const Positional> positionals) {
  Rows rows;
  for (const Positional& word : positionals) rows.emplace_back(word.name, word.doc);
  return rows;
}

Rows exit_codes() {
  return {{"0", "clean: done, and nothing speaks against it"},
          {"1", "findings: something was found, was refused or did not hold"},
          {"2", "could not tell: something could not be read, parsed or reached"},
          {"64", "usage: the command line makes no sense"}};
}

std::string synopsis(const Command& command) {
  std::string out = "[OPTION...]";
  for (const Positional& word : command.positionals) {
    const std::string name = std::string(word.name) + (is_many(word) ? "..." : "");
    out += is_needed(word) ? " " + name : " [" + name + "]";
  }
  return out;
}

std::string overview_page() {
  Rows rows;
  for (const Command* command : commands()) rows.emplace_back(command->name, command->summary);
  return "sallyport: " + std::string(kTagline) +
         "\n\nusage: sallyport COMMAND [OPTION...] [ARGUMENT...]\n\n" + two_columns(rows) +
         "\nevery command takes\n" + two_columns(rows_of(common_flags())) + "\nexit codes\n" +
         two_columns(exit_codes()) + "\nsallyport COMMAND --help tells more, with an example\n";
}

std::string help_page(const Command& command) {
  const std::string name(command.name);
  std::string out = "sallyport " + name + ": " + std::string(command.summary) + "\n\nusage: sallyport " +
                    name + " " + synopsis(command) + "\n\n";
  if (!command.positionals.empty()) out += two_columns(rows_of(command.positionals)) + "\n";
  return out + two_columns(rows_of(flags_of(command))) + "\nexample\n" + indented(command.example);
}

Json help_json(const Command& command) {
  Json flags = Json::array();
  for (const Flag& flag : flags_of(command)) {
    Json entry{{"name", flag.name}, {"doc", flag.doc}, {"value", flag.value}, {"repeats", flag.repeats}};
    if (!flag.fallback.empty()) entry["default"] = flag.fallback;
    if (flag.letter != '\0') entry["letter"] = std::string(1, flag.letter);
    flags.push_back(std::move(entry));
  }
  Json words = Json::array();
  for (const Positional& word : command.positionals) {
    words.push_back(
        {{"name", word.name}, {"doc", word.doc}, {"required", is_needed(word)}, {"repeats", is_many(word)}});
  }
  return Json{{"command", command.name},
              {"summary", command.summary},
              {"example", command.example},
              {"flags", std::move(flags)},
              {"arguments", std::move(words)}};
}

}  // namespace sallyport::cli
