#include "formats/pickle_shape.h"

#include <algorithm>

#include "core/text.h"

namespace sallyport::formats::pickle {
namespace {

// Members of enumerations are named in capitals; functions and what leads to them are not.
bool is_member(std::string_view text) {
  const auto is_capital = [](char c) { return c >= 'A' && c <= 'Z'; };
  return !text.empty() && is_capital(text[0]) && std::all_of(text.begin(), text.end(), [&](char c) {
    return is_capital(c) || is_digit(c) || c == '_';
  });
}

// <f8, |V12, U5, M8[ns], float32. NumPy parses longer texts as lists, which older releases evaluated.
bool is_dtype(std::string_view text) {
  const auto skip = [&](auto belongs) {
    const auto end = std::find_if_not(text.begin(), text.end(), belongs);
    const auto count = static_cast<std::size_t>(end - text.begin());
    text.remove_prefix(count);
    return count;
  };
  if (!text.empty() && (text[0] == '<' || text[0] == '>' || text[0] == '|' || text[0] == '=')) {
    text.remove_prefix(1);
  }
  if (skip([](char c) { return is_letter(c) || c == '?' || c == '_'; }) == 0) return false;
  skip(is_digit);
  if (text.empty()) return true;
  if (text[0] != '[' || text.back() != ']') return false;
  return std::all_of(text.begin() + 1, text.end() - 1, [](char c) { return is_letter(c) || is_digit(c); });
}

bool is_pairs(Value value, const Heap& heap) {
  switch (value.kind()) {
    case Kind::kDict: return true;
    case Kind::kList:
    case Kind::kTuple: return heap.all_pairs(value);
    default: return false;
  }
}

bool is_zeros(Value value, const Heap& heap) {
  if (value.kind() != Kind::kTuple || heap.elements(value).size() != heap.size(value)) return false;
  const std::span<const Value> extents = heap.elements(value);
  return std::all_of(extents.begin(), extents.end(), [&](Value extent) { return heap.integer(extent) == 0; });
}

bool is_container(Kind kind) {
  return kind == Kind::kTuple || kind == Kind::kList || kind == Kind::kDict || kind == Kind::kSet ||
         kind == Kind::kFrozenSet;
}

struct Matcher {
  const Table& table;
  const Heap& heap;
  const WaysOf& ways_of;

  bool global_fits(const Position& position, const Global& global) const {
    const std::uint16_t ways = ways_of(global);
    const std::uint32_t types = position.types;
    if ((types & kTypeFunc) != 0 && (ways & kMayBePassed) != 0) return true;
    if ((types & kTypeBase) != 0 && (ways & kIsBase) != 0) return true;
    if ((ways & kIsHelper) != 0) return false;
    return (types & kTypeClass) != 0 && (ways & (kMayCall | kMayConstruct)) != 0;
  }

  bool literal_fits(const Position& position, Value value) const {
    for (const TextAt at : table.literals.subspan(position.first_literal, position.literals)) {
      const std::string_view literal = table.at(at);
      const std::string_view inner = literal.substr(1, literal.size() - 2);
      if (literal.front() == '\'' && value.kind() == Kind::kText && heap.text(value) == inner) return true;
      if (literal.front() != '<' || value.kind() != Kind::kGlobal) continue;
      if (!heap.global(value).computed && heap.global(value).text() == inner) return true;
    }
    return false;
  }

  bool text_fits(const Position& position, Value value) const {
    const std::uint32_t types = position.types;
    if ((types & kTypeLegacyText) != 0 && heap.is_legacy_text(value)) return true;
    if ((types & (kTypeMember | kTypeDtype)) == 0) return false;
    const std::optional<std::string> text = heap.text(value);
    if (!text) return false;
    return ((types & kTypeMember) != 0 && is_member(*text)) ||
           ((types & kTypeDtype) != 0 && is_dtype(*text));
  }

  bool fits(const Position& position, Value value) const {
    const Kind kind = value.kind();
    if (literal_fits(position, value)) return true;
    if (kind == Kind::kGlobal && global_fits(position, heap.global(value))) return true;
    if ((position.types & 1U << static_cast<unsigned>(kind)) != 0)
      return !helper_within(value, heap, ways_of);
    if (kind == Kind::kText) return text_fits(position, value);
    if ((position.types & kTypePairs) != 0 && is_pairs(value, heap)) return true;
    return (position.types & kTypeZeros) != 0 && is_zeros(value, heap);
  }

  bool fits(const Shape& shape, std::span<const Value> given) const {
    std::size_t at = 0;
    for (const Position& position : table.positions.subspan(shape.first, shape.size)) {
      if (position.often == Often::kMayRepeat) {
        while (at < given.size() && fits(position, given[at])) ++at;
        continue;
      }
      if (at == given.size()) {
        if (position.often != Often::kMayBeAbsent) return false;
        continue;
      }
      if (!fits(position, given[at])) return false;
      ++at;
    }
    return at == given.size();
  }

  // A tuple all of whose elements are known.
  bool tuple_fits(const Shape& shape, Value tuple) const {
    if (tuple.kind() != Kind::kTuple || heap.elements(tuple).size() != heap.size(tuple)) return false;
    return fits(shape, heap.elements(tuple));
  }

  bool keys_fit(const Rule& rule, Value state) const {
    if (state.kind() != Kind::kDict || heap.elements(state).size() != heap.size(state)) return false;
    const std::span<const TextAt> keys = table.literals.subspan(rule.first_key, rule.keys);
    for (std::size_t i = 0; i < heap.elements(state).size(); i += 2) {
      const Value key = heap.elements(state)[i];
      const std::optional<std::string> text =
          key.kind() == Kind::kText ? heap.text(key) : std::optional<std::string>();
      if (!text || std::none_of(keys.begin(), keys.end(), [&](TextAt at) { return table.at(at) == *text; })) {
        return false;
      }
    }
    return true;
  }
};

}  // namespace

bool arguments_fit(const Table& table, const Rule& rule, const Use& use, const Heap& heap,
                   const WaysOf& ways_of) {
  const bool keywords = use.keywords.kind() != Kind::kNone &&
                        !(use.keywords.kind() == Kind::kDict && heap.size(use.keywords) == 0);
  return !keywords && Matcher{table, heap, ways_of}.tuple_fits(rule.arguments, use.arguments);
}

bool state_fits(const Table& table, const Rule& rule, Value state, const Heap& heap, const WaysOf& ways_of) {
  const Matcher matcher{table, heap, ways_of};
  if (rule.keys != 0 && !matcher.keys_fit(rule, state)) return false;
  if (rule.state.free) return !helper_within(state, heap, ways_of);
  return rule.state.whole ? matcher.fits(rule.state, std::span(&state, 1))
                          : matcher.tuple_fits(rule.state, state);
}

std::optional<Global> helper_within(Value value, const Heap& heap, const WaysOf& ways_of) {
  const auto is_helper = [&](Value part) {
    return part.kind() == Kind::kGlobal && (ways_of(heap.global(part)) & kIsHelper) != 0;
  };
  if (is_helper(value)) return heap.global(value);
  if (!is_container(value.kind())) return std::nullopt;
  for (const Value part : heap.elements(value)) {
    if (is_helper(part)) return heap.global(part);
    if (!is_container(part.kind())) continue;
    for (const Value inner : heap.elements(part)) {
      if (is_helper(inner)) return heap.global(inner);
    }
  }
  return std::nullopt;
}

}  // namespace sallyport::formats::pickle
