// XML 1.0 without what can reach out of a document: read strictly, element by element.
//
// A document type declaration is refused whole, and with it entities of its own, external ones and their
// expansion; so is a declaration of an encoding other than UTF-8. Tags must match, attributes be unique, and
// nothing but one element, comments and instructions stand at the top. Nothing is kept but the names of open
// elements, nothing recurses. Limits: limits::kXml*. Source: W3C XML 1.0, fifth edition. For one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace sallyport::formats {

struct XmlAttribute {
  std::string_view name = {};
  std::string_view raw = {};  // as written; unescaped() resolves its references
};
struct XmlEvent {
  enum class Kind : std::uint8_t { kOpen, kClose, kText, kInstruction };
  Kind kind = Kind::kOpen;
  std::string_view name = {};  // of an element or an instruction, its prefix included
  std::string_view text = {};  // of kText and kInstruction, as written
  std::vector<XmlAttribute> attributes = {};
  std::size_t offset = 0;

  std::string_view local() const;  // the name without its prefix
  // The value of an attribute, its references resolved; nothing when it is absent.
  std::optional<std::string> find(std::string_view attribute) const;
};

// Whether the bytes begin as XML does, behind a byte order mark and blanks.
bool looks_like_xml(std::string_view text);
// The five named references and those by number; others were refused when they were read.
std::string unescaped(std::string_view raw);

class XmlReader {
 public:
  explicit XmlReader(std::string_view text);

  // The next event, or nothing at the end of a whole document. An element without content is opened and
  // closed.
  Result<std::optional<XmlEvent>> next();
  std::size_t depth() const { return open_.size(); }

 private:
  std::unexpected<Error> broken(const std::string& what) const;
  Result<void> skip_comment();
  Result<XmlEvent> instruction();
  Result<XmlEvent> text_event();
  Result<XmlEvent> character_data();
  Result<XmlEvent> open_tag();
  Result<XmlEvent> close_tag();
  Result<std::string_view> name();
  Result<XmlAttribute> attribute();
  Result<void> check_references(std::string_view raw) const;
  bool starts(std::string_view with) const { return text_.substr(at_).starts_with(with); }
  void skip_blanks();

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t elements_ = 0;
  std::vector<std::string_view> open_;
  bool root_seen_ = false;
  bool closes_ = false;  // the element just opened has no content
};

}  // namespace sallyport::formats
