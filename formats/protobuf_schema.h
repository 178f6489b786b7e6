// A walk over a Protocol Buffers message by a table of the fields that its schema has, without recursion.
//
// What the table names is handed to a visitor, nested messages as enter and leave; what it does not name, or
// names with another wire type, is handed over as unknown, as official parsers keep such fields aside. So a
// reader knows that it has seen every byte. Packed lists of numbers stand as one length-delimited value.
// Nesting is bounded by limits::kProtobufDepthMax, fields by kProtobufFieldsMax. For one thread at a time.
#pragma once

#include <cstdint>
#include <span>

#include "core/result.h"
#include "formats/protobuf.h"

namespace sallyport::formats {

// Field `number` of `message`; `child` names the message that it holds, kLeaf a plain value.
inline constexpr std::uint16_t kLeaf = 0xffff;
struct FieldRule {
  std::uint16_t message = 0;
  std::uint32_t number = 0;
  WireType type = WireType::kLength;
  std::uint16_t child = kLeaf;
};

class SchemaVisitor {
 public:
  virtual ~SchemaVisitor() = default;
  virtual void enter(std::uint16_t, const Field&) {}
  virtual void leave(std::uint16_t) {}
  virtual void value(std::uint16_t, const Field&) {}
  // A field that the table does not have.
  virtual void unknown(std::uint16_t, const Field&) {}
};

// `rules` sorted by message and number; a number may stand twice, packed and not. `base` is the place of
// `bytes` in the file. Error for what is no message, with its byte, or at a limit.
Result<void> walk(BytesView bytes, std::size_t base, std::uint16_t message, std::span<const FieldRule> rules,
                  SchemaVisitor& visitor);

}  // namespace sallyport::formats
