// The house style as checks: each looks at one file and says what breaks a rule of STYLE.md.
//
// A check is a pure function of the file's path and text, so that tidy_test.cc tries it on strings before it
// runs it over the tree. Files are at most a few megabytes; nothing here is bounded against hostile input.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::tidy {

struct File {
  std::string path;  // relative to the checkout, with '/'
  std::string text;
};

struct Complaint {
  std::size_t line;  // from 1; 0 when the whole file is meant
  std::string what;
};

struct Check {
  std::string_view name;
  std::vector<Complaint> (*run)(const File&);
};

// Every check, sorted by name.
std::span<const Check> checks();

// The text with comments, string and character literals and preprocessor directives blanked; lines keep their
// numbers and columns.
std::string code_only(std::string_view text);

// Where a function definition starts (its signature) and how many lines it takes up to its closing brace.
// Lambdas belong to the function around them.
struct FunctionSpan {
  std::size_t line;
  std::size_t lines;
};
std::vector<FunctionSpan> functions(std::string_view text);

}  // namespace sallyport::tidy
