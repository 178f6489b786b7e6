// Splits a Jinja template; the delimiters are the default ones, which chat templates use without exception.
#include <algorithm>
#include <cctype>
#include <charconv>

#include "core/limits.h"
#include "formats/jinja.h"
#include "formats/utf8.h"

namespace sallyport::formats::jinja {
namespace {

bool is_name_byte(char c) {
  return c == '_' || std::isalnum(static_cast<unsigned char>(c)) != 0 ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'; }

std::string at_byte(std::size_t offset) { return " at byte " + std::to_string(offset); }

class Splitter {
 public:
  explicit Splitter(std::string_view source) : source_(source) {}

  Result<std::vector<Piece>> run() {
    while (at_ < source_.size()) {
      const std::size_t open = next_tag(at_);
      if (open > at_) {
        pieces_.push_back({.offset = at_, .text = source_.substr(at_, open - at_)});
      }
      at_ = open;
      if (at_ == source_.size()) break;
      if (source_[at_ + 1] == '#') {
        TRY(comment());
      } else {
        TRY(tag());
      }
    }
    return std::move(pieces_);
  }

 private:
  std::size_t next_tag(std::size_t from) const {
    for (;; ++from) {
      from = source_.find('{', from);
      if (from >= source_.size() - 1 || from == std::string_view::npos) return source_.size();
      const char c = source_[from + 1];
      if (c == '{' || c == '%' || c == '#') return from;
    }
  }

  Result<void> comment() {
    const std::size_t end = source_.find("#}", at_ + 2);
    if (end == std::string_view::npos) return invalid("jinja: comment without an end" + at_byte(at_));
    at_ = end + 2;
    return {};
  }

  Result<void> tag() {
    const bool statement = source_[at_ + 1] == '%';
    const std::string_view close = statement ? "%}" : "}}";
    Piece piece{.kind = statement ? Piece::Kind::kStatement : Piece::Kind::kExpression, .offset = at_};
    const std::size_t begin = at_;
    at_ += 2;
    if (at_ < source_.size() && (source_[at_] == '-' || source_[at_] == '+')) ++at_;
    std::size_t braces = 0;
    for (;;) {
      while (at_ < source_.size() && is_blank(source_[at_])) ++at_;
      if (at_ >= source_.size()) return invalid("jinja: tag without an end" + at_byte(begin));
      const std::string_view rest = source_.substr(at_);
      const bool trims = rest[0] == '-' || rest[0] == '+';
      if (braces == 0 && rest.substr(trims ? 1 : 0).starts_with(close)) {
        at_ += close.size() + (trims ? 1 : 0);
        break;
      }
      if (rest[0] == '{') ++braces;
      if (rest[0] == '}' && braces > 0) --braces;
      piece.tokens.push_back(TRY(token()));
    }
    const bool raw = statement && piece.tokens.size() == 1 && piece.tokens[0].text == "raw";
    pieces_.push_back(std::move(piece));
    if (raw) return raw_text();
    return {};
  }

  // Up to {% endraw %}, which is a tag that the loop reads.
  Result<void> raw_text() {
    std::size_t end = at_;
    for (;; end += 2) {
      end = source_.find("{%", end);
      if (end == std::string_view::npos) return invalid("jinja: raw without an end" + at_byte(at_));
      std::size_t word = end + 2;
      while (word < source_.size() &&
             (is_blank(source_[word]) || source_[word] == '-' || source_[word] == '+')) {
        ++word;
      }
      if (source_.substr(word).starts_with("endraw")) break;
    }
    if (end > at_) pieces_.push_back({.offset = at_, .text = source_.substr(at_, end - at_)});
    at_ = end;
    return {};
  }

  Result<Token> token() {
    const std::size_t begin = at_;
    const char c = source_[at_];
    if (c == '"' || c == '\'') return string_token();
    TokenKind kind = TokenKind::kOperator;
    if (std::isdigit(static_cast<unsigned char>(c)) != 0) {
      kind = TokenKind::kNumber;
      while (at_ < source_.size() && is_name_byte(source_[at_])) ++at_;
    } else if (is_name_byte(c)) {
      kind = TokenKind::kName;
      while (at_ < source_.size() && is_name_byte(source_[at_])) ++at_;
    } else {
      const std::string_view two = source_.substr(at_, 2);
      const bool pair =
          two == "==" || two == "!=" || two == "<=" || two == ">=" || two == "//" || two == "**";
      at_ += pair ? 2 : 1;
    }
    return Token{.kind = kind, .text = std::string(source_.substr(begin, at_ - begin)), .offset = begin};
  }

  Result<Token> string_token() {
    Token out{.kind = TokenKind::kString, .offset = at_};
    const char quote = source_[at_++];
    while (at_ < source_.size() && source_[at_] != quote) {
      if (source_[at_] != '\\') {
        out.text += source_[at_++];
      } else {
        escape(out.text);
      }
    }
    if (at_ >= source_.size()) return invalid("jinja: string without an end" + at_byte(out.offset));
    ++at_;
    return out;
  }

  // Python's unicode_escape, which is what Jinja applies.
  void escape(std::string& text) {
    ++at_;
    if (at_ >= source_.size()) return;
    const char c = source_[at_++];
    if (const std::size_t width = c == 'x' ? 2U : c == 'u' ? 4U : c == 'U' ? 8U : 0U; width != 0) {
      code_point(text, width, 16);
    } else if (c >= '0' && c <= '7') {
      --at_;
      std::size_t digits = 0;
      while (digits < 3 && at_ + digits < source_.size() && source_[at_ + digits] >= '0' &&
             source_[at_ + digits] <= '7') {
        ++digits;
      }
      code_point(text, digits, 8);
    } else if (c == 'N') {
      text += "\\N";  // a character by its name: it stays visible as one that was hidden
    } else if (c == 'n' || c == 't' || c == 'r') {
      text += c == 'n' ? '\n' : c == 't' ? '\t' : '\r';
    } else {
      text += c;
    }
  }

  void code_point(std::string& text, std::size_t digits, int base) {
    const std::string_view number = source_.substr(at_, digits);
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value, base);
    if (error == std::errc{}) append_utf8(text, value);
    at_ += static_cast<std::size_t>(end - number.data());
  }

  std::string_view source_;
  std::size_t at_ = 0;
  std::vector<Piece> pieces_;
};

}  // namespace

Result<std::vector<Piece>> split(std::string_view source) {
  if (source.size() > limits::kTemplateBytesMax) {
    return fail(ErrorKind::kLimit, "jinja: template is over kTemplateBytesMax");
  }
  return Splitter(source).run();
}

}  // namespace sallyport::formats::jinja
