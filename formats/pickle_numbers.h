// The number grammars of text opcodes. Loaders differ: CPython's C unpickler reads INT with strtol in base 0,
// its Python one with int(text, 0), pickletools with int(text). A number that one of them refuses hides what
// follows from a scanner built on that one.
//
// Pure functions, safe from any thread. Lines come without their line feed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sallyport::formats::pickle {

// Which loaders accept the line, and whether they all read the same value from it.
struct Accepted {
  bool c = false;
  bool python = false;
  bool tools = false;
  bool alike = true;

  bool any() const { return c || python; }
  bool all() const { return c && python && tools && alike; }
};

Accepted accept_int(std::string_view line);    // INT
Accepted accept_long(std::string_view line);   // LONG
Accepted accept_float(std::string_view line);  // FLOAT

// The index of GET and PUT.
struct MemoKey {
  std::string digits = {};  // in one spelling; empty when no loader takes the line for an index
  Accepted accepted = {};

  std::optional<std::uint64_t> index() const;  // nothing beyond 63 bits
};
MemoKey memo_key(std::string_view line);
// The value of an INT or LONG line when it is spelt plainly in decimal and fits.
std::optional<std::int64_t> plain_integer(std::string_view line);

}  // namespace sallyport::formats::pickle
