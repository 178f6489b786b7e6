// The tokenizer and character references; see html.h. State names in comments are the WHATWG standard's.
#include <algorithm>
#include <array>
#include <cstdint>

#include "core/text.h"
#include "formats/html.h"
#include "formats/utf8.h"

namespace sallyport::formats::html {
namespace {

constexpr std::string_view kBlanks = "\t\n\f\r ";

bool is_blank(char c) { return kBlanks.find(c) != std::string_view::npos; }

// Elements whose content is not markup for a browser that runs scripts.
constexpr std::array<std::string_view, 10> kRawText{
    "script", "style", "xmp", "iframe", "noembed", "noframes", "noscript", "textarea", "title", "plaintext"};

struct Reference {
  std::string_view name;
  char character;
};
// Every named reference of the standard that stands for one ASCII character.
constexpr std::array<Reference, 49> kReferences{{
    {"AMP", '&'},
    {"GT", '>'},
    {"Hat", '^'},
    {"LT", '<'},
    {"NewLine", '\n'},
    {"QUOT", '"'},
    {"Tab", '\t'},
    {"UnderBar", '_'},
    {"VerticalLine", '|'},
    {"amp", '&'},
    {"apos", '\''},
    {"ast", '*'},
    {"bsol", '\\'},
    {"colon", ':'},
    {"comma", ','},
    {"commat", '@'},
    {"dollar", '$'},
    {"equals", '='},
    {"excl", '!'},
    {"grave", '`'},
    {"gt", '>'},
    {"lbrace", '{'},
    {"lbrack", '['},
    {"lcub", '{'},
    {"lowbar", '_'},
    {"lpar", '('},
    {"lsqb", '['},
    {"lt", '<'},
    {"midast", '*'},
    {"num", '#'},
    {"percnt", '%'},
    {"period", '.'},
    {"plus", '+'},
    {"quest", '?'},
    {"quot", '"'},
    {"rbrace", '}'},
    {"rbrack", ']'},
    {"rcub", '}'},
    {"rpar", ')'},
    {"rsqb", ']'},
    {"semi", ';'},
    {"sol", '/'},
    {"verbar", '|'},
    {"vert", '|'},
    {"DiacriticalGrave", '`'},
    {"lbbrk", '['},
    {"rbbrk", ']'},
    {"nbsp", ' '},
    {"NonBreakingSpace", ' '},
}};
// Those that are read without their semicolon too.
constexpr std::array<std::string_view, 8> kBareReferences{"AMP", "GT", "LT", "QUOT",
                                                          "amp", "gt", "lt", "quot"};

// "&#106;" or "&#x6a" at `at`; moves `at` past it.
bool append_numeric(std::string_view value, std::size_t& at, std::string& out) {
  const bool hex = at + 2 < value.size() && lowered(value[at + 2]) == 'x';
  std::size_t digit = at + (hex ? 3 : 2);
  const std::size_t first = digit;
  std::uint32_t code = 0;
  for (; digit < value.size(); ++digit) {
    const char c = lowered(value[digit]);
    const bool letter = hex && c >= 'a' && c <= 'f';
    if (!is_digit(c) && !letter) break;
    const auto amount = static_cast<std::uint32_t>(letter ? c - 'a' + 10 : c - '0');
    code = std::min<std::uint32_t>(code * (hex ? 16 : 10) + amount, 0x110000);
  }
  if (digit == first) return false;
  append_utf8(out, code == 0 ? 0xFFFD : code);
  at = digit + (digit < value.size() && value[digit] == ';' ? 1 : 0);
  return true;
}

// "&colon;" at `at`; moves `at` past it. Within an attribute a bare reference must not run on into a word or
// a '='.
bool append_named(std::string_view value, std::size_t& at, std::string& out) {
  std::size_t end = at + 1;
  while (end < value.size() && (is_letter(value[end]) || is_digit(value[end]))) ++end;
  const std::string_view name = value.substr(at + 1, end - at - 1);
  const bool semicolon = end < value.size() && value[end] == ';';
  const bool bare = std::find(kBareReferences.begin(), kBareReferences.end(), name) != kBareReferences.end();
  if (!semicolon && (!bare || (end < value.size() && value[end] == '='))) return false;
  for (const Reference& reference : kReferences) {
    if (reference.name != name) continue;
    out += reference.character;
    at = end + (semicolon ? 1 : 0);
    return true;
  }
  return false;
}

}  // namespace

std::string decode(std::string_view value) {
  std::string out;
  out.reserve(value.size());
  for (std::size_t at = 0; at < value.size();) {
    const bool reference = value[at] == '&' && at + 1 < value.size();
    if (reference && value[at + 1] == '#' && append_numeric(value, at, out)) continue;
    if (reference && value[at + 1] != '#' && append_named(value, at, out)) continue;
    out += value[at++];
  }
  return out;
}

std::optional<Token> Tokenizer::next() {
  if (at_ >= input_.size()) return std::nullopt;
  if (raw_.empty()) return next_markup();
  const std::size_t end = raw_text_end();
  raw_.clear();
  if (end == at_) return next_markup();
  Token token = text_until(end);
  token.kind = Token::Kind::kRawText;
  return token;
}

// "Data state" and "tag open state". A '<' that opens nothing is text.
Token Tokenizer::next_markup() {
  for (std::size_t from = at_;; ++from) {
    from = input_.find('<', from);
    if (from == std::string_view::npos || from + 1 >= input_.size()) return text_until(input_.size());
    const char c = input_[from + 1];
    const char after = from + 2 < input_.size() ? input_[from + 2] : ' ';
    if (!is_letter(c) && c != '!' && c != '?' && !(c == '/' && from + 2 < input_.size())) continue;
    if (from > at_) return text_until(from);
    if (input_.substr(at_).starts_with("<!--")) return comment();
    if (is_letter(c) || (c == '/' && is_letter(after))) return tag();
    return bogus_comment();
  }
}

Token Tokenizer::text_until(std::size_t end) {
  Token token{.kind = Token::Kind::kText, .offset = at_, .source = input_.substr(at_, end - at_)};
  at_ = end;
  return token;
}

// "Comment start state" to "comment end bang state": "<!-->" and "<!--->" are whole comments, "--!>" ends
// one.
Token Tokenizer::comment() {
  const std::string_view body = input_.substr(at_ + 4);
  std::size_t length = body.size();
  if (body.starts_with(">")) {
    length = 1;
  } else if (body.starts_with("->")) {
    length = 2;
  } else {
    const std::size_t dash = body.find("-->");
    const std::size_t bang = body.substr(0, dash).find("--!>");
    if (dash != std::string_view::npos) length = dash + 3;
    if (bang != std::string_view::npos) length = bang + 4;
  }
  Token token{.kind = Token::Kind::kComment, .offset = at_, .source = input_.substr(at_, 4 + length)};
  at_ += 4 + length;
  return token;
}

// "Bogus comment state": a doctype, "<?xml", "</ x>" or "<![CDATA[" up to the next '>'.
Token Tokenizer::bogus_comment() {
  const std::size_t end = input_.find('>', at_);
  Token token{.kind = Token::Kind::kComment,
              .offset = at_,
              .source = input_.substr(at_, end == std::string_view::npos ? end : end - at_ + 1)};
  at_ += token.source.size();
  return token;
}

Token Tokenizer::tag() {
  Token token{.offset = at_};
  token.kind = input_[at_ + 1] == '/' ? Token::Kind::kEndTag : Token::Kind::kStartTag;
  std::size_t at = at_ + (token.kind == Token::Kind::kEndTag ? 2 : 1);
  const std::size_t name = at;
  while (at < input_.size() && !is_blank(input_[at]) && input_[at] != '/' && input_[at] != '>') ++at;
  token.name = lowered(input_.substr(name, at - name));
  read_attributes(at, token);
  token.closed = at < input_.size();
  token.source = input_.substr(at_, token.closed ? at + 1 - at_ : std::string_view::npos);
  at_ += token.source.size();
  const bool raw = std::find(kRawText.begin(), kRawText.end(), token.name) != kRawText.end();
  if (raw && token.closed && token.kind == Token::Kind::kStartTag) raw_ = token.name;
  return token;
}

// "Before attribute name state" to "after attribute value state"; ends at the '>' or at the end of the input.
void Tokenizer::read_attributes(std::size_t& at, Token& token) const {
  const auto skip_blanks = [&] {
    while (at < input_.size() && is_blank(input_[at])) ++at;
  };
  while (true) {
    while (at < input_.size() && (is_blank(input_[at]) || input_[at] == '/')) ++at;
    if (at >= input_.size() || input_[at] == '>') return;
    const std::size_t name = at++;  // a leading '=' belongs to the name
    while (at < input_.size() && !is_blank(input_[at]) && input_[at] != '/' && input_[at] != '>' &&
           input_[at] != '=') {
      ++at;
    }
    Attribute attribute{.name = lowered(input_.substr(name, at - name)), .value = {}};
    skip_blanks();
    if (at < input_.size() && input_[at] == '=') {
      ++at;
      skip_blanks();
      const char quote = at < input_.size() && (input_[at] == '"' || input_[at] == '\'') ? input_[at] : '\0';
      const std::size_t value = quote != '\0' ? ++at : at;
      if (quote != '\0') {
        at = std::min(input_.find(quote, at), input_.size());
      } else {
        while (at < input_.size() && !is_blank(input_[at]) && input_[at] != '>') ++at;
      }
      attribute.value = input_.substr(value, at - value);
      if (quote != '\0' && at < input_.size()) ++at;
    }
    token.attributes.push_back(std::move(attribute));
  }
}

// Where the "appropriate end tag" of the raw-text element begins.
std::size_t Tokenizer::raw_text_end() const {
  if (raw_ == "plaintext") return input_.size();
  for (std::size_t at = input_.find("</", at_); at != std::string_view::npos;
       at = input_.find("</", at + 1)) {
    const std::string_view rest = input_.substr(at + 2);
    if (rest.size() <= raw_.size() || lowered(rest.substr(0, raw_.size())) != raw_) continue;
    const char after = rest[raw_.size()];
    if (is_blank(after) || after == '/' || after == '>') return at;
  }
  return input_.size();
}

}  // namespace sallyport::formats::html
