// Chat templates (Jinja 3, as transformers and llama.cpp render them), judged without rendering.
//
// A template is split into text, statements and expressions; what it names is held against what chat
// templates use: statements, filters, tests, functions, methods. Whatever reaches for the interpreter behind
// the sandbox is named as that, and so is text that appears only when a message says something, because
// nobody who reads the conversation sees it. Names put together from pieces are judged as pieces and as a
// whole. Linear time, no recursion. Limits: kTemplateBytesMax, kTemplateDepthMax. Pure functions, safe from
// any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/finding.h"
#include "core/result.h"

namespace sallyport::formats::jinja {

enum class TokenKind : std::uint8_t { kName, kNumber, kString, kOperator };

struct Token {
  TokenKind kind = TokenKind::kOperator;
  std::string text = {};  // of a string: its value, escapes resolved
  std::uint64_t offset = 0;
};

struct Piece {
  enum class Kind : std::uint8_t { kText, kStatement, kExpression };
  Kind kind = Kind::kText;
  std::uint64_t offset = 0;
  std::string_view text = {};      // of kText
  std::vector<Token> tokens = {};  // of the others
};

// Comments and the delimiters themselves are left out. Error: a tag, a string or a comment that does not end.
Result<std::vector<Piece>> split(std::string_view source);

struct Concern {
  std::string rule = {};  // "template-escapes-sandbox"
  Severity severity = Severity::kHigh;
  Confidence confidence = Confidence::kHigh;
  std::uint64_t offset = 0;
  std::string message = {};  // what rendering would do
};

struct Judgement {
  std::vector<Concern> concerns = {};  // each rule once for each name; at most kConcernsMax
  std::optional<Error> error = {};     // why the template could not be followed to its end
};
inline constexpr std::size_t kConcernsMax = 100;

Judgement judge(std::string_view source);

}  // namespace sallyport::formats::jinja
