#include "formats/page_text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <optional>

#include "formats/html.h"
#include "formats/unseen.h"

namespace sallyport::formats {
namespace {

constexpr std::size_t kDepthMax = 1'000;   // open elements; deeper ones are taken for their parents
constexpr std::size_t kRulesMax = 10'000;  // of style sheets

std::string lowered_without_blanks(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f') continue;
    out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  }
  return out;
}

struct Concealment {
  std::string_view how = {};
  bool screen_reader = false;
};

// The value of a property of a declaration list that has neither blanks nor capitals; the last one counts.
std::optional<std::string_view> property(std::string_view style, std::string_view name) {
  std::optional<std::string_view> out;
  for (std::size_t at = 0; at < style.size();) {
    const std::size_t end = std::min(style.find(';', at), style.size());
    const std::string_view declaration = style.substr(at, end - at);
    if (declaration.size() > name.size() && declaration.starts_with(name) &&
        declaration[name.size()] == ':') {
      out = declaration.substr(name.size() + 1);
      if (const std::size_t important = out->find('!'); important != out->npos)
        *out = out->substr(0, important);
    }
    at = end + 1;
  }
  return out;
}

bool is_zero(std::optional<std::string_view> value) {
  if (!value || value->empty() || value->find_first_of("0123456789.") != 0) return false;
  return std::strtod(std::string(*value).c_str(), nullptr) == 0;
}

// "-9999px", "-100em"
bool is_far_off(std::optional<std::string_view> value) {
  if (!value || !value->starts_with('-')) return false;
  constexpr double kPixels = 500;
  constexpr double kUnits = 50;  // em, rem, vw, %
  const double amount = -std::strtod(std::string(*value).c_str(), nullptr);
  return amount >= (value->ends_with("px") ? kPixels : kUnits);
}

std::optional<Concealment> concealed_by(std::string_view written) {
  const std::string style = lowered_without_blanks(written);
  const auto is = [&](std::string_view name, std::string_view value) {
    return property(style, name) == value;
  };
  if (is("display", "none")) return Concealment{"display:none"};
  if (is("visibility", "hidden") || is("visibility", "collapse")) return Concealment{"visibility:hidden"};
  if (is_zero(property(style, "opacity"))) return Concealment{"opacity:0"};
  if (is_zero(property(style, "font-size"))) return Concealment{"font-size:0"};
  const bool clipped = property(style, "clip").has_value() || property(style, "clip-path").has_value();
  const bool point = is("width", "1px") || is("height", "1px");
  if (clipped && point) return Concealment{"clipped to a point", true};
  const bool cut = is("overflow", "hidden") || is("overflow-y", "hidden");
  if (cut && (is_zero(property(style, "height")) || is_zero(property(style, "width")) ||
              is_zero(property(style, "max-height")))) {
    return Concealment{"a box of no size"};
  }
  for (const std::string_view name : {"left", "top", "right", "text-indent", "margin-left", "margin-top"}) {
    if (is_far_off(property(style, name))) return Concealment{"a place far off the page", true};
  }
  const auto ground =
      property(style, "background-color").or_else([&] { return property(style, "background"); });
  if (const auto ink = property(style, "color"); ink && ink == ground) {
    return Concealment{"letters in the colour of their ground"};
  }
  if (property(style, "color") == "transparent") return Concealment{"transparent letters"};
  return std::nullopt;
}

// Class names by which frameworks hide what is read out alone.
bool is_screen_reader_class(std::string_view name) {
  constexpr std::array<std::string_view, 7> kNames{
      "sr-only",     "visually-hidden", "screen-reader-text", "visuallyhidden",
      "a11y-hidden", "assistive-text",  "element-invisible"};
  return std::ranges::find(kNames, name) != kNames.end();
}

constexpr std::array<std::string_view, 14> kVoid{"area",  "base", "br",   "col",   "embed",  "hr",    "img",
                                                 "input", "link", "meta", "param", "source", "track", "wbr"};
bool is_void(std::string_view name) { return std::ranges::find(kVoid, name) != kVoid.end(); }

// Not shown, and nothing that anybody counts as text.
bool is_apart(std::string_view name) { return name == "title" || name == "script" || name == "style"; }

void append_folded(std::string& out, std::string_view text) {
  for (const char c : text) {
    const bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
    if (!blank) out += c;
    if (blank && !out.empty() && out.back() != ' ') out += ' ';
  }
}

class Reader {
 public:
  explicit Reader(std::string_view html) : html_(html) {}

  PageText run() {
    read_sheets();
    html::Tokenizer tokens(html_);
    while (std::optional<html::Token> token = tokens.next()) step(*token);
    return std::move(out_);
  }

 private:
  struct Open {
    std::string name;
    std::optional<Concealment> concealed = {};  // by this element or one around it
    bool apart = false;
  };

  void read_sheets() {
    html::Tokenizer tokens(html_);
    bool in_sheet = false;
    while (std::optional<html::Token> token = tokens.next()) {
      if (token->kind == html::Token::Kind::kStartTag) in_sheet = token->name == "style";
      if (token->kind == html::Token::Kind::kEndTag) in_sheet = false;
      if (in_sheet && token->kind != html::Token::Kind::kStartTag) read_sheet(token->source);
    }
  }

  // Every block without blocks in it is a rule; a rule of a media query counts as one.
  void read_sheet(std::string_view sheet) {
    std::size_t begin = 0;
    for (std::size_t at = 0; at < sheet.size(); ++at) {
      if (sheet.substr(at, 2) == "/*") {
        at = std::min(sheet.find("*/", at + 2), sheet.size() - 1) + 1;
        begin = at + 1;
      } else if (sheet[at] == '{') {
        const std::size_t end = std::min(sheet.find_first_of("{}", at + 1), sheet.size());
        if (end < sheet.size() && sheet[end] == '}') {
          add_rule(sheet.substr(begin, at - begin), sheet.substr(at + 1, end - at - 1));
          at = end;
        }
        begin = at + 1;
      } else if (sheet[at] == '}' || sheet[at] == ';') {
        begin = at + 1;
      }
    }
  }

  void add_rule(std::string_view selectors, std::string_view declarations) {
    const std::optional<Concealment> concealment = concealed_by(declarations);
    if (!concealment) return;
    for (std::size_t at = 0; at <= selectors.size() && rules_.size() < kRulesMax;) {
      const std::size_t end = std::min(selectors.find(',', at), selectors.size());
      std::string_view selector = selectors.substr(at, end - at);
      const std::size_t first = selector.find_first_not_of(" \t\r\n\f");
      const std::size_t last = selector.find_last_not_of(" \t\r\n\f");
      at = end + 1;
      if (first == selector.npos) continue;
      selector = selector.substr(first, last - first + 1);
      if (selector.find_first_of(" >+~:[*") != selector.npos) continue;
      // "p.note" hides what is of the class, whatever it is: nearly always true, and cheap.
      if (const std::size_t mark = selector.find_last_of(".#"); mark != selector.npos) {
        selector.remove_prefix(mark);
      }
      rules_.emplace(std::string(selector), *concealment);
    }
  }

  std::optional<Concealment> concealed(const html::Token& token) const {
    const auto rule = [&](std::string_view selector) -> std::optional<Concealment> {
      const auto found = rules_.find(selector);
      return found == rules_.end() ? std::nullopt : std::optional(found->second);
    };
    std::optional<Concealment> out = token.name == "template" ? Concealment{"a template"} : rule(token.name);
    for (const html::Attribute& attribute : token.attributes) {
      const std::string value = html::decode(attribute.value);
      std::optional<Concealment> by;
      if (attribute.name == "hidden" && value != "until-found") by = Concealment{"the attribute hidden"};
      if (attribute.name == "style") by = concealed_by(value);
      if (attribute.name == "id") by = rule("#" + value);
      for (std::size_t at = 0; attribute.name == "class" && at < value.size();) {
        const std::size_t end = std::min(value.find_first_of(" \t\n\r\f", at), value.size());
        const std::string name = value.substr(at, end - at);
        if (is_screen_reader_class(name)) by = Concealment{"a class for screen readers", true};
        if (!by) by = rule("." + name);
        at = end + 1;
      }
      if (by) out = by;
    }
    return out;
  }

  void step(const html::Token& token) {
    using Kind = html::Token::Kind;
    if (token.kind == Kind::kText || token.kind == Kind::kRawText) return text(token);
    if (token.kind == Kind::kStartTag && !is_void(token.name) && open_.size() < kDepthMax) {
      Open next{.name = token.name};
      if (!open_.empty()) next = {token.name, open_.back().concealed, open_.back().apart};
      if (const auto own = concealed(token); own && (!next.concealed || next.concealed->screen_reader)) {
        next.concealed = own;
      }
      next.apart = next.apart || is_apart(token.name);
      open_.push_back(std::move(next));
    }
    if (token.kind != Kind::kEndTag) return;
    const auto match =
        std::find_if(open_.rbegin(), open_.rend(), [&](const Open& o) { return o.name == token.name; });
    if (match != open_.rend()) open_.erase(match.base() - 1, open_.end());
  }

  void text(const html::Token& token) {
    if (!open_.empty() && open_.back().apart) return;
    const std::string decoded = html::decode(token.source);
    count_invisible(decoded);
    const std::optional<Concealment> by = open_.empty() ? std::nullopt : open_.back().concealed;
    if (!by) {
      append_folded(out_.shown, decoded);
      if (!out_.shown.empty() && out_.shown.back() != ' ') out_.shown += ' ';
      return;
    }
    std::string folded;
    append_folded(folded, decoded);
    if (folded.empty() || folded == " ") return;
    const bool follows =
        !out_.hidden.empty() && out_.hidden.back().how == by->how && last_hidden_ == open_.size();
    if (follows) {
      out_.hidden.back().text += " " + folded;
    } else {
      out_.hidden.push_back({folded, by->how, by->screen_reader, token.offset});
    }
    last_hidden_ = open_.size();
  }

  void count_invisible(std::string_view text) {
    std::uint32_t before = 0;
    for (std::size_t i = 0; i < text.size();) {
      const auto lead = static_cast<unsigned char>(text[i]);
      const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
      std::uint32_t code = length == 1 ? lead : lead & (0x7FU >> length);
      for (std::size_t k = 1; k < length && i + k < text.size(); ++k) {
        code = code << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3FU);
      }
      i += length;
      const Unseen kind = unseen(code);
      if (code >= 0xE0020 && code <= 0xE007E) out_.spelled += static_cast<char>(code - 0xE0000);
      // Joiners stand between letters of scripts beyond Latin's.
      const bool joins = (code == 0x200C || code == 0x200D) && before >= 0x590;
      const bool counts = kind == Unseen::kTag || kind == Unseen::kDirection || kind == Unseen::kZeroWidth;
      if (counts && !joins) ++out_.invisible;
      before = code;
    }
  }

  std::string_view html_;
  std::map<std::string, Concealment, std::less<>> rules_;
  std::vector<Open> open_;
  std::size_t last_hidden_ = 0;
  PageText out_;
};

bool has_any(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(words, [&](std::string_view word) { return text.find(word) != text.npos; });
}

}  // namespace

PageText read_page(std::string_view html) { return Reader(html).run(); }

std::size_t words_in(std::string_view text) {
  std::size_t out = 0;
  bool in_word = false;
  for (const char c : text) {
    const bool blank = static_cast<unsigned char>(c) <= ' ';
    out += !blank && !in_word ? 1 : 0;
    in_word = !blank;
  }
  return out;
}

bool is_instruction(std::string_view text) {
  std::string low(text);
  for (char& c : low) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  const bool addressed = has_any(low, {"ignore",      "disregard",  "forget",    "override", "instead of",
                                       "you are now", "you must",   "always ",   "never ",   "from now on",
                                       "do not tell", "don't tell", "act as",    "pretend",  "respond with",
                                       "reply with",  "say that",   "recommend", "send ",    "reveal"});
  const bool of_model = has_any(low, {"previous instruction",
                                      "prior instruction",
                                      "above instruction",
                                      "all instructions",
                                      "your instructions",
                                      "system prompt",
                                      "language model",
                                      "assistant",
                                      " ai ",
                                      "chatbot",
                                      "llm",
                                      "gpt",
                                      "claude",
                                      "gemini",
                                      "the user",
                                      "your answer",
                                      "your response",
                                      "summar",
                                      "when asked",
                                      "if asked",
                                      "these instructions",
                                      "your training",
                                      "as an ai"});
  return addressed && of_model;
}

}  // namespace sallyport::formats
