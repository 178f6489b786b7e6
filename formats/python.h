// Python source, split into tokens leniently, and the calls in it with their arguments.
//
// A source that Python would refuse still has tokens: this is for finding calls in what people wrote, not for
// compiling it. IPython's magics and shell lines are tokens of their own. Lines end as Python's do, at a
// carriage return alone too. Linear time, no recursion. Pure functions.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::formats::python {

enum class TokenKind { kName, kNumber, kString, kOperator, kLineEnd, kMagic };

struct Token {
  TokenKind kind = TokenKind::kOperator;
  std::string_view text = {};  // a string with prefix and quotes; a magic without its line end
  std::size_t line = 1;
};

std::vector<Token> tokenize(std::string_view source);

struct Argument {
  std::string keyword = {};  // empty for a positional one; "*" and "**" for unpacked ones
  bool constant = false;     // string literals alone, none of them formatted
  std::string text = {};     // the tokens joined by blanks, cut after 200 bytes
};

struct Call {
  std::string callee = {};  // dotted, with the aliases of imports resolved: "pandas.read_pickle"
  std::size_t line = 1;
  std::size_t token = 0;  // where its name begins
  std::vector<Argument> arguments = {};
  // A name that is used without being called: `run = eval`.
  bool only_named = false;
};

// A dotted name in an expression, called or not, resolved as a callee is.
struct Name {
  std::string dotted = {};
  std::size_t line = 1;
  std::size_t token = 0;
};

// What a name of the source means: of imports, and of assignments such as `run = os.system`.
using Aliases = std::map<std::string, std::string, std::less<>>;

struct Reading {
  std::vector<Call> calls = {};
  std::vector<Name> names = {};
  std::vector<Name> stars = {};  // modules all of whose names are imported
  Aliases aliases = {};          // at the end of the source
};

// `aliases` are those of the source around, for an expression in a formatted string.
Reading read(const std::vector<Token>& tokens, Aliases aliases = {});

// Calls of dotted names, in order; of other expressions only the last attribute, as ".eval". Also every use
// of the bare names eval, exec and __import__ without a call.
std::vector<Call> calls(const std::vector<Token>& tokens);

}  // namespace sallyport::formats::python
