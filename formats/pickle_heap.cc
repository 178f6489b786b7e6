// Heap: the nodes of containers and calls, and the literals that are read where they are written.
#include <algorithm>
#include <array>
#include <bit>
#include <limits>

#include "core/limits.h"
#include "formats/pickle.h"
#include "formats/pickle_numbers.h"
#include "formats/pickle_opcodes.h"
#include "formats/pickle_text.h"

namespace sallyport::formats::pickle {
namespace {

constexpr std::array<std::string_view, 16> kKindNames{
    "None", "bool", "int", "float",     "str",    "bytes",  "bytearray",         "tuple",
    "list", "dict", "set", "frozenset", "global", "object", "persistent object", "buffer"};
constexpr std::size_t kGlobalBytes = 256;  // besides its text
constexpr std::array<std::string_view, 5> kHowNames{"imported", "called", "constructed", "built", "filled"};

bool has_node(Kind kind) {
  return (kind >= Kind::kTuple && kind <= Kind::kFrozenSet) || kind == Kind::kObject ||
         kind == Kind::kPersistent;
}

}  // namespace

std::string_view name_of(Kind kind) { return kKindNames[static_cast<std::size_t>(kind)]; }
std::string_view name_of(How how) { return kHowNames[static_cast<std::size_t>(how)]; }

Heap::Heap(BytesView bytes) : bytes_(bytes) { nodes_.push_back({}); }

std::span<const Value> Heap::elements(Value container) const {
  const Node& n = node(container);
  return {elements_.begin() + n.first, n.kept};
}

std::optional<std::size_t> Heap::offset(Value value) const {
  const Kind kind = value.kind();
  if (kind == Kind::kGlobal) return std::nullopt;
  if (!has_node(kind)) return static_cast<std::size_t>(value.payload());
  if (value.payload() == 0) return std::nullopt;
  return node(value).at;
}

void Heap::note(Node& n, std::span<const Value> added) const {
  unsigned kinds = n.kinds;
  for (const Value element : added) kinds |= 1U << static_cast<unsigned>(element.kind());
  n.kinds = static_cast<std::uint16_t>(kinds);
  constexpr unsigned kPairs =
      1U << static_cast<unsigned>(Kind::kTuple) | 1U << static_cast<unsigned>(Kind::kList);
  if ((kinds & ~kPairs) != 0) {
    n.pairs = 0;
  } else if (n.pairs != 0) {
    const bool pairs = std::all_of(added.begin(), added.end(),
                                   [this](Value element) { return nodes_[element.payload()].size == 2; });
    n.pairs = pairs ? 1 : 0;
  }
  constexpr std::uint32_t kMost = std::numeric_limits<std::uint32_t>::max();
  n.size = added.size() < kMost - n.size ? n.size + static_cast<std::uint32_t>(added.size()) : kMost;
}

std::uint64_t Heap::make_node(std::span<const Value> elements, std::size_t at) {
  Node fresh;
  fresh.at = static_cast<std::uint32_t>(at);
  if (!elements.empty()) {
    fresh.first = static_cast<std::uint32_t>(elements_.size());
    fresh.kept = static_cast<std::uint8_t>(std::min(elements.size(), kElementsKept));
    fresh.room = fresh.kept & 0x7F;
    note(fresh, elements);
    elements_.append(elements.first(fresh.kept));
  }
  nodes_.push_back(fresh);
  return nodes_.size() - 1;
}

void Heap::add(Value container, std::span<const Value> added) {
  Node& n = node(container);
  const std::size_t take = std::min(kElementsKept - n.kept, added.size());
  if (take != 0 && n.kept + take > n.room) {
    // What a container gets first is mostly all it gets. After that, blocks double, so that appending one by
    // one stays linear.
    const std::size_t wanted = n.kept + take;
    const std::size_t grown = n.kept == 0 ? wanted : std::min(kElementsKept, std::bit_ceil(wanted));
    const std::size_t moved = elements_.size();
    elements_.extend(moved + grown, Value());
    std::copy_n(elements_.begin() + n.first, n.kept, elements_.begin() + moved);
    n.first = static_cast<std::uint32_t>(moved);
    n.room = grown & 0x7F;
  }
  std::copy_n(added.begin(), take, elements_.begin() + n.first + n.kept);
  n.kept = static_cast<std::uint8_t>(n.kept + take);
  note(n, added);
}

Value Heap::object(Value callee, Value arguments, Value keywords, std::size_t at) {
  const std::array<Value, 4> parts{callee, arguments, keywords, Value(Kind::kNone, at)};
  return {Kind::kObject, make_node(parts, at)};
}

Value Heap::intern(std::string module, std::string name) {
  const std::string key = module + '\0' + name;
  const auto [found, is_new] = global_index_.emplace(key, static_cast<std::uint32_t>(globals_.size()));
  if (is_new) {
    globals_bytes_ += kGlobalBytes + 2 * key.size();
    globals_.push_back({.module = std::move(module), .name = std::move(name)});
  }
  return {Kind::kGlobal, found->second};
}

Value Heap::computed_global() {
  globals_bytes_ += kGlobalBytes;
  globals_.push_back({.computed = true});
  return {Kind::kGlobal, globals_.size() - 1};
}

std::size_t Heap::memory() const {
  return nodes_.memory() + elements_.memory() + globals_bytes_;
}

std::optional<std::string> Heap::text(Value literal) const {
  Op op;
  if (decode(bytes_, literal.payload(), op) != Decoded::kOk) return std::nullopt;
  if (literal.kind() == Kind::kBytes || literal.kind() == Kind::kByteArray) return std::string(op.data);
  if (literal.kind() != Kind::kText) return std::nullopt;
  return decode_text(op);
}

std::string Heap::name_text(Value literal) const {
  Op op;
  decode(bytes_, literal.payload(), op);
  if (op.data.size() > limits::kPickleNameBytesMax) {
    return "<a name of " + std::to_string(op.data.size()) + " bytes>";
  }
  return decode_text(op).value_or("<broken text>");
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
