#include <algorithm>
#include <array>
#include <cctype>

#include "tests/tidy.h"

namespace sallyport::tidy {
namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool is_blank(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

std::size_t end_of_line(std::string_view text, std::size_t at) {
  return std::min(text.find('\n', at), text.size());
}

// A directive or a // comment goes on while its lines end in a backslash.
std::size_t end_of_logical_line(std::string_view text, std::size_t at) {
  std::size_t end = end_of_line(text, at);
  while (end < text.size() && end > at && text[end - 1] == '\\') end = end_of_line(text, end + 1);
  return end;
}

std::size_t end_of_quoted(std::string_view text, std::size_t at) {
  const char quote = text[at];
  for (std::size_t i = at + 1; i < text.size(); i++) {
    if (text[i] == '\\') {
      i++;
    } else if (text[i] == quote || text[i] == '\n') {
      return i + 1;
    }
  }
  return text.size();
}

std::size_t end_of_raw_string(std::string_view text, std::size_t quote) {
  const std::size_t open = text.find('(', quote);
  if (open == std::string_view::npos) return text.size();
  const std::string closing = ")" + std::string(text.substr(quote + 1, open - quote - 1)) + "\"";
  const std::size_t end = text.find(closing, open);
  return end == std::string_view::npos ? text.size() : end + closing.size();
}

// An apostrophe inside a number separates thousands.
bool inside_number(std::string_view text, std::size_t at) {
  std::size_t start = at;
  while (start > 0 && (is_word(text[start - 1]) || text[start - 1] == '\'')) start--;
  return start < at && std::isdigit(static_cast<unsigned char>(text[start])) != 0;
}

// Where the thing that starts at `at` and is not code ends; `at` itself when code starts there.
std::size_t end_of_non_code(std::string_view text, std::size_t at, bool first_on_line) {
  const char previous = at == 0 ? ' ' : text[at - 1];
  if (text[at] == '#' && first_on_line) return end_of_logical_line(text, at);
  if (text.substr(at, 2) == "//") return end_of_logical_line(text, at);
  if (text.substr(at, 2) == "/*") {
    const std::size_t end = text.find("*/", at + 2);
    return end == std::string_view::npos ? text.size() : end + 2;
  }
  if (text[at] == '"') return previous == 'R' ? end_of_raw_string(text, at) : end_of_quoted(text, at);
  if (text[at] == '\'' && !inside_number(text, at)) return end_of_quoted(text, at);
  return at;
}

bool starts_with_word(std::string_view text, std::string_view word) {
  return text.starts_with(word) && (text.size() == word.size() || !is_word(text[word.size()]));
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view without_template_head(std::string_view text) {
  while (starts_with_word(text, "template")) {
    const std::size_t open = text.find('<');
    if (open == std::string_view::npos) return text;
    std::size_t depth = 0;
    std::size_t at = open;
    for (; at < text.size(); at++) {
      if (text[at] == '<') depth++;
      if (text[at] == '>' && --depth == 0) break;
    }
    text = trimmed(text.substr(std::min(at + 1, text.size())));
  }
  return text;
}

bool ends_like_a_signature(std::string_view text) {
  constexpr std::array<std::string_view, 5> kQualifiers{"const", "noexcept", "override", "final", "mutable"};
  for (bool again = true; again;) {
    again = false;
    for (const std::string_view qualifier : kQualifiers) {
      if (!text.ends_with(qualifier)) continue;
      text = trimmed(text.substr(0, text.size() - qualifier.size()));
      again = true;
    }
  }
  return text.ends_with(')');
}

enum class Scope { kContainer, kFunction, kExpression };

// What the brace after `statement` opens, outside any function.
Scope scope_of(std::string_view statement) {
  constexpr std::array<std::string_view, 5> kTypes{"class", "struct", "union", "enum", "namespace"};
  statement = without_template_head(trimmed(statement));
  if (starts_with_word(statement, "inline")) {
    const std::string_view rest = trimmed(statement.substr(6));
    if (starts_with_word(rest, "namespace")) return Scope::kContainer;
  }
  if (starts_with_word(statement, "extern") && statement.find('(') == std::string_view::npos &&
      statement.find('=') == std::string_view::npos) {
    return Scope::kContainer;
  }
  for (const std::string_view type : kTypes) {
    if (starts_with_word(statement, type) && !ends_like_a_signature(statement)) return Scope::kContainer;
  }
  return statement.find('(') == std::string_view::npos ? Scope::kExpression : Scope::kFunction;
}

// Walks blanked code, one statement at a time, and keeps what each open brace belongs to.
class FunctionFinder {
 public:
  explicit FunctionFinder(std::string_view code) : code_(code) {}

  std::vector<FunctionSpan> run() {
    for (at_ = 0; at_ < code_.size(); at_++) {
      const char c = code_[at_];
      if (c == '\n') line_++;
      if (!is_blank(c) && trimmed(statement_).empty()) statement_line_ = line_;
      switch (c) {
        case '{': open(); break;
        case '}': close(); break;
        case ';': end_statement(); break;
        case ':': access_specifier(); break;
        default: add(c);
      }
    }
    return std::move(found_);
  }

 private:
  struct Brace {
    Scope scope;
    std::size_t line;
    int parentheses;
  };

  bool inside_code() const { return !braces_.empty() && braces_.back().scope != Scope::kContainer; }

  void add(char c) {
    statement_ += c;
    if (c == '(') parentheses_++;
    if (c == ')') parentheses_--;
  }

  // "public:" is no part of the statement that follows it.
  void access_specifier() {
    const std::string_view word = trimmed(statement_);
    if (word == "public" || word == "private" || word == "protected") {
      statement_.clear();
    } else {
      statement_ += ':';
    }
  }

  void open() {
    Scope scope = Scope::kExpression;
    if (!inside_code() && parentheses_ == 0) scope = scope_of(statement_);
    braces_.push_back({scope, statement_line_, parentheses_});
    if (scope == Scope::kContainer) statement_.clear();
  }

  // In `Thing() : a_{1}, b_{2} {` the statement goes on after a brace has closed, up to the body.
  void close() {
    if (braces_.empty()) return;
    const Brace brace = braces_.back();
    braces_.pop_back();
    parentheses_ = brace.parentheses;
    const std::size_t next = code_.find_first_not_of(" \n\t", at_ + 1);
    const bool goes_on = next != std::string_view::npos && brace.scope != Scope::kContainer &&
                         std::string_view(",{.)(").contains(code_[next]);
    if (goes_on) return;
    if (brace.scope == Scope::kFunction) found_.push_back({brace.line, line_ - brace.line + 1});
    if (!inside_code()) end_statement();
  }

  void end_statement() {
    if (inside_code()) return;
    statement_.clear();
    parentheses_ = 0;
  }

  std::string_view code_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::size_t statement_line_ = 1;
  int parentheses_ = 0;
  std::string statement_;
  std::vector<Brace> braces_;
  std::vector<FunctionSpan> found_;
};

}  // namespace

std::string code_only(std::string_view text) {
  std::string out(text);
  bool first_on_line = true;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = end_of_non_code(text, at, first_on_line);
    if (end > at) {
      for (; at < end; at++) {
        if (out[at] != '\n') out[at] = ' ';
      }
      continue;
    }
    first_on_line = text[at] == '\n' || (first_on_line && is_blank(text[at]));
    at++;
  }
  return out;
}

std::vector<FunctionSpan> functions(std::string_view text) { return FunctionFinder(code_only(text)).run(); }

}  // namespace sallyport::tidy
