#include "formats/python.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/text.h"

namespace sallyport::formats::python {
namespace {

bool is_name_byte(char c) {
  return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         static_cast<unsigned char>(c) >= 0x80;
}

class Tokenizer {
 public:
  explicit Tokenizer(std::string_view source) : source_(source) {}

  std::vector<Token> run() {
    while (at_ < source_.size()) step();
    add(TokenKind::kLineEnd, at_);
    return std::move(tokens_);
  }

 private:
  bool at_line_start() const { return tokens_.empty() || tokens_.back().kind == TokenKind::kLineEnd; }

  void add(TokenKind kind, std::size_t begin) {
    tokens_.push_back({.kind = kind, .text = source_.substr(begin, at_ - begin), .line = line_});
  }

  void step() {
    const char c = source_[at_];
    const std::size_t begin = at_;
    if (c == '\n' || c == '\r') {
      at_ += is_pair(at_) ? 2 : 1;
      if (depth_ == 0 && !at_line_start()) add(TokenKind::kLineEnd, begin);
      ++line_;
    } else if (c == '\\' && ends_line(at_ + 1)) {
      at_ += is_pair(at_ + 1) ? 3 : 2;
      ++line_;
    } else if (c == ' ' || c == '\t' || c == '\f') {
      ++at_;
    } else if (c == '#') {
      skip_to_line_end();
    } else if ((c == '%' || c == '!') && depth_ == 0 && at_line_start()) {
      skip_to_line_end();
      add(TokenKind::kMagic, begin);
    } else if (is_digit(c)) {
      while (at_ < source_.size() && (is_name_byte(source_[at_]) || source_[at_] == '.')) ++at_;
      add(TokenKind::kNumber, begin);
    } else if (is_name_byte(c)) {
      while (at_ < source_.size() && is_name_byte(source_[at_])) ++at_;
      if (at_ < source_.size() && (source_[at_] == '"' || source_[at_] == '\'') && is_prefix(begin)) {
        read_string(begin);
      } else {
        add(TokenKind::kName, begin);
      }
    } else if (c == '"' || c == '\'') {
      read_string(begin);
    } else {
      ++at_;
      if (c == '(' || c == '[' || c == '{') ++depth_;
      if ((c == ')' || c == ']' || c == '}') && depth_ > 0) --depth_;
      add(TokenKind::kOperator, begin);
    }
  }

  void skip_to_line_end() { at_ = std::min(source_.find_first_of("\r\n", at_), source_.size()); }
  bool ends_line(std::size_t at) const {
    return at < source_.size() && (source_[at] == '\n' || source_[at] == '\r');
  }
  bool is_pair(std::size_t at) const { return source_.substr(at, 2) == "\r\n"; }

  bool is_prefix(std::size_t begin) const {
    const std::string_view prefix = source_.substr(begin, at_ - begin);
    return prefix.size() <= 2 && prefix.find_first_not_of("rRbBfFuUtT") == std::string_view::npos;
  }

  // From the quotes at at_; the token begins at `begin`, with its prefix.
  void read_string(std::size_t begin) {
    const std::size_t first_line = line_;
    const char quote = source_[at_];
    const std::string_view three = source_.substr(at_, 3);
    const bool triple = three.size() == 3 && three[1] == quote && three[2] == quote;
    at_ += triple ? 3 : 1;
    while (at_ < source_.size()) {
      const char c = source_[at_];
      if (c == '\\' && at_ + 1 < source_.size()) {
        if (ends_line(at_ + 1)) ++line_;
        at_ += is_pair(at_ + 1) ? 3 : 2;
        continue;
      }
      if (ends_line(at_)) {
        if (!triple) break;
        ++line_;
        if (is_pair(at_)) ++at_;
      }
      if (c == quote && (!triple || source_.substr(at_, 3) == std::string_view(three))) {
        at_ += triple ? 3 : 1;
        break;
      }
      ++at_;
    }
    tokens_.push_back(
        {.kind = TokenKind::kString, .text = source_.substr(begin, at_ - begin), .line = first_line});
  }

  std::string_view source_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::size_t depth_ = 0;
  std::vector<Token> tokens_;
};

constexpr std::size_t kDottedMax = 200;  // of what a name is made to mean

// Words after which a parenthesis opens no call.
bool is_keyword(std::string_view word) {
  constexpr std::array<std::string_view, 24> kWords{"and",   "as",     "assert", "await",  "del",    "elif",
                                                    "else",  "except", "for",    "from",   "global", "if",
                                                    "in",    "import", "is",     "lambda", "not",    "or",
                                                    "raise", "return", "while",  "with",   "yield",  "match"};
  return std::find(kWords.begin(), kWords.end(), word) != kWords.end();
}

// A formatted string holds expressions; one without braces is a constant.
bool is_constant_string(const Token& token) {
  if (token.kind != TokenKind::kString) return false;
  const std::size_t quote = token.text.find_first_of("'\"");
  const bool formatted = token.text.substr(0, quote).find_first_of("fFtT") != std::string_view::npos;
  return !formatted || token.text.find('{') == std::string_view::npos;
}

class Caller {
 public:
  Caller(const std::vector<Token>& tokens, Aliases aliases)
      : tokens_(tokens), out_{.aliases = std::move(aliases)} {}

  Reading run() {
    match_brackets();
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      const bool starts =
          i == 0 || tokens_[i - 1].kind == TokenKind::kLineEnd || is(i - 1, ";") || is(i - 1, ":");
      if (starts && is(i, "import")) read_import(i + 1, "");
      if (starts && is(i, "from")) read_from(i + 1);
      if (starts && is(i + 1, "=") && read_assignment(i)) continue;
      if (tokens_[i].kind == TokenKind::kName && !is_dotted(i)) visit(i);
      if (is(i, ")") || is(i, "]")) visit_attribute(i);
    }
    return std::move(out_);
  }

 private:
  bool is(std::size_t i, std::string_view text) const {
    return i < tokens_.size() && tokens_[i].text == text;
  }
  bool is_dotted(std::size_t i) const { return i > 0 && is(i - 1, "."); }

  bool opens(std::size_t i) const {
    return tokens_[i].kind == TokenKind::kOperator && (is(i, "(") || is(i, "[") || is(i, "{"));
  }

  // For each opening bracket the index of its closing one, or the end.
  void match_brackets() {
    closing_.assign(tokens_.size(), tokens_.size());
    std::vector<std::size_t> open;
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      if (tokens_[i].kind != TokenKind::kOperator) continue;
      if (opens(i)) open.push_back(i);
      if ((is(i, ")") || is(i, "]") || is(i, "}")) && !open.empty()) {
        closing_[open.back()] = i;
        open.pop_back();
      }
    }
  }

  // A dotted name from i on; i is moved behind it.
  std::string dotted(std::size_t& i) const {
    std::string out;
    while (i < tokens_.size() && tokens_[i].kind == TokenKind::kName) {
      out += tokens_[i].text;
      if (!is(i + 1, ".") || i + 2 >= tokens_.size() || tokens_[i + 2].kind != TokenKind::kName) {
        ++i;
        break;
      }
      out += '.';
      i += 2;
    }
    return out;
  }

  // "a.b as c, d" after import, or after `from module import`.
  void read_import(std::size_t i, const std::string& module) {
    while (i < tokens_.size() && tokens_[i].kind != TokenKind::kLineEnd) {
      if (is(i, "(") || is(i, ",")) {
        ++i;
        continue;
      }
      const std::string name = dotted(i);
      if (name.empty()) return;
      std::string alias = module.empty() ? name.substr(0, name.find('.')) : name;
      std::string meant = module.empty() ? alias : module + "." + name;
      if (is(i, "as") && i + 1 < tokens_.size()) {
        alias = tokens_[i + 1].text;
        meant = module.empty() ? name : meant;
        i += 2;
      }
      out_.aliases[alias] = meant;
    }
  }

  void read_from(std::size_t i) {
    const std::string module = dotted(i);
    if (module.empty() || !is(i, "import")) return;
    if (is(i + 1, "*")) out_.stars.push_back({.dotted = module, .line = tokens_[i].line, .token = i + 1});
    read_import(i + 1, module);
  }

  // `name = module.function`, and nothing more: the name means the same from here on. Answers whether it was.
  bool read_assignment(std::size_t i) {
    std::size_t end = i + 2;
    if (tokens_[i].kind != TokenKind::kName) return false;
    const bool imported = end < tokens_.size() && out_.aliases.contains(tokens_[end].text);
    if (!imported) return false;
    const std::string value = resolved(dotted(end));
    const bool ends = end >= tokens_.size() || tokens_[end].kind == TokenKind::kLineEnd || is(end, ";");
    if (!ends || value.size() > kDottedMax) return false;
    out_.aliases[std::string(tokens_[i].text)] = value;
    return true;
  }

  std::string resolved(std::string name) const {
    const std::size_t first = name.find('.');
    const auto alias = out_.aliases.find(std::string_view(name).substr(0, first));
    if (alias == out_.aliases.end()) return name;
    return alias->second + (first == std::string::npos ? "" : name.substr(first));
  }

  void visit(std::size_t i) {
    const std::size_t begin = i;
    if (is_keyword(tokens_[i].text)) return;
    if (begin > 0 && (is(begin - 1, "def") || is(begin - 1, "class"))) return;
    std::string name = resolved(dotted(i));
    if (name.empty()) return;
    out_.names.push_back({.dotted = name, .line = tokens_[begin].line, .token = begin});
    if (is(i, "(")) {
      out_.calls.push_back({.callee = std::move(name),
                            .line = tokens_[begin].line,
                            .token = begin,
                            .arguments = arguments(i)});
    } else if (name == "eval" || name == "exec" || name == "__import__") {
      out_.calls.push_back(
          {.callee = std::move(name), .line = tokens_[begin].line, .token = begin, .only_named = true});
    }
  }

  // frame[0].eval(...): the last attribute of an expression that is no name.
  void visit_attribute(std::size_t i) {
    std::size_t next = i + 1;
    std::string name;
    while (is(next, ".") && next + 1 < tokens_.size() && tokens_[next + 1].kind == TokenKind::kName) {
      name = "." + std::string(tokens_[next + 1].text);
      next += 2;
    }
    if (name.empty() || !is(next, "(")) return;
    out_.calls.push_back(
        {.callee = std::move(name), .line = tokens_[i].line, .token = i, .arguments = arguments(next)});
  }

  std::vector<Argument> arguments(std::size_t open) const {
    constexpr std::size_t kTextMax = 200;
    constexpr std::size_t kArgumentsMax = 64;
    std::vector<Argument> out;
    const std::size_t end = closing_[open];
    std::size_t i = open + 1;
    while (i < end && out.size() < kArgumentsMax) {
      Argument argument;
      if (is(i, "*")) {
        argument.keyword = is(i + 1, "*") ? "**" : "*";
        i += argument.keyword.size();
      } else if (tokens_[i].kind == TokenKind::kName && is(i + 1, "=") && !is(i + 2, "=")) {
        argument.keyword = tokens_[i].text;
        i += 2;
      }
      argument.constant = i < end;
      while (i < end && !is(i, ",")) {
        argument.constant = argument.constant && is_constant_string(tokens_[i]);
        // A bracket that nothing closes reaches as far as the call does.
        const std::size_t stop = opens(i) ? std::min(closing_[i], end - 1) : i;
        // What is beyond the text that is kept is jumped over: calls nested in calls stay linear.
        while (i <= stop && argument.text.size() <= kTextMax) {
          argument.text +=
              (argument.text.empty() ? "" : " ") + std::string(tokens_[i++].text.substr(0, kTextMax));
        }
        i = stop + 1;
      }
      out.push_back(std::move(argument));
      ++i;
    }
    return out;
  }

  const std::vector<Token>& tokens_;
  std::vector<std::size_t> closing_;
  Reading out_;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source) { return Tokenizer(source).run(); }

Reading read(const std::vector<Token>& tokens, Aliases aliases) {
  return Caller(tokens, std::move(aliases)).run();
}

std::vector<Call> calls(const std::vector<Token>& tokens) { return read(tokens).calls; }

}  // namespace sallyport::formats::python
