#include "formats/python_hazards.h"

#include <algorithm>
#include <array>
#include <set>

#include "formats/python.h"

namespace sallyport::formats::python {
namespace {

enum class When {
  kCall,         // always
  kVaries,       // the first argument is no constant
  kIs,           // the keyword argument has that value
  kLacks,        // the keyword argument is not given
  kMentions,     // an argument holds the text
  kShellVaries,  // shell=True, and the first argument is no constant
  kLoader,       // no loader, or one that constructs objects
  kQuery,        // the first argument is a query that is put together
  kTar,          // tarfile is at work, without a filter
  kMode,         // a mode that lets everyone write
  kHost,         // a keyword or positional "0.0.0.0"
  kSecurity,     // not marked usedforsecurity=False
  kTraining,     // the source trains something
};

struct Rule {
  std::string_view rule;
  std::string_view callees;
  When when;
  std::string_view detail;
  Severity severity;
  std::string_view does;
  std::string_view remedy;
};
constexpr Rule kRules[] = {
#define HAZARD(rule, callees, when, detail, severity, does, remedy) \
  {rule, callees, When::when, detail, Severity::severity, does, remedy},
#include "formats/python_hazards.def"
#undef HAZARD
};

// What the whole source says, for rules that depend on it.
struct Source {
  bool has_tarfile = false;
  bool trains = false;
};

bool is_callee(std::string_view callee, std::string_view pattern) {
  if (pattern == "*") return true;
  if (pattern.ends_with('.')) return callee.starts_with(pattern);
  if (pattern.starts_with('.')) return callee.ends_with(pattern);
  return callee == pattern;
}

bool is_one_of(std::string_view callee, std::string_view patterns) {
  while (!patterns.empty()) {
    const std::size_t end = std::min(patterns.find(' '), patterns.size());
    if (is_callee(callee, patterns.substr(0, end))) return true;
    patterns.remove_prefix(std::min(end + 1, patterns.size()));
  }
  return false;
}

const Argument* keyword(const Call& call, std::string_view name) {
  const auto found = std::ranges::find(call.arguments, name, &Argument::keyword);
  return found == call.arguments.end() ? nullptr : &*found;
}

const Argument* positional(const Call& call, std::size_t index) {
  for (const Argument& argument : call.arguments) {
    if (!argument.keyword.empty()) continue;
    if (index-- == 0) return &argument;
  }
  return nullptr;
}

bool varies(const Call& call) {
  if (call.only_named) return true;
  const Argument* first = positional(call, 0);
  if (first == nullptr) first = keyword(call, "args");
  if (first == nullptr) first = keyword(call, "source");
  return first != nullptr && !first->constant;
}

// A command as a list of constants is one, whatever else is said of it.
bool is_list(const Call& call) {
  const Argument* first = positional(call, 0);
  return first != nullptr && (first->text.starts_with("[ ") || first->text.starts_with("( "));
}

bool has_value(const Call& call, std::string_view detail) {
  const std::size_t equals = detail.find('=');
  const Argument* argument = keyword(call, detail.substr(0, equals));
  return argument != nullptr && argument->text == detail.substr(equals + 1);
}

bool lacks(const Call& call, std::string_view name) {
  return keyword(call, name) == nullptr && keyword(call, "**") == nullptr;
}

bool loader_constructs(const Call& call) {
  const Argument* loader = keyword(call, "Loader");
  if (loader == nullptr) loader = positional(call, 1);
  if (loader == nullptr) return keyword(call, "**") == nullptr;
  return loader->text.find("SafeLoader") == std::string::npos &&
         loader->text.find("BaseLoader") == std::string::npos;
}

bool is_query_word(std::string_view word) {
  constexpr std::array<std::string_view, 9> kWords{"SELECT", "INSERT", "UPDATE", "DELETE", "DROP",
                                                   "WITH",   "CREATE", "ALTER",  "REPLACE"};
  std::string upper;
  for (const char c : word.substr(0, word.find_first_of(" \n\t"))) {
    upper += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return std::ranges::find(kWords, upper) != kWords.end();
}

// A formatted text, or one that is joined with values: "... %s" % x, "..." + x, "...".format(x).
bool builds_query(const Call& call) {
  const Argument* first = positional(call, 0);
  if (first == nullptr || first->constant) return false;
  const std::string_view text = first->text;
  const std::size_t quote = text.find_first_of("\"'");
  if (quote == std::string_view::npos || quote > 2) return false;
  const std::size_t begin = text.find_first_not_of("\"' \n\t", quote);
  if (begin == std::string_view::npos || !is_query_word(text.substr(begin))) return false;
  const bool formatted = text.substr(0, quote).find_first_of("fF") != std::string_view::npos;
  return formatted || text.find("% ") != std::string_view::npos ||
         text.find("+ ") != std::string_view::npos || text.find(". format (") != std::string_view::npos;
}

// The octal digits of others end in 2, 3, 6 or 7: a write bit for everyone.
bool everyone_writes(const Call& call) {
  return std::ranges::any_of(call.arguments, [](const Argument& argument) {
    const std::string_view text = argument.text;
    if (text.find("S_IWOTH") != std::string_view::npos || text.find("S_IRWXO") != std::string_view::npos)
      return true;
    const bool octal = (text.starts_with("0o") || text.starts_with("0O")) &&
                       text.find_first_not_of("01234567", 2) == std::string_view::npos && text.size() >= 5;
    return octal && std::string_view("2367").find(text.back()) != std::string_view::npos;
  });
}

bool listens_everywhere(const Call& call) {
  const Argument* host = keyword(call, "host");
  if (host == nullptr && call.callee.ends_with(".bind")) host = positional(call, 0);
  return host != nullptr && (host->text.find("\"0.0.0.0\"") != std::string::npos ||
                             host->text.find("'0.0.0.0'") != std::string::npos);
}

bool holds(const Rule& rule, const Call& call, const Source& source) {
  if (call.only_named && rule.when != When::kVaries) return false;
  switch (rule.when) {
    case When::kCall: return true;
    case When::kVaries: return varies(call);
    case When::kIs: return has_value(call, rule.detail);
    case When::kLacks: return lacks(call, rule.detail);
    case When::kMentions:
      return std::ranges::any_of(call.arguments, [&](const Argument& argument) {
        return argument.text.find(rule.detail) != std::string::npos;
      });
    case When::kShellVaries: return has_value(call, "shell=True") && varies(call) && !is_list(call);
    case When::kLoader: return loader_constructs(call);
    case When::kQuery: return builds_query(call);
    case When::kTar: return source.has_tarfile && lacks(call, "filter");
    case When::kMode: return everyone_writes(call);
    case When::kHost: return listens_everywhere(call);
    case When::kSecurity: return !has_value(call, "usedforsecurity=False");
    case When::kTraining: return source.trains;
  }
  return false;
}

// `import ssl; ssl._create_default_https_context = ssl._create_unverified_context` and settings of a context:
// no call, and TLS is off all the same.
void add_settings(const std::vector<Token>& tokens, std::vector<Hazard>& out) {
  for (std::size_t i = 0; i + 2 < tokens.size(); ++i) {
    const bool assigned = tokens[i + 1].text == "=" && tokens[i + 2].text != "=";
    if (tokens[i].kind != TokenKind::kName || !assigned || i == 0 || tokens[i - 1].text != ".") continue;
    const std::string_view name = tokens[i].text;
    const std::size_t last = std::min(i + 5, tokens.size());
    const bool is_none =
        std::any_of(tokens.begin() + static_cast<std::ptrdiff_t>(i + 2),
                    tokens.begin() + static_cast<std::ptrdiff_t>(last), [](const Token& token) {
                      return token.text == "CERT_NONE" || token.text == "_create_unverified_context";
                    });
    const bool off = (name == "check_hostname" && tokens[i + 2].text == "False") ||
                     (name == "verify" && tokens[i + 2].text == "False") ||
                     ((name == "verify_mode" || name == "_create_default_https_context") && is_none);
    if (!off) continue;
    out.push_back({.rule = "tls-off",
                   .severity = Severity::kHigh,
                   .line = tokens[i].line,
                   .message = std::string(name) + " is set so that any certificate is taken",
                   .remedy = "leave the verification of certificates and hosts on"});
  }
}

Source source_of(const std::vector<Call>& calls, std::string_view text) {
  Source out{.has_tarfile = text.find("tarfile") != std::string_view::npos};
  out.trains = std::ranges::any_of(calls, [](const Call& call) {
    return call.callee.ends_with(".backward") || call.callee.ends_with(".fit") ||
           call.callee.ends_with(".partial_fit") || call.callee.starts_with("torch.optim.") ||
           call.callee == "xgboost.train" || call.callee == "lightgbm.train";
  });
  return out;
}

}  // namespace

std::vector<Hazard> find_hazards(std::string_view text) {
  const std::vector<Token> tokens = tokenize(text);
  const std::vector<Call> found = calls(tokens);
  const Source source = source_of(found, text);
  std::vector<Hazard> out;
  for (const Call& call : found) {
    for (const Rule& rule : kRules) {
      if (!is_one_of(call.callee, rule.callees) || !holds(rule, call, source)) continue;
      out.push_back(
          {.rule = rule.rule,
           .severity = rule.severity,
           .line = call.line,
           .message = call.callee.substr(call.callee.front() == '.' ? 1 : 0) + "() " + std::string(rule.does),
           .remedy = rule.remedy});
      break;
    }
  }
  add_settings(tokens, out);
  std::ranges::stable_sort(out, {}, &Hazard::line);
  std::set<std::pair<std::string_view, std::size_t>> said;
  std::erase_if(out, [&](const Hazard& hazard) { return !said.emplace(hazard.rule, hazard.line).second; });
  return out;
}

}  // namespace sallyport::formats::python
