#include "formats/python_acts.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include "formats/python.h"
#include "formats/python_scopes.h"
#include "formats/utf8.h"

namespace sallyport::formats::python {
namespace {

struct Known {
  std::string_view names;
  std::string_view does;
};
constexpr Known kKnown[] = {
#define ACT(names, does) {names, does},
#include "formats/python_acts.def"
#undef ACT
};

// Modules that reach the machine: what is picked from them by a computed name may be anything.
constexpr std::array<std::string_view, 16> kReach{
    "os",     "posix", "nt",      "subprocess", "_posixsubprocess", "builtins", "__builtins__", "importlib",
    "ctypes", "pty",   "marshal", "runpy",      "socket",           "shutil",   "pickle",       "asyncio"};

bool reaches(std::string_view module) { return std::ranges::find(kReach, module) != kReach.end(); }

// Methods that Python or a loader of models calls without being asked by name.
constexpr std::array<std::string_view, 8> kAtOnce{
    "__init_subclass__", "__set_name__", "__class_getitem__", "__prepare__",
    "__getattr__",       "__dir__",      "__mro_entries__",   "__instancecheck__"};
constexpr std::array<std::string_view, 14> kOfModels{"from_pretrained",
                                                     "forward",
                                                     "generate",
                                                     "predict",
                                                     "predict_step",
                                                     "transform",
                                                     "call",
                                                     "build",
                                                     "setup",
                                                     "post_init",
                                                     "from_config",
                                                     "load_state_dict",
                                                     "_from_pretrained",
                                                     "_load_model"};

struct Pattern {
  std::string_view name;
  bool open = false;  // whatever begins with it
  const Known* entry = nullptr;
};

// By the part of a name before its first dot, which no pattern leaves open.
using Patterns = std::unordered_map<std::string_view, std::vector<Pattern>>;

std::string_view first_part(std::string_view name) { return name.substr(0, name.find('.')); }

Patterns patterns() {
  Patterns out;
  for (const Known& entry : kKnown) {
    std::string_view rest = entry.names;
    while (!rest.empty()) {
      const std::size_t blank = std::min(rest.find(' '), rest.size());
      Pattern pattern{.name = rest.substr(0, blank), .entry = &entry};
      rest.remove_prefix(std::min(blank + 1, rest.size()));
      pattern.open = pattern.name.ends_with('*');
      if (pattern.open) pattern.name.remove_suffix(1);
      out[first_part(pattern.name)].push_back(pattern);
    }
  }
  return out;
}

// What the table says of a name; nullptr when it says nothing.
const Known* known(std::string_view name, bool called) {
  static const Patterns kPatterns = patterns();
  const auto found = kPatterns.find(first_part(name));
  if (found == kPatterns.end()) return nullptr;
  for (const Pattern& pattern : found->second) {
    if (pattern.open ? called && name.starts_with(pattern.name) : name == pattern.name) return pattern.entry;
  }
  return nullptr;
}

bool is_dunder(std::string_view name) { return name.starts_with("__") && name.ends_with("__"); }

std::string_view last_part(std::string_view name) { return name.substr(name.rfind('.') + 1); }

// The text of string literals that stand side by side, without prefixes and quotes; escapes stay.
std::string joined_literals(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char quote = text[at];
    if (quote != '"' && quote != '\'') continue;
    const std::size_t end = std::min(text.find(quote, at + 1), text.size());
    out += text.substr(at + 1, end - at - 1);
    at = end;
  }
  return out;
}

// Code points whose compatibility form (NFKC, which Python applies to names) is a Latin letter or digit.
bool reads_as_another(std::string_view name) {
  for (std::size_t i = 0; i < name.size(); ++i) {
    const auto lead = static_cast<unsigned char>(name[i]);
    if (lead < 0xC0) continue;
    const std::size_t more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
    std::uint32_t code = lead & (0x3FU >> more);
    for (std::size_t k = 1; k <= more && i + k < name.size(); ++k) {
      code = code << 6 | (static_cast<unsigned char>(name[i + k]) & 0x3FU);
    }
    const auto within = [&](std::uint32_t first, std::uint32_t last) {
      return code >= first && code <= last;
    };
    if (within(0x1D400, 0x1D7FF) || within(0xFF10, 0xFF5A) || within(0x2102, 0x214E) ||
        within(0x1D2C, 0x1D9B) || within(0x2071, 0x209C) || within(0xFB00, 0xFB06) || code == 0xAA ||
        code == 0xBA || within(0x2B0, 0x2B8) || code == 0x17F) {
      return true;
    }
  }
  return false;
}

class ActFinder {
 public:
  explicit ActFinder(std::string_view source) : source_(source) {}

  std::vector<Act> run() {
    const std::vector<Token> tokens = tokenize(source_);
    const Scopes scopes = scopes_of(source_, tokens);
    const Reading reading = read(tokens);
    functions_ = scopes.functions;
    calls_.resize(functions_.size() + 1);
    look(tokens, reading, [&](std::size_t token) { return scopes.of_token[token]; });
    for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
      if (scopes.decorates[i]) note_call(tokens[i + 1].text, scopes.of_token[i]);
    }
    formatted(tokens, scopes.of_token, reading.aliases);
    follow();
    return std::move(out_);
  }

 private:
  template <class ScopeOf>
  void look(const std::vector<Token>& tokens, const Reading& reading, ScopeOf scope_of) {
    for (const Call& call : reading.calls) {
      note_call(call.callee, scope_of(call.token));
      judge_call(call, tokens[call.token], scope_of(call.token), reading);
    }
    for (const Name& name : reading.names) judge_name(name, tokens, scope_of(name.token));
    for (const Name& star : reading.stars) {
      if (!reaches(star.dotted) || star.dotted == "ctypes" || star.dotted == "socket") continue;
      say(star.dotted + ".*", "takes every function of the module, to be called by its bare name",
          tokens[star.token], scope_of(star.token));
    }
  }

  void say(std::string name, std::string_view does, const Token& token, int scope) {
    const auto offset = static_cast<std::size_t>(token.text.data() - source_.data());
    if (!said_.insert({offset, name}).second) return;
    Act act{.name = std::move(name), .does = does, .offset = offset, .length = token.text.size()};
    out_.push_back(std::move(act));
    scope_of_act_.push_back(scope);
  }

  void note_call(std::string_view callee, int scope) {
    calls_[static_cast<std::size_t>(scope + 1)].insert(std::string(last_part(callee)));
  }

  void judge_call(const Call& call, const Token& token, int scope, const Reading& reading) {
    if (const Known* act = known(call.callee, true)) say(call.callee, act->does, token, scope);
    for (const Name& star : reading.stars) {
      const std::string whole = star.dotted + "." + call.callee;
      if (const Known* act = known(whole, false)) say(whole, act->does, token, scope);
    }
    if (call.arguments.empty()) return;
    const Argument& first = call.arguments[0];
    const auto meant = reading.aliases.find(first.text);
    const std::string_view module = meant == reading.aliases.end() ? first.text : meant->second;
    const bool picks = call.callee == "getattr" || call.callee == "operator.attrgetter" ||
                       call.callee == "vars" || call.callee == "setattr";
    if (picks && reaches(module)) return picked(call, std::string(module), token, scope);
    if (call.callee == "importlib.import_module" || call.callee == "importlib.__import__") {
      const std::string named = first.constant ? joined_literals(first.text) : "";
      if (first.constant && !reaches(named)) return;
      say(call.callee,
          first.constant ? "imports a module that reaches the machine"
                         : "imports by a name that is known only then",
          token, scope);
    }
  }

  // getattr(os, NAME), vars(os)
  void picked(const Call& call, const std::string& module, const Token& token, int scope) {
    constexpr std::string_view kAnything = "picks a function by a name that is known only then";
    if (call.arguments.size() < 2) return say(call.callee + "(" + module + ")", kAnything, token, scope);
    const Argument& attribute = call.arguments[1];
    const std::string whole = module + "." + joined_literals(attribute.text);
    if (!attribute.constant || whole.find('\\') != whole.npos) {
      return say(call.callee + "(" + module + ", ...)", kAnything, token, scope);
    }
    if (const Known* act = known(whole, true)) say(whole, act->does, token, scope);
  }

  void judge_name(const Name& name, const std::vector<Token>& tokens, int scope) {
    const Token& token = tokens[name.token];
    if (const Known* act = known(name.dotted, false)) say(name.dotted, act->does, token, scope);
    const std::size_t dict = name.dotted.rfind(".__dict__");
    if (dict != name.dotted.npos && reaches(std::string_view(name.dotted).substr(0, dict))) {
      say(name.dotted, "picks a function by a name that is known only then", token, scope);
    }
    if (name.dotted.starts_with("__builtins__") || name.dotted.find(".__builtins__") != name.dotted.npos ||
        name.dotted.ends_with(".__subclasses__") || name.dotted.find(".__globals__") != name.dotted.npos) {
      const bool registry = name.dotted.ends_with(".__subclasses__") && scope != kModuleScope;
      if (!registry) say(name.dotted, "reaches for the interpreter's own functions", token, scope);
    }
    if (reads_as_another(name.dotted)) {
      say(name.dotted, "is a name that Python reads as other letters", token, scope);
    }
    if (name.dotted != "sys.modules") return;
    for (std::size_t i = name.token + 1; i < tokens.size() && i < name.token + 6; ++i) {
      if (tokens[i].kind != TokenKind::kString || tokens[i - 1].text != "[") continue;
      const std::string module = joined_literals(tokens[i].text);
      if (reaches(module)) say("sys.modules['" + module + "']", "reaches for the module", token, scope);
    }
  }

  // The expressions between the braces of formatted strings, and of those in them.
  void formatted(const std::vector<Token>& tokens, const std::vector<int>& scopes, const Aliases& aliases) {
    struct Piece {
      std::string_view text;
      int scope;
    };
    std::vector<Piece> open;
    const auto add = [&](const Token& token, int scope) {
      const std::size_t quote = token.text.find_first_of("'\"");
      if (token.kind != TokenKind::kString || quote == token.text.npos) return;
      if (token.text.substr(0, quote).find_first_of("fFtT") == token.text.npos) return;
      std::size_t depth = 0;
      std::size_t begin = 0;
      for (std::size_t at = quote; at < token.text.size(); ++at) {
        if (depth == 0 && token.text.substr(at, 2) == "{{") {
          ++at;
          continue;
        }
        if (token.text[at] == '{' && depth++ == 0) begin = at + 1;
        if (token.text[at] != '}' || depth == 0 || --depth != 0) continue;
        if (at > begin) open.push_back({token.text.substr(begin, at - begin), scope});
      }
    };
    for (std::size_t i = 0; i < tokens.size(); ++i) add(tokens[i], scopes[i]);
    while (!open.empty()) {
      const Piece piece = open.back();
      open.pop_back();
      const std::vector<Token> inner = tokenize(piece.text);
      look(inner, read(inner, aliases), [&](std::size_t) { return piece.scope; });
      for (const Token& token : inner) add(token, piece.scope);
    }
  }

  // Which functions run on import, by the names that are called.
  void follow() {
    std::multimap<std::string_view, std::size_t> by_name;
    for (std::size_t i = 0; i < functions_.size(); ++i) {
      const Function& function = functions_[i];
      by_name.emplace(function.name, i);
      if (!function.of_class.empty() && is_dunder(function.name)) by_name.emplace(function.of_class, i);
    }
    std::vector<bool> runs(functions_.size(), false);
    std::vector<std::size_t> open;
    const auto start = [&](std::size_t function) {
      if (!runs[function]) open.push_back(function);
      runs[function] = true;
    };
    const auto start_called = [&](const std::set<std::string, std::less<>>& names) {
      for (const std::string& name : names) {
        const auto [first, last] = by_name.equal_range(name);
        for (auto it = first; it != last; ++it) start(it->second);
      }
    };
    for (std::size_t i = 0; i < functions_.size(); ++i) {
      if (std::ranges::find(kAtOnce, functions_[i].name) != kAtOnce.end()) start(i);
    }
    start_called(calls_[0]);
    while (!open.empty()) {
      const std::size_t function = open.back();
      open.pop_back();
      start_called(calls_[function + 1]);
    }
    for (std::size_t i = 0; i < out_.size(); ++i) place(out_[i], scope_of_act_[i], runs);
  }

  void place(Act& act, int scope, const std::vector<bool>& runs) const {
    act.when = When::kImport;
    if (scope == kModuleScope) return;
    const Function& function = functions_[static_cast<std::size_t>(scope)];
    act.by = function.name;
    if (runs[static_cast<std::size_t>(scope)]) return;
    const bool of_model =
        !function.of_class.empty() &&
        (is_dunder(function.name) || std::ranges::find(kOfModels, function.name) != kOfModels.end());
    act.when = of_model ? When::kModel : When::kCall;
  }

  std::string_view source_;
  std::vector<Function> functions_;
  std::vector<std::set<std::string, std::less<>>> calls_;  // of the module, then of each function: last parts
  std::vector<Act> out_;
  std::vector<int> scope_of_act_;
  std::set<std::pair<std::size_t, std::string>> said_;
};

}  // namespace

std::vector<Act> find_acts(std::string_view source) { return ActFinder(source).run(); }

std::string_view hiding_encoding(std::string_view source) {
  constexpr std::array<std::string_view, 18> kSets{"utf-8", "utf8",  "utf_8",   "ascii", "us-ascii", "latin",
                                                   "iso",   "cp",    "windows", "koi8",  "gb",       "big5",
                                                   "euc",   "shift", "sjis",    "mac",   "u8",       "l1"};
  for (int line = 0; line < 2 && !source.empty(); ++line) {
    const std::size_t end = std::min(source.find_first_of("\r\n"), source.size());
    const std::string_view text = source.substr(0, end);
    source.remove_prefix(std::min(end + 1, source.size()));
    const std::size_t first = text.find_first_not_of(" \t\f\xEF\xBB\xBF");
    if (first == text.npos) continue;
    if (text[first] != '#') return {};
    for (std::size_t at = text.find("coding"); at != text.npos; at = text.find("coding", at + 1)) {
      std::size_t from = at + 6;
      if (from >= text.size() || (text[from] != ':' && text[from] != '=')) continue;
      from = std::min(text.find_first_not_of(" \t", from + 1), text.size());
      constexpr std::string_view kNames = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
      const std::size_t to = std::min(text.find_first_not_of(kNames, from), text.size());
      if (to == from) continue;
      const std::string_view name = text.substr(from, to - from);
      std::string low(name);
      std::ranges::transform(low, low.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
      });
      const bool set = std::ranges::any_of(kSets, [&](std::string_view s) { return low.starts_with(s); });
      return set ? std::string_view{} : name;
    }
  }
  return {};
}

}  // namespace sallyport::formats::python
