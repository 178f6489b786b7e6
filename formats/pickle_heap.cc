// Heap: the nodes of containers and calls, and the literals that are read where they are written.
#include <algorithm>
#include <array>
#include <bit>
#include <limits>

#include "formats/pickle.h"
#include "formats/pickle_numbers.h"
#include "formats/pickle_opcodes.h"
#include "formats/pickle_text.h"

namespace sallyport::formats::pickle {
namespace {

constexpr std::array<std::string_view, 16> kKindNames{
    "None", "bool", "int", "float",     "str",    "bytes",  "bytearray",         "tuple",
    "list", "dict", "set", "frozenset", "global", "object", "persistent object", "buffer"};
constexpr std::array<std::string_view, 5> kHowNames{"imported", "called", "constructed", "built", "filled"};

}  // namespace

std::string_view name_of(Kind kind) { return kKindNames[static_cast<std::size_t>(kind)]; }
std::string_view name_of(How how) { return kHowNames[static_cast<std::size_t>(how)]; }

std::span<const Value> Heap::elements(Value container) const {
  const Node& n = node(container);
  return std::span(elements_).subspan(n.first, n.kept);
}

void Heap::note(Node& n, Value element) const {
  const Kind kind = element.kind();
  n.kinds = static_cast<std::uint16_t>(n.kinds | 1U << static_cast<unsigned>(kind));
  const bool pair = (kind == Kind::kTuple || kind == Kind::kList) && nodes_[element.payload()].size == 2;
  if (!pair) n.pairs = 0;
  if (n.size != std::numeric_limits<std::uint32_t>::max()) ++n.size;
}

std::uint64_t Heap::make_node(std::span<const Value> elements) {
  Node fresh;
  fresh.first = static_cast<std::uint32_t>(elements_.size());
  fresh.kept = static_cast<std::uint8_t>(std::min(elements.size(), kElementsKept));
  fresh.room = fresh.kept & 0x7F;
  for (const Value element : elements) note(fresh, element);
  elements_.insert(elements_.end(), elements.begin(), elements.begin() + fresh.kept);
  nodes_.push_back(fresh);
  return nodes_.size() - 1;
}

// Node 0 is every empty tuple: it can never be added to.
Value Heap::container(Kind kind, std::span<const Value> elements) {
  if (kind == Kind::kTuple && elements.empty()) return {kind, 0};
  return {kind, make_node(elements)};
}

void Heap::add(Value container, std::span<const Value> added) {
  Node& n = node(container);
  const std::size_t room = kElementsKept - n.kept;
  const std::size_t take = std::min(room, added.size());
  if (n.kept + take > n.room) {
    // Into a block of at least twice the size, so that appending one by one stays linear.
    const std::size_t grown = std::min(kElementsKept, std::bit_ceil(n.kept + std::max<std::size_t>(take, 3)));
    const auto moved = static_cast<std::uint32_t>(elements_.size());
    elements_.resize(elements_.size() + grown);
    std::copy_n(elements_.begin() + n.first, n.kept, elements_.begin() + moved);
    n.first = moved;
    n.room = grown & 0x7F;
  }
  std::copy_n(added.begin(), take, elements_.begin() + n.first + n.kept);
  n.kept = static_cast<std::uint8_t>(n.kept + take);
  for (const Value element : added) note(n, element);
}

Value Heap::object(Value callee, Value arguments, Value keywords) {
  const std::array<Value, 4> parts{callee, arguments, keywords, Value(Kind::kNone, 0)};
  return {Kind::kObject, make_node(parts)};
}

Value Heap::intern(std::string module, std::string name) {
  const std::string key = module + '\0' + name;
  const auto [found, is_new] = global_index_.emplace(key, static_cast<std::uint32_t>(globals_.size()));
  if (is_new) globals_.push_back({.module = std::move(module), .name = std::move(name)});
  return {Kind::kGlobal, found->second};
}

Value Heap::computed_global() {
  globals_.push_back({.computed = true});
  return {Kind::kGlobal, globals_.size() - 1};
}

std::size_t Heap::memory() const {
  return nodes_.capacity() * sizeof(Node) + elements_.capacity() * sizeof(Value) + globals_.size() * 256;
}

std::optional<std::string> Heap::text(Value literal) const {
  Op op;
  if (decode(bytes_, literal.payload(), op) != Decoded::kOk) return std::nullopt;
  if (literal.kind() == Kind::kBytes || literal.kind() == Kind::kByteArray) return std::string(op.data);
  if (literal.kind() != Kind::kText) return std::nullopt;
  return decode_text(op);
}

bool Heap::is_legacy_text(Value literal) const {
  const std::uint8_t code = bytes_[literal.payload()];
  return literal.kind() == Kind::kText && (code == 'S' || code == 'T' || code == 'U');
}

std::optional<std::int64_t> Heap::integer(Value literal) const {
  Op op;
  if (literal.kind() != Kind::kInt && literal.kind() != Kind::kBool) return std::nullopt;
  if (decode(bytes_, literal.payload(), op) != Decoded::kOk) return std::nullopt;
  switch (op.code) {
    case 0x88:
      return 1;
    case 0x89:
      return 0;
    case 'J':
      return static_cast<std::int32_t>(op.number());
    case 'K':
    case 'M':
      return static_cast<std::int64_t>(op.number());
    case 'I':
    case 'L':
      return plain_integer(op.data);
    case 0x8a:
    case 0x8b: {
      if (op.data.size() > 8) return std::nullopt;
      if (op.data.empty()) return 0;
      const std::uint64_t raw = op.number();
      const unsigned shift = 64 - 8 * static_cast<unsigned>(op.data.size());
      return static_cast<std::int64_t>(raw << shift) >> shift;
    }
    default:
      return std::nullopt;
  }
}

}  // namespace sallyport::formats::pickle
