// Heap::describe: symbols in Python's spelling, for people.
#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>

#include "formats/pickle.h"
#include "formats/pickle_opcodes.h"
#include "formats/utf8.h"

namespace sallyport::formats::pickle {

// Either a value still to be spelt, at its depth, or text.
struct DescribePart {
  Value value = {};
  int depth = -1;
  std::string_view text = {};
};

namespace {

constexpr int kDescribeDepthMax = 6;

std::string quoted(std::string_view text, std::size_t bytes_max) {
  std::string escaped;
  for (const char c : text.substr(0, bytes_max + 1)) {
    if (c == '"' || c == '\\') escaped.push_back('\\');
    escaped.push_back(c);
  }
  return '"' + printable(escaped, bytes_max) + '"';
}

using Parts = std::vector<DescribePart>;

// Parts are a stack: what is to be printed first goes in last.
void push_list(Parts& parts, std::span<const Value> elements, std::uint64_t size, int depth, bool as_dict) {
  if (size > elements.size()) parts.push_back({.text = ", …"});
  for (std::size_t i = elements.size(); i-- > 0;) {
    parts.push_back({.value = elements[i], .depth = depth});
    if (i > 0) parts.push_back({.text = as_dict && i % 2 == 1 ? ": " : ", "});
  }
}

void push_call(Parts& parts, Value callee, Value arguments, Value keywords, int depth, const Heap& heap) {
  parts.push_back({.text = ")"});
  if (keywords.kind() != Kind::kNone) {
    parts.push_back({.value = keywords, .depth = depth});
    parts.push_back({.text = ", **"});
  }
  if (arguments.kind() == Kind::kTuple) {
    push_list(parts, heap.elements(arguments), heap.size(arguments), depth, false);
  } else {
    parts.push_back({.value = arguments, .depth = depth});
    parts.push_back({.text = "*"});
  }
  parts.push_back({.text = "("});
  parts.push_back({.value = callee, .depth = depth});
}

struct Brackets {
  std::string_view open;
  std::string_view close;
};

Brackets brackets_of(Value value, const Heap& heap) {
  switch (value.kind()) {
    case Kind::kTuple:
      return {"(", heap.size(value) == 1 ? ",)" : ")"};
    case Kind::kList:
      return {"[", "]"};
    case Kind::kDict:
      return {"{", "}"};
    case Kind::kSet:
      return {"set([", "])"};
    default:
      return {"frozenset([", "])"};
  }
}

void push_value(Parts& parts, Value value, int depth, const Heap& heap) {
  switch (value.kind()) {
    case Kind::kObject:
      push_call(parts, heap.callee(value), heap.arguments(value), heap.keywords(value), depth, heap);
      return;
    case Kind::kPersistent:
      parts.push_back({.text = ")"});
      parts.push_back({.value = heap.persistent_id(value), .depth = depth});
      parts.push_back({.text = "persistent_load("});
      return;
    default: {
      const Brackets brackets = brackets_of(value, heap);
      parts.push_back({.text = brackets.close});
      push_list(parts, heap.elements(value), heap.size(value), depth, value.kind() == Kind::kDict);
      parts.push_back({.text = brackets.open});
    }
  }
}

}  // namespace

std::string Heap::describe_literal(Value literal, std::size_t bytes_max) const {
  Op op;
  const Decoded decoded = decode(bytes_, literal.payload(), op);
  switch (literal.kind()) {
    case Kind::kNone:
      return "None";
    case Kind::kGlobal:
      return printable(global(literal).text(), bytes_max);
    case Kind::kBuffer:
      return "a buffer";
    case Kind::kBool:
      return integer(literal).value_or(0) != 0 ? "True" : "False";
    case Kind::kText: {
      const std::optional<std::string> decoded_text = text(literal);
      return decoded_text ? quoted(*decoded_text, bytes_max) : "a broken string";
    }
    case Kind::kBytes:
      return "b" + quoted(op.data, bytes_max);
    case Kind::kByteArray:
      return "bytearray(b" + quoted(op.data, bytes_max) + ")";
    case Kind::kInt: {
      if (const std::optional<std::int64_t> value = integer(literal)) return std::to_string(*value);
      if (op.code == 'I' || op.code == 'L') return printable(op.data, 40);
      return "an int of " + std::to_string(op.data.size()) + " bytes";
    }
    default:
      break;
  }
  if (decoded != Decoded::kOk || op.code != 'G') return printable(op.data, 40);
  std::uint64_t bits = 0;
  for (const char c : op.data) bits = bits << 8 | static_cast<unsigned char>(c);
  std::array<char, 40> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%.9g", std::bit_cast<double>(bits));
  return buffer.data();
}

std::string Heap::describe_parts(std::vector<DescribePart> parts, std::size_t bytes_max) const {
  std::string out;
  while (!parts.empty()) {
    if (out.size() > bytes_max) return out + "…";
    const DescribePart part = parts.back();
    parts.pop_back();
    const Kind kind = part.value.kind();
    if (part.depth < 0) {
      out += part.text;
    } else if (kind < Kind::kTuple || kind == Kind::kGlobal || kind == Kind::kBuffer) {
      // Texts deep inside are shortened first: what is called matters more than all of its data.
      out += describe_literal(part.value, part.depth > 1 ? std::min<std::size_t>(bytes_max, 60) : bytes_max);
    } else if (part.depth == kDescribeDepthMax) {
      out += "…";
    } else {
      push_value(parts, part.value, part.depth + 1, *this);
    }
  }
  return out;
}

std::string Heap::describe(Value value, std::size_t bytes_max) const {
  return describe_parts({{.value = value, .depth = 0}}, bytes_max);
}

std::string Heap::describe_call(const Use& use, std::size_t bytes_max) const {
  Parts parts;
  switch (use.how) {
    case How::kImported:
      parts.push_back({.value = use.target, .depth = 0});
      break;
    case How::kCalled:
    case How::kConstructed:
      push_call(parts, use.target, use.arguments, use.keywords, 0, *this);
      break;
    case How::kBuilt:
      parts = {{.text = ")"},
               {.value = use.arguments, .depth = 0},
               {.text = ".__setstate__("},
               {.value = use.target, .depth = 0}};
      break;
    case How::kFilled:
      parts = {{.text = ")"},
               {.value = use.arguments, .depth = 0},
               {.text = " filled with ("},
               {.value = use.target, .depth = 0}};
      break;
  }
  return describe_parts(std::move(parts), bytes_max);
}

}  // namespace sallyport::formats::pickle
