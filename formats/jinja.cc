#include "formats/jinja.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <set>

#include "core/bytes.h"
#include "core/limits.h"
#include "formats/unseen.h"

namespace sallyport::formats::jinja {
namespace {

enum class Kind : std::uint8_t { kStatement, kFilter, kTest, kFunction, kMethod };

struct Allowed {
  Kind kind;
  std::string_view names;
};
constexpr Allowed kAllowed[] = {
#define ALLOWED(kind, names) {Kind::kind, names},
#include "formats/jinja_names.def"
#undef ALLOWED
};

bool has_word(std::string_view words, std::string_view word) {
  for (std::size_t at = 0; at < words.size();) {
    const std::size_t end = std::min(words.find(' ', at), words.size());
    if (words.substr(at, end - at) == word) return true;
    at = end + 1;
  }
  return false;
}

bool allowed(Kind kind, std::string_view name) {
  return std::ranges::any_of(kAllowed,
                             [&](const Allowed& a) { return a.kind == kind && has_word(a.names, name); });
}

// Attributes of Python's objects that lead from a value to the interpreter.
bool leads_out(std::string_view name) {
  constexpr std::string_view kNames =
      "mro func_globals func_code gi_frame gi_code cr_frame cr_code ag_frame ag_code f_globals f_locals "
      "f_builtins tb_frame tb_next format_map im_func im_class builtins subprocess popen system";
  return name.starts_with('_') || has_word(kNames, name);
}

// "__cla" and "ss__" too: nobody who formats messages writes them.
bool hides_name(std::string_view text) {
  return text.find("__") != std::string_view::npos && text.find("___") == std::string_view::npos &&
         std::ranges::any_of(text, [](char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; });
}

bool is_keyword(std::string_view name) {
  return has_word("if else elif and or not in is for set filter call recursive with do", name);
}

std::size_t words_in(std::string_view text) {
  std::size_t words = 0;
  std::size_t letters = 0;
  for (const char c : std::string(text) + " ") {
    if (std::isalpha(static_cast<unsigned char>(c)) != 0) {
      ++letters;
    } else {
      words += letters >= 2 ? 1 : 0;
      letters = 0;
    }
  }
  return words;
}

// A word that a person would write, unlike "<tool_response>" and "/no_think".
bool is_natural(std::string_view text) {
  return words_in(text) > 0 && std::ranges::none_of(text, [](char c) {
           return std::string_view("<>[]{}|/_#`\\=").find(c) != std::string_view::npos;
         });
}

bool speaks_of_content(std::string_view name) {
  return name == "content" || name == "text" || name == "prompt" || name.ends_with("_content") ||
         name.ends_with("_message") || name.ends_with("_query") || name.ends_with("_text");
}

struct Block {
  std::string end = {};
  std::string trigger = {};  // what a message must say for the block to be rendered
  std::uint64_t offset = 0;
  std::size_t words = 0;
};

class Judge {
 public:
  explicit Judge(std::string_view source) : source_(source) {}

  Judgement run() {
    Result<std::vector<Piece>> pieces = split(source_);
    if (!pieces) {
      out_.error = pieces.error();
      return std::move(out_);
    }
    collect(*pieces);
    for (const Piece& piece : *pieces) {
      if (piece.kind == Piece::Kind::kText) {
        literal(piece.text, piece.offset);
      } else {
        if (piece.kind == Piece::Kind::kStatement) statement(piece);
        expression(piece);
      }
      if (out_.error) break;
    }
    if (!out_.error && !blocks_.empty())
      fail_at(blocks_.back().offset, "block without " + blocks_.back().end);
    return std::move(out_);
  }

 private:
  void fail_at(std::uint64_t offset, const std::string& what) {
    if (!out_.error) out_.error = invalid("jinja: " + what + " at byte " + std::to_string(offset)).error();
  }

  void concern(std::string_view rule, Severity severity, Confidence confidence, std::uint64_t offset,
               const std::string& message) {
    if (out_.concerns.size() >= kConcernsMax || !said_.insert(std::string(rule) + message).second) return;
    out_.concerns.push_back({std::string(rule), severity, confidence, offset, message});
  }

  void escapes(const Token& token) {
    concern("template-escapes-sandbox", Severity::kCritical, Confidence::kHigh, token.offset,
            "rendering would reach for " + shown(token.text) + ", which leads out of the template's sandbox");
  }

  // Macros, which may be called before a reader meets them, and variables made from pieces or from messages.
  void collect(const std::vector<Piece>& pieces) {
    for (const Piece& piece : pieces) {
      if (piece.kind != Piece::Kind::kStatement || piece.tokens.size() < 2) continue;
      const std::vector<Token>& t = piece.tokens;
      if (t[0].text == "macro") macros_.insert(t[1].text);
      if (t[0].text != "set" && t[0].text != "for") continue;
      const bool computed = computes(t, 1, t.size());
      const bool content = std::ranges::any_of(t, [&](const Token& token) { return is_content(token); });
      if (computed) computed_.insert(t[1].text);
      if (content) content_.insert(t[1].text);
    }
  }

  bool is_content(const Token& token) const {
    return token.kind != TokenKind::kNumber &&
           (speaks_of_content(token.text) || content_.contains(token.text));
  }

  // Whether text is put together between two tokens.
  static bool computes(const std::vector<Token>& t, std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const bool text = t[i].kind == TokenKind::kString;
      const bool before = i > begin && (t[i - 1].text == "+" || t[i - 1].text == "~" || t[i - 1].text == "*");
      const bool after = i + 1 < end && (t[i + 1].text == "~" || t[i + 1].text == "*" ||
                                         t[i + 1].kind == TokenKind::kString);
      if (text && (before || after)) return true;
      if (t[i].text == "~" && t[i].kind == TokenKind::kOperator) return true;
      if (t[i].kind == TokenKind::kName && has_word("join format reverse", t[i].text)) return true;
    }
    return false;
  }

  void statement(const Piece& piece) {
    if (piece.tokens.empty()) return fail_at(piece.offset, "empty statement");
    const std::string& word = piece.tokens[0].text;
    if (has_word("import from include extends", word)) {
      concern("template-loads-file", Severity::kHigh, Confidence::kHigh, piece.offset,
              "rendering would load another template by " + shown(word));
      return;
    }
    if (!allowed(Kind::kStatement, word)) {
      concern("template-unknown-name", Severity::kMedium, Confidence::kMedium, piece.offset,
              "no chat template uses the statement " + shown(word));
      return;
    }
    if (word.starts_with("end")) return close(piece);
    if (word == "else" || word == "elif") {
      if (blocks_.empty()) return fail_at(piece.offset, word + " without a block");
      settle(blocks_.back());
      blocks_.back().trigger = word == "elif" ? trigger_of(piece) : "";
      return;
    }
    const bool inline_set =
        word == "set" && std::ranges::any_of(piece.tokens, [](const Token& t) { return t.text == "="; });
    if (inline_set || word == "break" || word == "continue" || word == "do") return;
    if (blocks_.size() >= limits::kTemplateDepthMax)
      return fail_at(piece.offset, "more than kTemplateDepthMax blocks");
    blocks_.push_back(
        {.end = "end" + word, .trigger = word == "if" ? trigger_of(piece) : "", .offset = piece.offset});
  }

  void close(const Piece& piece) {
    if (blocks_.empty() || blocks_.back().end != piece.tokens[0].text) {
      return fail_at(piece.offset, shown(piece.tokens[0].text) + " that closes nothing");
    }
    settle(blocks_.back());
    blocks_.pop_back();
  }

  // The words that a condition looks for in a message.
  std::string trigger_of(const Piece& piece) const {
    if (!std::ranges::any_of(piece.tokens, [&](const Token& t) { return is_content(t); })) return {};
    for (const Token& token : piece.tokens) {
      const bool role = has_word(
          "user assistant system tool function developer content text image video audio "
          "input output type role name string document json model ipython "
          "thinking reasoning parts blocks",
          token.text);
      if (token.kind == TokenKind::kString && is_natural(token.text) && !role) return token.text;
    }
    return {};
  }

  void settle(Block& block) {
    constexpr std::size_t kSentence = 4;
    if (!block.trigger.empty() && block.words >= kSentence) {
      concern("template-hidden-instruction", Severity::kHigh, Confidence::kMedium, block.offset,
              "rendering would add an instruction of " + std::to_string(block.words) +
                  " words when a message says " + shown(block.trigger));
    }
    block.words = 0;
  }

  // Text that ends up in the prompt.
  void literal(std::string_view text, std::uint64_t offset) {
    const std::size_t words = words_in(text);
    for (Block& block : blocks_) block.words += block.trigger.empty() ? 0 : words;
    hidden_characters(text, offset);
    for (const std::string_view scheme : {"http://", "https://"}) {
      const std::size_t at = text.find(scheme);
      if (at == std::string_view::npos) continue;
      const std::string_view host = text.substr(at + scheme.size());
      if (host.starts_with("json-schema.org") || host.starts_with("www.w3.org")) continue;
      concern("template-names-address", Severity::kMedium, Confidence::kLow, offset + at,
              "rendering would put the address " + shown(text.substr(at, 60)) + " into every prompt");
    }
  }

  void hidden_characters(std::string_view text, std::uint64_t offset) {
    for (std::size_t i = 0; i + 2 < text.size(); ++i) {
      const auto byte = [&](std::size_t k) { return static_cast<std::uint8_t>(text[i + k]); };
      const bool tag = byte(0) == 0xF3 && byte(1) == 0xA0 && (byte(2) == 0x80 || byte(2) == 0x81);
      const std::uint32_t three = (byte(0) & 0xF0U) == 0xE0
                                      ? ((byte(0) & 15U) << 12U) | ((byte(1) & 63U) << 6U) | (byte(2) & 63U)
                                      : 0;
      const Unseen kind = tag ? Unseen::kTag : unseen(three);
      if (kind != Unseen::kNo) {
        const bool misleads = kind == Unseen::kTag || kind == Unseen::kDirection;
        concern("template-hidden-characters", misleads ? Severity::kHigh : Severity::kMedium,
                Confidence::kMedium, offset + i, "the template holds characters that nobody sees");
        return;
      }
    }
  }

  void expression(const Piece& piece) {
    const std::vector<Token>& t = piece.tokens;
    // Words of a condition or of a refusal are not part of the prompt.
    emits_ = !t.empty() && t[0].text != "raise_exception" &&
             (piece.kind == Piece::Kind::kExpression || t[0].text == "set");
    std::vector<std::pair<char, std::size_t>> open;  // bracket, index; '.' for a subscript
    for (std::size_t i = 0; i < t.size(); ++i) {
      const std::string& text = t[i].text;
      if (t[i].kind == TokenKind::kString) string(t, i);
      if (t[i].kind == TokenKind::kNumber) number(t[i]);
      if (t[i].kind == TokenKind::kName) name(piece, i);
      if (t[i].kind != TokenKind::kOperator) continue;
      if (text == "(" || text == "[" || text == "{") {
        if (text == "(") call_of_value(piece, i);
        open.emplace_back(text == "[" && is_operand(piece, i) ? '.' : text[0], i);
        if (open.size() > limits::kTemplateDepthMax)
          return fail_at(t[i].offset, "more than kTemplateDepthMax brackets");
      } else if (text == ")" || text == "]" || text == "}") {
        const char want = text == ")" ? '(' : text == "]" ? '[' : '{';
        if (open.empty() || (open.back().first == '.' ? '[' : open.back().first) != want) {
          return fail_at(t[i].offset, "bracket " + text + " that closes nothing");
        }
        if (open.back().first == '.') subscript(t, open.back().second + 1, i);
        open.pop_back();
      }
    }
    if (!open.empty()) fail_at(piece.offset, "bracket without an end");
  }

  // Whether a value stands before token i, so that a bracket there looks something up in it.
  static bool is_operand(const Piece& piece, std::size_t i) {
    if (i == 0 || (i == 1 && piece.kind == Piece::Kind::kStatement)) return false;
    const Token& before = piece.tokens[i - 1];
    if (before.kind == TokenKind::kString) return true;
    if (before.kind == TokenKind::kName) return !is_keyword(before.text);
    return before.text == ")" || before.text == "]";
  }

  void call_of_value(const Piece& piece, std::size_t i) {
    if (!is_operand(piece, i)) return;
    const std::string& before = piece.tokens[i - 1].text;
    const bool of_call_block = piece.kind == Piece::Kind::kStatement && piece.tokens[0].text == "call";
    if (piece.tokens[i - 1].kind == TokenKind::kOperator && (before == "]" || before == ")") &&
        !of_call_block) {
      concern("template-unknown-function", Severity::kMedium, Confidence::kMedium, piece.tokens[i].offset,
              "rendering would call a value that is looked up when it runs");
    }
  }

  void string(const std::vector<Token>& t, std::size_t i) {
    std::string whole = t[i].text;
    for (std::size_t k = i + 1; k < t.size(); k += 2) {
      const bool adjacent = t[k].kind == TokenKind::kString;
      if (!adjacent && t[k].text != "~" && t[k].text != "+") break;
      const std::size_t next = adjacent ? k : k + 1;
      if (next >= t.size() || t[next].kind != TokenKind::kString || whole.size() > limits::kKiB) break;
      whole += t[next].text;
      k -= adjacent ? 1 : 0;
    }
    if (hides_name(t[i].text) || (hides_name(whole) && whole != t[i].text)) {
      concern("template-escapes-sandbox", Severity::kCritical, Confidence::kHigh, t[i].offset,
              "rendering would use the name " + shown(whole) + ", which leads out of the template's sandbox");
    }
    if (t[i].text == "\\N" || t[i].text.find("\\N{") != std::string::npos) {
      concern("template-hidden-name", Severity::kMedium, Confidence::kMedium, t[i].offset,
              "the template spells characters by their names");
    }
    if (emits_) {
      literal(t[i].text, t[i].offset);
    } else {
      hidden_characters(t[i].text, t[i].offset);
    }
    const bool formats = i + 3 < t.size() && t[i + 1].text == "." && t[i + 2].text.starts_with("format");
    if (formats && reaches_in_format(t[i].text)) escapes(t[i]);
  }

  // "{0.attribute}" and "{0[key]}" read attributes while a text is formatted.
  static bool reaches_in_format(std::string_view text) {
    for (std::size_t at = text.find('{'); at != std::string_view::npos; at = text.find('{', at + 1)) {
      const std::string_view field = text.substr(at, text.find('}', at) - at);
      if (field.find_first_of(".[") != std::string_view::npos && field.find(':') == std::string_view::npos)
        return true;
    }
    return false;
  }

  void number(const Token& token) {
    constexpr std::size_t kDigitsMax = 7;
    if (token.text.size() <= kDigitsMax) return;
    concern(
        "template-large-number", Severity::kMedium, Confidence::kLow, token.offset,
        "rendering would work with the number " + shown(token.text) + ", large enough to loop without end");
  }

  void name(const Piece& piece, std::size_t i) {
    const std::vector<Token>& t = piece.tokens;
    const Token& token = t[i];
    if (i == 0 && piece.kind == Piece::Kind::kStatement) {
      if (token.text == "filter" && t.size() > 1) filter(t, 1);
      return;
    }
    const std::string before = i > 0 && t[i - 1].kind == TokenKind::kOperator ? t[i - 1].text : "";
    const bool called = i + 1 < t.size() && t[i + 1].text == "(" && t[i + 1].kind == TokenKind::kOperator;
    if (before == ".") {
      if (leads_out(token.text)) {
        escapes(token);
      } else if (called && token.text == "format") {
        if (i < 2 || t[i - 2].kind != TokenKind::kString) {
          concern("template-computed-name", Severity::kMedium, Confidence::kLow, token.offset,
                  "rendering would format with a pattern that is known only then");
        }
      } else if (called && !allowed(Kind::kMethod, token.text)) {
        concern("template-unknown-method", Severity::kMedium, Confidence::kMedium, token.offset,
                "rendering would call the method " + shown(token.text) + ", which no chat template needs");
      }
    } else if (before == "|") {
      filter(t, i);
    } else if (i > 0 &&
               (t[i - 1].text == "is" || (t[i - 1].text == "not" && i > 1 && t[i - 2].text == "is"))) {
      if (token.text != "not" && !allowed(Kind::kTest, token.text)) {
        unknown("test", token);
      }
    } else {
      global(piece, i, called);
    }
  }

  void unknown(const std::string& what, const Token& token) {
    concern("template-unknown-" + what, Severity::kMedium, Confidence::kMedium, token.offset,
            "rendering would use the " + what + " " + shown(token.text) + ", which no chat template needs");
  }

  void global(const Piece& piece, std::size_t i, bool called) {
    const Token& token = piece.tokens[i];
    const bool keyword_argument = i + 1 < piece.tokens.size() && piece.tokens[i + 1].text == "=";
    if (token.text.starts_with("__")) return escapes(token);
    if (keyword_argument || is_keyword(token.text)) return;
    if (has_word("self request config url_for get_flashed_messages lipsum os sys", token.text)) {
      return unknown("name", token);
    }
    const bool declares = i == 1 && piece.kind == Piece::Kind::kStatement && piece.tokens[0].text == "macro";
    if (called && !declares && !allowed(Kind::kFunction, token.text) && !macros_.contains(token.text)) {
      unknown("function", token);
    }
  }

  void filter(const std::vector<Token>& t, std::size_t i) {
    const std::string& text = t[i].text;
    const bool through_map = has_word("map", text) && i + 2 < t.size() && t[i + 2].kind == TokenKind::kString;
    if (text == "attr" || (through_map && t[i + 2].text == "attr")) {
      concern("template-escapes-sandbox", Severity::kCritical, Confidence::kMedium, t[i].offset,
              "rendering would look up an attribute by the filter attr, past the sandbox's own lookup");
    } else if (!allowed(Kind::kFilter, text)) {
      unknown("filter", t[i]);
    } else if (through_map && !allowed(Kind::kFilter, t[i + 2].text)) {
      unknown("filter", t[i + 2]);
    }
  }

  void subscript(const std::vector<Token>& t, std::size_t begin, std::size_t end) {
    if (end == begin + 1 && t[begin].kind == TokenKind::kString && leads_out(t[begin].text)) {
      if (t[begin].text.starts_with("__") || !t[begin].text.starts_with('_')) escapes(t[begin]);
    }
    const bool variable =
        end == begin + 1 && t[begin].kind == TokenKind::kName && computed_.contains(t[begin].text);
    if (variable || computes(t, begin, end)) {
      concern("template-computed-name", Severity::kMedium, Confidence::kMedium, t[begin].offset,
              "rendering would look up a name that is put together from pieces");
    }
  }

  std::string_view source_;
  Judgement out_;
  std::vector<Block> blocks_;
  bool emits_ = false;  // the strings of the present piece go into the prompt
  std::set<std::string> said_;
  std::set<std::string, std::less<>> macros_;
  std::set<std::string, std::less<>> computed_;
  std::set<std::string, std::less<>> content_;
};

}  // namespace

Judgement judge(std::string_view source) { return Judge(source).run(); }

}  // namespace sallyport::formats::jinja
