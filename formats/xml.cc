#include "formats/xml.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "core/bytes.h"
#include "core/limits/xml.h"
#include "formats/utf8.h"

namespace sallyport::formats {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::string_view kMark = "\xEF\xBB\xBF";

struct Named {
  std::string_view name;
  char letter;
};
constexpr std::array<Named, 5> kNamed{
    {{"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"quot", '"'}, {"apos", '\''}}};

bool is_name_letter(char c, bool first) {
  const auto byte = static_cast<unsigned char>(c);
  if (byte >= 0x80 || c == '_' || c == ':' || (byte | 0x20U) - 'a' < 26U) return true;
  return !first && (c == '-' || c == '.' || (c >= '0' && c <= '9'));
}

// The character that a reference such as "amp" or "#x41" stands for; nothing for one that XML does not know.
std::optional<std::uint32_t> character_of(std::string_view reference) {
  for (const Named& named : kNamed) {
    if (reference == named.name) return static_cast<std::uint32_t>(named.letter);
  }
  if (!reference.starts_with('#')) return std::nullopt;
  const bool hex = reference.starts_with("#x");
  reference.remove_prefix(hex ? 2 : 1);
  std::uint32_t code = 0;
  const auto [end, error] =
      std::from_chars(reference.data(), reference.data() + reference.size(), code, hex ? 16 : 10);
  const bool whole = error == std::errc() && end == reference.data() + reference.size() && !reference.empty();
  const bool legal = code == 9 || code == 10 || code == 13 || (code >= 0x20 && code < 0xD800) ||
                     (code >= 0xE000 && code <= 0x10FFFF);
  return whole && legal ? std::optional(code) : std::nullopt;
}

}  // namespace

std::string_view XmlEvent::local() const {
  const std::size_t colon = name.rfind(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

std::optional<std::string> XmlEvent::find(std::string_view attribute) const {
  const auto found = std::ranges::find(attributes, attribute, &XmlAttribute::name);
  if (found == attributes.end()) return std::nullopt;
  return unescaped(found->raw);
}

bool looks_like_xml(std::string_view text) {
  if (text.starts_with(kMark)) text.remove_prefix(kMark.size());
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos || text[first] != '<' || first + 1 >= text.size()) return false;
  const char second = text[first + 1];
  return second == '?' || second == '!' || is_name_letter(second, true);
}

std::string unescaped(std::string_view raw) {
  std::string out;
  for (std::size_t at = 0; at < raw.size();) {
    const std::size_t end = raw[at] == '&' ? raw.find(';', at) : std::string_view::npos;
    if (end == std::string_view::npos) {
      out.push_back(raw[at++]);
      continue;
    }
    if (const auto code = character_of(raw.substr(at + 1, end - at - 1))) append_utf8(out, *code);
    at = end + 1;
  }
  return out;
}

XmlReader::XmlReader(std::string_view text) : text_(text) {
  if (starts(kMark)) at_ = kMark.size();
}

std::unexpected<Error> XmlReader::broken(const std::string& what) const {
  return invalid("xml: " + what + " at byte " + std::to_string(at_));
}

void XmlReader::skip_blanks() { at_ = std::min(text_.find_first_not_of(kBlanks, at_), text_.size()); }

Result<void> XmlReader::skip_comment() {
  const std::size_t end = text_.find("--", at_ + 4);
  if (end == std::string_view::npos || text_.substr(end, 3) != "-->")
    return broken("a comment that does not end");
  at_ = end + 3;
  return {};
}

Result<XmlEvent> XmlReader::instruction() {
  const std::size_t begin = at_;
  const std::size_t end = text_.find("?>", at_);
  if (end == std::string_view::npos) return broken("an instruction that does not end");
  at_ += 2;
  XmlEvent out{.kind = XmlEvent::Kind::kInstruction, .name = TRY(name()), .offset = begin};
  if (at_ > end) return broken("an instruction that does not end");
  out.text = text_.substr(at_, end - at_);
  at_ = end + 2;
  if (out.name != "xml") return out;
  if (begin != (text_.starts_with(kMark) ? kMark.size() : 0))
    return broken("a declaration that is not at the front");
  const std::size_t encoding = out.text.find("encoding");
  if (encoding == std::string_view::npos) return out;
  std::string value(out.text.substr(encoding + 8));
  std::ranges::transform(value, value.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  // ASCII is UTF-8 too; another encoding would be read as other letters than we see.
  if (value.find("utf-8") == std::string::npos && value.find("us-ascii") == std::string::npos) {
    return broken("an encoding other than UTF-8");
  }
  return out;
}

Result<void> XmlReader::check_references(std::string_view raw) const {
  for (std::size_t at = raw.find('&'); at != raw.npos; at = raw.find('&', at + 1)) {
    const std::size_t end = raw.find(';', at);
    if (end == raw.npos || !character_of(raw.substr(at + 1, end - at - 1))) {
      return broken("a reference to an entity that XML does not define");
    }
  }
  return {};
}

Result<XmlEvent> XmlReader::text_event() {
  XmlEvent out{.kind = XmlEvent::Kind::kText, .offset = at_};
  const std::size_t end = std::min(text_.find('<', at_), text_.size());
  out.text = text_.substr(at_, end - at_);
  TRY(check_references(out.text));
  at_ = end;
  return out;
}

Result<XmlEvent> XmlReader::character_data() {
  constexpr std::string_view kBegin = "<![CDATA[";
  XmlEvent out{.kind = XmlEvent::Kind::kText, .offset = at_};
  const std::size_t end = text_.find("]]>", at_);
  if (end == std::string_view::npos) return broken("character data that does not end");
  out.text = text_.substr(at_ + kBegin.size(), end - at_ - kBegin.size());
  at_ = end + 3;
  return out;
}

Result<std::string_view> XmlReader::name() {
  const std::size_t begin = at_;
  while (at_ < text_.size() && is_name_letter(text_[at_], at_ == begin)) ++at_;
  if (at_ == begin) return broken("no name");
  return text_.substr(begin, at_ - begin);
}

Result<XmlAttribute> XmlReader::attribute() {
  XmlAttribute out;
  out.name = TRY(name());
  skip_blanks();
  if (!starts("=")) return broken("an attribute without a value");
  ++at_;
  skip_blanks();
  const char quote = at_ < text_.size() ? text_[at_] : '\0';
  if (quote != '"' && quote != '\'') return broken("a value without quotes");
  const std::size_t end = text_.find(quote, at_ + 1);
  if (end == std::string_view::npos) return broken("a value that does not end");
  out.raw = text_.substr(at_ + 1, end - at_ - 1);
  if (out.raw.find('<') != std::string_view::npos) return broken("a tag in a value");
  TRY(check_references(out.raw));
  at_ = end + 1;
  return out;
}

Result<XmlEvent> XmlReader::open_tag() {
  XmlEvent out{.kind = XmlEvent::Kind::kOpen, .offset = at_};
  if (++elements_ > limits::kXmlElementsMax || open_.size() >= limits::kXmlDepthMax) {
    return fail(ErrorKind::kLimit, "xml: more elements, or deeper ones, than are read");
  }
  if (open_.empty() && root_seen_) return broken("a second element at the top");
  root_seen_ = true;
  ++at_;
  out.name = TRY(name());
  while (true) {
    const std::size_t before = at_;
    skip_blanks();
    if (starts("/>") || starts(">")) break;
    if (before == at_) return broken("no end of a tag");
    const XmlAttribute attribute = TRY(this->attribute());
    if (out.attributes.size() >= limits::kXmlAttributesMax ||
        std::ranges::find(out.attributes, attribute.name, &XmlAttribute::name) != out.attributes.end()) {
      return broken("an attribute twice, or too many of them");
    }
    out.attributes.push_back(attribute);
  }
  closes_ = starts("/>");
  at_ += closes_ ? 2 : 1;
  open_.push_back(out.name);
  return out;
}

Result<XmlEvent> XmlReader::close_tag() {
  XmlEvent out{.kind = XmlEvent::Kind::kClose, .offset = at_};
  if (closes_) {
    closes_ = false;
    out.name = open_.back();
  } else {
    at_ += 2;
    out.name = TRY(name());
    skip_blanks();
    if (!starts(">")) return broken("no end of a tag");
    ++at_;
    if (open_.empty() || open_.back() != out.name) return broken("a closing tag of another element");
  }
  open_.pop_back();
  return out;
}

Result<std::optional<XmlEvent>> XmlReader::next() {
  while (true) {
    if (closes_) return TRY(close_tag());
    if (open_.empty()) skip_blanks();
    if (at_ >= text_.size()) {
      if (!open_.empty() || !root_seen_) return broken("the document is cut short");
      return std::nullopt;
    }
    if (starts("<!--")) {
      TRY(skip_comment());
      continue;
    }
    if (starts("<?")) return TRY(instruction());
    if (starts("</")) return TRY(close_tag());
    if (starts("<!DOCTYPE")) return broken("a document type, which may define entities,");
    if (open_.empty() && !starts("<")) return broken("text outside of the element");
    if (starts("<![CDATA[") && !open_.empty()) return TRY(character_data());
    return starts("<") ? TRY(open_tag()) : TRY(text_event());
  }
}

}  // namespace sallyport::formats
