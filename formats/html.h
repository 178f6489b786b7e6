// HTML from a model, which is to say from anybody: what of it would act in a browser, and an edition that
// cannot.
//
// The tokenizer follows the WHATWG standard, section 13.2.5 (tag, attribute, comment, RCDATA, RAWTEXT and
// PLAINTEXT states, character references in attributes). Two of its corners are left out: escaped script
// data, since scripts are refused whole, and CDATA sections, since foreign content is.
//
// sanitize() does not clean its input but writes a new document from what it read: elements, attributes and
// URL schemes of an allow-list, nested as HTML nests them, everything else as escaped text. Its safety rests
// on the grammar of its output alone: reading the input wrongly costs fidelity, never safety. The output has
// no foreign content, no raw text and no comments, so no parser reads markup into it that was not written
// there (mutation XSS). Limits: limits::kHtmlDepthMax open elements, beyond which tags are dropped. No
// recursion. Any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::formats::html {

struct Attribute {
  std::string name;        // lower case
  std::string_view value;  // as written; decode() gives what a browser sees
};
struct Token {
  enum class Kind { kText, kStartTag, kEndTag, kComment, kRawText } kind = Kind::kText;
  std::size_t offset = 0;
  std::string_view source = {};  // the bytes of this token
  std::string name = {};         // lower case, of a tag
  std::vector<Attribute> attributes = {};
  bool closed =
      true;  // false: the input ended inside this tag; a browser drops it, what follows may complete it
};

// For one thread at a time; the input must outlive it and its tokens.
class Tokenizer {
 public:
  explicit Tokenizer(std::string_view input) : input_(input) {}
  std::optional<Token> next();

 private:
  Token next_markup();
  Token text_until(std::size_t end);
  Token comment();
  Token bogus_comment();
  Token tag();
  void read_attributes(std::size_t& at, Token& token) const;
  std::size_t raw_text_end() const;

  std::string_view input_;
  std::size_t at_ = 0;
  std::string raw_ = {};  // not empty: inside this raw-text element
};

// Character references resolved, numeric ones and the named ones that stand for ASCII; others stay as they
// are.
std::string decode(std::string_view value);

enum class Hazard {
  kElement,    // script, frame, form, foreign content: an element that acts
  kHandler,    // onclick and its kind
  kScheme,     // a link to javascript:, data: and the like
  kFetch,      // loaded without a click: it tells its owner that, and what, we read
  kConfusion,  // bytes over which parsers disagree
};
std::string_view name_of(Hazard hazard);

struct Sighting {
  Hazard hazard;
  std::size_t offset = 0;
  std::string what;  // "element script", "attribute onerror of img"
};

// Everything in `html` that would act in a browser, in order of appearance.
std::vector<Sighting> hazards_of(std::string_view html);

enum class Around {
  kHtml,      // text is escaped
  kMarkdown,  // text is left alone but for '<', which could open a tag
};
// Idempotent, and hazards_of its result is empty.
std::string sanitize(std::string_view html, Around around = Around::kHtml);

// Whether a link may lead there: http, https, mailto, or no scheme. `url` is decoded already.
bool is_safe_link(std::string_view url);
// Whether an image may stand there: a PNG, JPEG, GIF or WebP in a base64 data: URL, since anything else is
// fetched.
bool is_safe_image(std::string_view url);

// By context: between tags, in a double- or single-quoted attribute, and JSON that may stand in a page.
std::string encode_text(std::string_view text);
std::string encode_attribute(std::string_view text);
std::string encode_json(std::string_view json);

// For every page that shows a model's answer.
inline constexpr std::string_view kContentSecurityPolicy =
    "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox";

}  // namespace sallyport::formats::html
