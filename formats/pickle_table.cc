#include "formats/pickle_table.h"

#include <algorithm>
#include <limits>
#include <map>

#include "core/text.h"

namespace sallyport::formats::pickle {
namespace {

constexpr std::uint32_t bit(int kind) { return 1U << kind; }

// The order of pickle::Kind, which a test holds.
constexpr std::uint32_t kNone = bit(0), kBool = bit(1), kInt = bit(2), kFloat = bit(3), kText = bit(4),
                        kBytes = bit(5), kByteArray = bit(6), kTuple = bit(7), kList = bit(8), kDict = bit(9),
                        kSet = bit(10), kFrozenSet = bit(11), kGlobal = bit(12), kObject = bit(13),
                        kPersistent = bit(14), kBuffer = bit(15);
constexpr std::uint32_t kAny = 0xFFFF;

constexpr std::pair<std::string_view, std::uint32_t> kTypes[] = {
    {"none", kNone},
    {"bool", kBool},
    {"int", kInt | kBool},
    {"float", kFloat},
    {"str", kText},
    {"bytes", kBytes | kTypeLegacyText},
    {"bytearray", kByteArray},
    {"tuple", kTuple},
    {"list", kList},
    {"dict", kDict},
    {"set", kSet},
    {"frozenset", kFrozenSet},
    {"buffer", kBuffer},
    {"global", kGlobal},
    {"object", kObject},
    {"storage", kPersistent},
    {"pairs", kTypePairs},
    {"class", kTypeClass},
    {"func", kTypeFunc},
    {"base", kTypeBase},
    {"data", kAny & ~(kGlobal | kObject | kPersistent)},
    {"any", kAny},
    {"member", kTypeMember},
    {"dtype", kTypeDtype},
    {"zeros", kTypeZeros},
};

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

bool is_literal(std::string_view type) {
  return type.size() > 2 &&
         ((type.front() == '\'' && type.back() == '\'') || (type.front() == '<' && type.back() == '>'));
}

class Compiler {
 public:
  Result<CompiledTable> run(std::span<const Pack> packs);

 private:
  TextAt keep(std::string_view text);
  Result<Position> position(std::string_view text);
  Result<Shape> shape(std::string_view text);
  Result<Shape> state_shape(std::string_view text);
  Result<void> rule(const PackRule& given);

  CompiledTable out_;
  std::map<std::string, TextAt, std::less<>> kept_;
  std::map<std::string, Shape, std::less<>> shapes_;
};

TextAt Compiler::keep(std::string_view text) {
  const auto found = kept_.find(text);
  if (found != kept_.end()) return found->second;
  const TextAt at{.offset = static_cast<std::uint32_t>(out_.text.size()),
                  .size = static_cast<std::uint32_t>(text.size())};
  out_.text += text;
  kept_.emplace(text, at);
  return at;
}

Result<Position> Compiler::position(std::string_view text) {
  Position out{.first_literal = static_cast<std::uint16_t>(out_.literals.size())};
  text = trimmed(text, " ");
  if (text.ends_with('?')) out.often = Often::kMayBeAbsent;
  if (text.ends_with('*')) out.often = Often::kMayRepeat;
  if (out.often != Often::kOnce) text.remove_suffix(1);
  for (const std::string_view type : split(text, '/')) {
    if (is_literal(type)) {
      out_.literals.push_back({keep(type)});
      if (++out.literals == 0) return invalid("too many literals in '" + std::string(text) + "'");
      continue;
    }
    const auto* const found = std::find_if(std::begin(kTypes), std::end(kTypes),
                                           [&](const auto& known) { return known.first == type; });
    if (found == std::end(kTypes)) return invalid("unknown type '" + std::string(type) + "'");
    out.types |= found->second;
  }
  return out;
}

// Positions separated by commas; "" for none.
Result<Shape> Compiler::shape(std::string_view text) {
  if (const auto found = shapes_.find(text); found != shapes_.end()) return found->second;
  Shape out{.first = static_cast<std::uint16_t>(out_.positions.size())};
  if (!trimmed(text, " ").empty()) {
    for (const std::string_view part : split(text, ',')) {
      out_.positions.push_back(TRY(position(part)));
      ++out.size;
    }
  }
  shapes_.emplace(text, out);
  return out;
}

Result<Shape> Compiler::state_shape(std::string_view text) {
  if (text.empty()) return Shape{.free = true};
  if (text.starts_with('(') && text.ends_with(')')) return shape(text.substr(1, text.size() - 2));
  Shape out = TRY(shape(text));
  if (out.size != 1) return invalid("a state is one position, or a tuple in parentheses");
  out.whole = true;
  return out;
}

Result<void> Compiler::rule(const PackRule& given) {
  Rule out{.ways = given.ways};
  out.arguments = TRY(shape(given.arguments));
  out.state = TRY(state_shape(given.state));
  out.first_key = static_cast<std::uint16_t>(out_.literals.size());
  out.keys = static_cast<std::uint16_t>(given.keys.size());
  out.pack = static_cast<std::uint16_t>(out_.packs.size() - 1);
  for (const std::string& key : given.keys) out_.literals.push_back(keep(key));
  for (const auto& [module, name] : given.globals) {
    out_.entries.push_back(
        {.module = keep(module), .name = keep(name), .rule = static_cast<std::uint16_t>(out_.rules.size())});
  }
  out_.rules.push_back(out);
  constexpr std::size_t kMost = std::numeric_limits<std::uint16_t>::max();
  if (out_.rules.size() > kMost || out_.positions.size() > kMost || out_.literals.size() > kMost) {
    return fail(ErrorKind::kLimit, "the packs have too many rules");
  }
  return {};
}

Result<CompiledTable> Compiler::run(std::span<const Pack> packs) {
  for (const Pack& pack : packs) {
    std::string releases;
    for (const std::string& release : pack.from) releases += (releases.empty() ? "" : ", ") + release;
    out_.packs.push_back({keep(pack.name + " " + std::to_string(pack.version) + " (" + releases + ")")});
    for (const PackRule& given : pack.rules) {
      if (Result<void> done = rule(given); !done) {
        return within("pack " + pack.name + ", " + given.globals.front().second, std::move(done.error()));
      }
    }
  }
  const Table table = out_.table();
  std::stable_sort(out_.entries.begin(), out_.entries.end(), [&](const Entry& a, const Entry& b) {
    return std::pair(table.at(a.module), table.at(a.name)) < std::pair(table.at(b.module), table.at(b.name));
  });
  return std::move(out_);
}

}  // namespace

std::span<const Entry> Table::find(std::string_view module, std::string_view name) const {
  struct Less {
    const Table& table;
    using Key = std::pair<std::string_view, std::string_view>;
    bool operator()(const Entry& a, const Key& b) const {
      return Key(table.at(a.module), table.at(a.name)) < b;
    }
    bool operator()(const Key& a, const Entry& b) const {
      return a < Key(table.at(b.module), table.at(b.name));
    }
  };
  const auto [begin, end] =
      std::equal_range(entries.begin(), entries.end(), std::pair(module, name), Less{*this});
  return {begin, end};
}

Result<CompiledTable> compile_packs(std::span<const Pack> packs) { return Compiler().run(packs); }

}  // namespace sallyport::formats::pickle
