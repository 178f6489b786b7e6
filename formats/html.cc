#include "formats/html.h"

#include <algorithm>
#include <array>

#include "core/limits.h"
#include "core/text.h"

namespace sallyport::formats::html {
namespace {

// Lists of names are written as words with single blanks between them.
template <class Visit>
bool any_word(std::string_view words, Visit visit) {
  while (!words.empty()) {
    const std::string_view word = words.substr(0, words.find(' '));
    if (visit(word)) return true;
    words.remove_prefix(std::min(word.size() + 1, words.size()));
  }
  return false;
}

bool is_in(std::string_view name, std::string_view words) {
  return any_word(words, [&](std::string_view word) { return word == name; });
}

// Text and structure only: nothing here loads, runs, submits or covers another part of the page.
constexpr std::string_view kAllowed =
    "a abbr article aside b blockquote br caption cite code col colgroup dd del details dfn div dl dt "
    "em figcaption figure footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main mark ol p pre q rp "
    "rt ruby s samp section small span strong sub summary sup table tbody td tfoot th thead tr u ul "
    "var wbr";
constexpr std::string_view kVoid = "br col hr img wbr";
// Elements that run, load, submit, or change how what follows is read.
constexpr std::string_view kActing =
    "applet area audio base bgsound button canvas dialog embed form frame frameset iframe image input "
    "isindex keygen layer link map marquee math menuitem meta noembed noframes noscript object option "
    "param picture plaintext portal script select slot source style svg template textarea track video "
    "xml xmp";
// Attributes whose value is loaded as soon as the page is read.
constexpr std::string_view kFetching =
    "archive background classid codebase data dynsrc icon imagesrcset lowsrc manifest ping poster "
    "profile src srcset";
// Attributes that are shown or matched, and never followed.
constexpr std::string_view kOnlyRead = "abbr alt class dir id label lang name placeholder summary title";
constexpr std::string_view kLinking = "action formaction href xlink:href";

// A browser's URL parser drops tabs and line ends anywhere, and blanks and controls at the ends.
std::string url_of(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c != '\t' && c != '\n' && c != '\r') out += c;
  }
  const auto blank = [](char c) { return static_cast<unsigned char>(c) <= ' '; };
  out.erase(out.begin(), std::find_if_not(out.begin(), out.end(), blank));
  return out;
}

// "javascript" for "JaVaScRiPt:x"; empty for a relative URL.
std::string scheme_of(std::string_view value) {
  const std::string url = url_of(value);
  const std::size_t colon = url.find_first_of(":/?#");
  return colon == std::string::npos || url[colon] != ':' ? std::string() : lowered(url.substr(0, colon));
}

bool is_script_scheme(std::string_view value) {
  return is_in(scheme_of(value), "javascript vbscript livescript mocha");
}

// Whether a style loads something, or hides from us what it does behind escapes.
bool style_fetches(std::string_view value) {
  std::string style = lowered(value);
  for (std::size_t at = style.find("/*"); at != std::string::npos; at = style.find("/*", at)) {
    const std::size_t end = style.find("*/", at + 2);
    style.erase(at, end == std::string::npos ? end : end + 2 - at);
  }
  constexpr std::string_view kLoading =
      "url( image( image-set( src( expression( @import behavior -moz-binding \\";
  return any_word(kLoading, [&](std::string_view part) { return style.find(part) != std::string::npos; });
}

std::optional<Hazard> hazard_of(const Token& tag, const Attribute& attribute) {
  const std::string value = decode(attribute.value);
  const std::string& name = attribute.name;
  if (name.starts_with("on") && name.size() > 2) return Hazard::kHandler;
  if (name == "srcdoc") return Hazard::kElement;
  if (name == "style") return style_fetches(value) ? std::optional(Hazard::kFetch) : std::nullopt;
  const bool only_read = is_in(name, kOnlyRead) || name.starts_with("aria-") || name.starts_with("data-");
  if (!only_read && is_script_scheme(value)) return Hazard::kScheme;
  if (is_in(name, kLinking) && !is_safe_link(value)) return Hazard::kScheme;
  if (is_in(name, kFetching) && !value.empty()) {
    return tag.name == "img" && name == "src" && is_safe_image(value) ? std::nullopt
                                                                      : std::optional(Hazard::kFetch);
  }
  return std::nullopt;
}

// "&amp;", "&#106;" and "&eacute;" are references; "&" in "a & b" is not.
bool is_reference(std::string_view text) {
  std::size_t at = 1;
  const bool numeric = text.substr(1).starts_with("#");
  if (numeric) ++at;
  const std::size_t first = at;
  while (at < text.size() && ((text[at] >= '0' && text[at] <= '9') || (text[at] >= 'a' && text[at] <= 'z') ||
                              (text[at] >= 'A' && text[at] <= 'Z'))) {
    ++at;
  }
  return at > first && at < text.size() && text[at] == ';';
}

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

enum class References { kEscape, kKeep };

std::string escape(std::string_view text, References references) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  for (std::size_t i = 0; i < text.size(); ++i) {
    switch (text[i]) {
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      case '`': out += "&#96;"; break;
      case '\0': out += kReplacement; break;
      case '&': out += references == References::kKeep && is_reference(text.substr(i)) ? "&" : "&amp;"; break;
      default: out += text[i];
    }
  }
  return out;
}

bool is_number(std::string_view value) {
  return !value.empty() && value.size() <= 4 &&
         value.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_language_class(std::string_view value) {
  return value.starts_with("language-") && value.size() <= 40 &&
         value.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789+#-") == std::string_view::npos;
}

// The value that an attribute keeps, already escaped; nothing when it goes.
std::optional<std::string> kept_value(const std::string& element, const Attribute& attribute) {
  const std::string& name = attribute.name;
  const std::string value = decode(attribute.value);
  bool keep = false;
  if (name == "title" || name == "lang" || (element == "img" && name == "alt")) {
    return escape(attribute.value, References::kKeep);
  }
  if (name == "dir") keep = is_in(value, "ltr rtl auto");
  if (element == "a" && name == "href") keep = is_safe_link(value);
  if (element == "img" && name == "src") keep = is_safe_image(value);
  if (element == "img" && is_in(name, "width height")) keep = is_number(value);
  if (is_in(element, "td th") && is_in(name, "colspan rowspan")) keep = is_number(value);
  if (is_in(element, "td th") && name == "align") keep = is_in(value, "left center right");
  if (element == "th" && name == "scope") keep = is_in(value, "row col rowgroup colgroup");
  if (is_in(element, "col colgroup") && name == "span") keep = is_number(value);
  if (element == "ol" && name == "start") keep = is_number(value);
  if (element == "code" && name == "class") keep = is_language_class(value);
  return keep ? std::optional(escape(value, References::kEscape)) : std::nullopt;
}

// Writes the output and keeps the stack of open elements, so that every tag that is opened is closed and
// nothing stands where HTML's tree construction would move it.
class Writer {
 public:
  explicit Writer(Around around) : around_(around) {}

  void text(std::string_view source) {
    if (around_ == Around::kHtml) {
      out_ += escape(source, References::kKeep);
      return;
    }
    for (const char c : source) {
      if (c == '<') {
        out_ += "&lt;";
      } else if (c == '\0') {
        out_ += kReplacement;
      } else {
        out_ += c;
      }
    }
  }

  void start(const Token& tag) {
    if (!is_in(tag.name, kAllowed) || open_.size() >= limits::kHtmlDepthMax) return;
    close_implied(tag.name);
    if (is_in(tag.name, "tr td th tbody thead tfoot caption col colgroup")) {
      if (!is_open("table")) return;
      if (is_in(tag.name, "td th") && open_.back() != "tr") open("tr", {});
    }
    if (tag.name == "img") return image(tag);
    if (is_in(tag.name, kVoid)) {
      out_ += "<" + tag.name + attributes_of(tag) + ">";
    } else {
      open(tag.name, attributes_of(tag));
    }
  }

  void end(const std::string& name) {
    const bool part_of_table = is_in(name, "table tr td th tbody thead tfoot caption");
    for (std::size_t i = open_.size(); i-- > 0;) {
      if (open_[i] == name) return close_down_to(i);
      if (open_[i] == "table" || (!part_of_table && is_in(open_[i], "td th caption"))) return;
    }
  }

  std::string finish() {
    close_down_to(0);
    return std::move(out_);
  }

 private:
  void open(std::string name, const std::string& attributes) {
    out_ += "<" + name + attributes + ">";
    open_.push_back(std::move(name));
  }

  void close_down_to(std::size_t depth) {
    while (open_.size() > depth) {
      out_ += "</" + open_.back() + ">";
      open_.pop_back();
    }
  }

  bool is_open(std::string_view name) const {
    return std::find(open_.begin(), open_.end(), name) != open_.end();
  }

  // Closes the outermost open element of `names` above the innermost of `boundary`.
  void close_any(std::string_view names, std::string_view boundary) {
    std::size_t down_to = open_.size();
    for (std::size_t i = open_.size(); i-- > 0 && !is_in(open_[i], boundary);) {
      if (is_in(open_[i], names)) down_to = i;
    }
    close_down_to(down_to);
  }

  // "Clear the stack back to a table context": closes what stands above the innermost of `names`.
  void clear_to(std::string_view names) {
    for (std::size_t i = open_.size(); i-- > 0;) {
      if (is_in(open_[i], names)) return close_down_to(i + 1);
    }
  }

  // "Implied end tags" and the start tags that the standard says close what is open.
  void close_implied(std::string_view name) {
    constexpr std::string_view kHeadings = "h1 h2 h3 h4 h5 h6";
    constexpr std::string_view kCells = "td th caption table";
    constexpr std::string_view kClosesParagraph =
        "article aside blockquote dd details div dl dt figcaption figure footer h1 h2 h3 h4 h5 h6 header hr "
        "li "
        "main ol p pre section summary table ul";
    if (is_in(name, kClosesParagraph)) close_any("p", kCells);
    if (is_in(name, kHeadings) && !open_.empty() && is_in(open_.back(), kHeadings))
      close_down_to(open_.size() - 1);
    if (name == "a") close_any("a", kCells);
    if (name == "li") close_any("li", "ol ul td th caption table");
    if (is_in(name, "dd dt")) close_any("dd dt", "dl td th caption table");
    if (is_in(name, "rt rp")) close_any("rt rp", "ruby td th caption table");
    if (is_in(name, "td th")) clear_to("tr tbody thead tfoot table");
    if (name == "tr") clear_to("tbody thead tfoot table");
    if (name == "col") clear_to("colgroup table");
    if (is_in(name, "tbody thead tfoot caption colgroup")) clear_to("table");
    // A table stands in a cell of another, never between its rows.
    if (name == "table" && is_open("table")) close_any("table", "td th caption");
  }

  std::string attributes_of(const Token& tag) const {
    std::string out;
    std::vector<std::string_view> seen;
    for (const Attribute& attribute : tag.attributes) {
      if (std::find(seen.begin(), seen.end(), attribute.name) != seen.end()) continue;
      seen.push_back(attribute.name);
      const auto value = kept_value(tag.name, attribute);
      if (!value) continue;
      out += " " + attribute.name + "=\"" + *value + "\"";
      if (tag.name == "a" && attribute.name == "href") out += " rel=\"noopener noreferrer\"";
    }
    return out;
  }

  // An image that would be fetched leaves its text behind.
  void image(const Token& tag) {
    const std::string attributes = attributes_of(tag);
    if (attributes.find(" src=\"") != std::string::npos) {
      out_ += "<img" + attributes + ">";
      return;
    }
    for (const Attribute& attribute : tag.attributes) {
      if (attribute.name == "alt") return text(attribute.value);
    }
  }

  Around around_;
  std::string out_;
  std::vector<std::string> open_;
};

}  // namespace

std::string_view name_of(Hazard hazard) {
  constexpr std::array<std::string_view, 5> kNames{"element", "handler", "scheme", "fetch", "confusion"};
  return kNames[static_cast<std::size_t>(hazard)];
}

bool is_safe_link(std::string_view url) {
  // A control character is nothing that an honest link has, in front neither: what is written again as
  // U+FFFD no longer stands in front of the next one.
  const auto is_control = [](char c) {
    return static_cast<unsigned char>(c) < ' ' && c != '\t' && c != '\n' && c != '\r';
  };
  if (std::ranges::any_of(url, is_control)) return false;
  const std::string scheme = scheme_of(url);
  return scheme.empty() || is_in(scheme, "http https mailto");
}

bool is_safe_image(std::string_view url) {
  constexpr std::string_view kPrefix = "data:image/", kMiddle = ";base64,";
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
  if (!url.starts_with(kPrefix)) return false;
  const std::size_t middle = url.find(';');
  if (middle == std::string_view::npos || !url.substr(middle).starts_with(kMiddle)) return false;
  const std::string_view data = url.substr(middle + kMiddle.size());
  return is_in(url.substr(kPrefix.size(), middle - kPrefix.size()), "png jpeg gif webp") && !data.empty() &&
         data.find_first_not_of(kDigits) == std::string_view::npos;
}

std::vector<Sighting> hazards_of(std::string_view html) {
  std::vector<Sighting> out;
  if (const std::size_t nul = html.find('\0'); nul != std::string_view::npos) {
    out.push_back({Hazard::kConfusion, nul, "a NUL, which parsers drop or replace as they like"});
  }
  Tokenizer tokenizer(html);
  while (const auto token = tokenizer.next()) {
    if (token->kind != Token::Kind::kStartTag) continue;
    if (is_in(token->name, kActing))
      out.push_back({Hazard::kElement, token->offset, "element " + token->name});
    for (const Attribute& attribute : token->attributes) {
      const auto hazard = hazard_of(*token, attribute);
      if (hazard)
        out.push_back({*hazard, token->offset, "attribute " + attribute.name + " of " + token->name});
    }
  }
  return out;
}

std::string sanitize(std::string_view html, Around around) {
  Writer writer(around);
  Tokenizer tokenizer(html);
  while (const auto token = tokenizer.next()) {
    if (token->kind == Token::Kind::kText || (!token->closed && token->kind != Token::Kind::kComment)) {
      writer.text(token->source);
    } else if (token->kind == Token::Kind::kStartTag) {
      writer.start(*token);
    } else if (token->kind == Token::Kind::kEndTag) {
      writer.end(token->name);
    }
  }
  return writer.finish();
}

std::string encode_text(std::string_view text) { return escape(text, References::kEscape); }
std::string encode_attribute(std::string_view text) { return escape(text, References::kEscape); }

std::string encode_json(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  for (std::size_t i = 0; i < json.size(); ++i) {
    const std::string_view rest = json.substr(i);
    if (json[i] == '<') {
      out += "\\u003c";
    } else if (json[i] == '>') {
      out += "\\u003e";
    } else if (json[i] == '&') {
      out += "\\u0026";
    } else if (rest.starts_with("\xE2\x80\xA8") || rest.starts_with("\xE2\x80\xA9")) {
      out += rest[2] == '\xA8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      out += json[i];
    }
  }
  return out;
}

}  // namespace sallyport::formats::html
