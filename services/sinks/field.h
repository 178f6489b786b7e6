// Text that somebody stored beside a run or a model, and the only ways in which a job gets hold of it.
//
// What is stored is data of whoever wrote it: a note may hold a command, a template's braces, a key of YAML
// or an instruction to a model. So it is untrusted until a grammar has been held against it, and only what
// fits a grammar has a text that a sink can take. Every grammar's language is inert in a shell, a template, a
// YAML document and a prompt: no blank, quote, brace, dollar sign, line's end or leading dash is in any of
// them. There is no grammar for free text.
//
//   word     a letter or a digit, then at most 127 letters, digits, '.', '_' and '-'
//   number   a number of JSON, as it was spelled
//   digest   64 hexadecimal digits, "sha256:" before them or not
//   image    host[:port]/path[:tag][@sha256:digest] in lower case, at most 255 bytes
//   version  a whole number from 1, at most 18 digits
//
// Values; safe from any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"

namespace sallyport::services::sinks {

enum class Grammar : std::uint8_t { kWord, kNumber, kDigest, kImage, kVersion };
Result<Grammar> grammar_named(std::string_view name);
std::string_view name_of(Grammar grammar);
bool fits(Grammar grammar, std::string_view text);

class Typed;

// Neither compared, printed nor joined with other text: its words leave through typed() alone.
class Untrusted {
 public:
  explicit Untrusted(std::string text) : text_(std::move(text)) {}
  // Error when the text does not fit, with none of it in the message.
  Result<Typed> typed(Grammar grammar) const;

 private:
  std::string text_;
};

class Typed {
 public:
  const std::string& text() const { return text_; }
  Grammar grammar() const { return grammar_; }

 private:
  friend class Untrusted;
  Typed(Grammar grammar, std::string text) : grammar_(grammar), text_(std::move(text)) {}
  Grammar grammar_;
  std::string text_;
};

// What a server answered of a run, a model or a version, by name: "tags.KEY", "params.KEY", "metrics.KEY",
// "name", "version", "description" and the like. Of a key that stands twice the record is refused.
using Fields = std::map<std::string, Untrusted, std::less<>>;
Result<Fields> fields_of(const Json& answer);

}  // namespace sallyport::services::sinks
