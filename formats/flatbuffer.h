// Flatbuffers, verified by a table of their schema: every table, vector and text that the root leads to lies
// in the file, is aligned, and overlaps nothing else.
//
// What the schema names is followed, nothing is read beyond, and nothing recurses; a table that several refer
// to is visited once. Fields and union members that the schema lacks are listed, since nobody can tell what
// they refer to. Numbers are little-endian. Bounded by limits::kFlatbufferItemsMax. Source: flatbuffers.dev,
// internals. Pure functions, safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/result.h"

namespace sallyport::formats::flatbuffer {

enum class SlotKind : std::uint8_t { kNumber, kText, kTexts, kNumbers, kTable, kTables, kUnion };
struct Slot {
  SlotKind kind = SlotKind::kNumber;
  std::uint16_t slot = 0;
  std::uint16_t detail = 0;  // the width of a number in bytes, or which table or union
};
struct Schema {
  std::span<const std::vector<Slot>> tables = {};           // each sorted by slot
  std::span<const std::vector<std::uint16_t>> unions = {};  // tables by type number, from 1 on
  std::span<const std::string_view> names = {};             // of tables
};

struct Table {
  std::uint16_t type = 0;
  std::size_t at = 0;
};
struct Stretch {
  std::size_t begin = 0;
  std::size_t end = 0;
};
struct Verified {
  std::vector<Table> tables = {};         // the root first
  std::vector<Stretch> used = {};         // in the order of the file, apart from each other
  std::vector<std::string> unknown = {};  // "field 31 of Operator at byte 1204"
};
// `identifier`: the four letters behind the root's offset, empty where the format has none. Error with the
// first thing that is out of place.
Result<Verified> verify(BytesView bytes, const Schema& schema, std::uint16_t root,
                        std::string_view identifier);

// Fields of a verified table; empty or `absent` when it does not have them.
std::uint64_t number_at(BytesView bytes, const Table& table, std::uint16_t slot, int width,
                        std::uint64_t absent = 0);
std::string_view text_at(BytesView bytes, const Table& table, std::uint16_t slot);
struct Vector {
  std::size_t at = 0;  // of the first element
  std::size_t count = 0;
};
std::optional<Vector> vector_at(BytesView bytes, const Table& table, std::uint16_t slot);
// What element `index` of a vector of tables or a field refers to.
Table element(BytesView bytes, const Vector& vector, std::size_t index, std::uint16_t type);
std::uint64_t little(BytesView bytes, std::size_t at, int width);

}  // namespace sallyport::formats::flatbuffer
