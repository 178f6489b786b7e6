// Packs as a table for looking up: rules sorted by exact global, shapes as bit sets.
//
// A table is five arrays without pointers into the heap. The built-in one is made from packs/*.yaml at build
// time and lies in the binary's read-only data, so that it costs nothing at start; another is compiled from
// packs that the caller has verified. Looking up is a binary search. Values, safe from any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/pickle_pack.h"

namespace sallyport::formats::pickle {

// Types of a shape beyond the kinds of pickle.h, which are the bits below.
enum Type : std::uint32_t {
  kTypePairs = 1U << 16,
  kTypeClass = 1U << 17,
  kTypeFunc = 1U << 18,
  kTypeBase = 1U << 19,
  kTypeMember = 1U << 20,
  kTypeDtype = 1U << 21,
  kTypeZeros = 1U << 22,
  kTypeLegacyText = 1U << 23,  // a STRING opcode's, which may stand for bytes
};

struct TextAt {
  std::uint32_t offset = 0;
  std::uint32_t size = 0;
};

enum class Often : std::uint8_t { kOnce, kMayBeAbsent, kMayRepeat };

struct Position {
  std::uint32_t types = 0;
  std::uint16_t first_literal = 0;  // 'text' and <global>, with their marks
  std::uint8_t literals = 0;
  Often often = Often::kOnce;
};

struct Shape {
  std::uint16_t first = 0;
  std::uint16_t size = 0;
  bool free = false;   // anything fits
  bool whole = false;  // one position for the value itself, not for the elements of a tuple
};

struct Rule {
  std::uint16_t ways = 0;
  Shape arguments = {};
  Shape state = {};
  std::uint16_t first_key = 0;  // among the literals
  std::uint16_t keys = 0;
  std::uint16_t pack = 0;
};

// One global with one of its rules.
struct Entry {
  TextAt module = {};
  TextAt name = {};
  std::uint16_t rule = 0;
};

struct PackAt {
  TextAt label = {};  // "numpy 3 (numpy 2.4.0)"
};

struct Table {
  std::string_view text = {};
  std::span<const Entry> entries = {};  // sorted by module and name
  std::span<const Rule> rules = {};
  std::span<const Position> positions = {};
  std::span<const TextAt> literals = {};
  std::span<const PackAt> packs = {};

  std::string_view at(TextAt part) const { return text.substr(part.offset, part.size); }
  // The entries of one global; empty when the table does not list it.
  std::span<const Entry> find(std::string_view module, std::string_view name) const;
};

// A table together with what it points into.
struct CompiledTable {
  std::string text = {};
  std::vector<Entry> entries = {};
  std::vector<Rule> rules = {};
  std::vector<Position> positions = {};
  std::vector<TextAt> literals = {};
  std::vector<PackAt> packs = {};

  Table table() const { return {text, entries, rules, positions, literals, packs}; }
};

// Refuses a shape that does not parse and more than 16 bits can count.
Result<CompiledTable> compile_packs(std::span<const Pack> packs);

}  // namespace sallyport::formats::pickle
