#include "formats/pickle_policy.h"

#include <algorithm>

#include "formats/pickle_shape.h"

namespace sallyport::formats::pickle {
namespace {

#include "formats/packs.inc"

constexpr Table kBuiltIn{.text = kPackText,
                         .entries = kEntries,
                         .rules = kRules,
                         .positions = kPositions,
                         .literals = kLiterals,
                         .packs = kPacks};

bool has_word(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    const std::string_view first = words.substr(0, words.find(' '));
    if (first == word) return true;
    words.remove_prefix(std::min(first.size() + 1, words.size()));
  }
  return false;
}

// Names under __torch__ are TorchScript's own: torch.jit.load finds them in the archive, and no Python module
// is called that.
bool is_torchscript(const Global& global) {
  return global.module == "__torch__" || global.module.starts_with("__torch__.");
}

Ruling refuse(const Global& global) {
  if (global.computed) return {Judgement::kUnlisted, "nobody can tell what it is before it is loaded"};
  if (const std::string_view danger = danger_of(global); !danger.empty()) {
    return {Judgement::kDangerous, std::string(danger)};
  }
  return {Judgement::kUnlisted, "is on no list of allowed globals"};
}

std::uint16_t way_of(How how) {
  switch (how) {
    case How::kImported: return kMayImport;
    case How::kCalled: return kMayCall;
    case How::kConstructed: return kMayConstruct;
    case How::kBuilt: return kMayBuild;
    case How::kFilled: return kMayFill;
  }
  return 0;
}

// The class that PyTorch's legacy format hands to persistent_load beside its source: ("module", class, file,
// source).
std::optional<Value> legacy_class(Value persistent, const Heap& heap) {
  const Value id = heap.persistent_id(persistent);
  if (id.kind() != Kind::kTuple || heap.size(id) < 2) return std::nullopt;
  const Value tag = heap.elements(id)[0];
  const Value of = heap.elements(id)[1];
  if (tag.kind() != Kind::kText || heap.text(tag) != "module" || of.kind() != Kind::kGlobal) {
    return std::nullopt;
  }
  return of;
}

}  // namespace

std::string_view danger_of(const Global& global) {
  struct Line {
    std::string_view module, names, reason;
  };
  static constexpr Line kLines[] = {
#define DANGER(module, names, reason) {module, names, reason},
#include "formats/pickle_danger.def"
#undef DANGER
  };
  std::string_view reason;
  std::size_t longest = 0;
  const std::string_view first = std::string_view(global.name).substr(0, global.name.find('.'));
  for (const Line& line : kLines) {
    const bool within = global.module == line.module ||
                        (global.module.starts_with(line.module) && global.module[line.module.size()] == '.');
    if (!within || line.module.size() < longest) continue;
    if (line.names != "*" && !has_word(line.names, first)) continue;
    // A row that names the callable says more than one for the whole module.
    if (line.module.size() == longest && line.names == "*" && !reason.empty()) continue;
    longest = line.module.size();
    reason = line.reason;
  }
  return reason;
}

const PolicyTable& PolicyTable::built_in() {
  static const PolicyTable kTable;
  return kTable;
}

Result<PolicyTable> PolicyTable::with(std::span<const Pack> packs) {
  PolicyTable out;
  out.more_ = std::make_shared<const CompiledTable>(TRY(compile_packs(packs)));
  return out;
}

std::array<Table, 2> PolicyTable::tables() const {
  return {kBuiltIn, more_ == nullptr ? Table{} : more_->table()};
}

std::uint16_t PolicyTable::ways_of(const Global& global) const {
  if (global.computed) return 0;
  if (is_torchscript(global)) return kMayImport | kMayCall | kMayConstruct | kMayBuild;
  std::uint16_t ways = 0;
  for (const Table& table : tables()) {
    for (const Entry& entry : table.find(global.module, global.name)) {
      ways = static_cast<std::uint16_t>(ways | table.rules[entry.rule].ways);
    }
  }
  return ways;
}

void PolicyTable::for_each(const std::function<void(const Global&, std::uint16_t ways)>& visit) const {
  for (const Table& table : tables()) {
    Global last;
    for (const Entry& entry : table.entries) {
      Global global{.module = std::string(table.at(entry.module)), .name = std::string(table.at(entry.name))};
      if (global.module != last.module || global.name != last.name) visit(global, ways_of(global));
      last = std::move(global);
    }
  }
}

std::vector<std::string> PolicyTable::packs() const {
  std::vector<std::string> out;
  for (const Table& table : tables()) {
    for (const PackAt& pack : table.packs) out.emplace_back(table.at(pack.label));
  }
  return out;
}

Ruling PolicyTable::judge_global(const Global& global, const Use& use, const Heap& heap) const {
  const std::uint16_t ways = ways_of(global);
  if (ways == 0) return refuse(global);
  if (use.how == How::kImported || is_torchscript(global)) return {};
  const WaysOf lookup = [this](const Global& other) { return ways_of(other); };
  const bool called = use.how == How::kCalled || use.how == How::kConstructed;
  for (const Table& table : tables()) {
    for (const Entry& entry : table.find(global.module, global.name)) {
      const Rule& rule = table.rules[entry.rule];
      if ((rule.ways & way_of(use.how)) == 0) continue;
      if (called && arguments_fit(table, rule, use, heap, lookup)) return {};
      if (use.how == How::kBuilt && state_fits(table, rule, use.arguments, heap, lookup)) return {};
      if (use.how == How::kFilled && !helper_within(use.arguments, heap, lookup)) return {};
    }
  }
  if (const std::string_view danger = danger_of(global); !danger.empty() && called) {
    return {Judgement::kDangerous, std::string(danger)};
  }
  if ((ways & way_of(use.how)) == 0) return {Judgement::kArguments, "is allowed, but not used like this"};
  const Value given = use.arguments;
  if (const std::optional<Global> helper = helper_within(given, heap, lookup)) {
    return {Judgement::kArguments, "is handed " + helper->text() + ", which may only be called"};
  }
  return {Judgement::kArguments, use.how == How::kBuilt ? "is allowed, but not with this state"
                                                        : "is allowed, but not with these arguments"};
}

std::optional<Global> PolicyTable::class_of(Value object, const Heap& heap) const {
  if (object.kind() != Kind::kObject) return std::nullopt;
  Value called = heap.callee(object);
  if (called.kind() == Kind::kPersistent) called = legacy_class(called, heap).value_or(called);
  if (called.kind() != Kind::kGlobal) return std::nullopt;
  const Global& callee = heap.global(called);
  if ((ways_of(callee) & kRebuilds) == 0) return callee;
  const Value arguments = heap.arguments(object);
  if (arguments.kind() != Kind::kTuple || heap.size(arguments) == 0) return std::nullopt;
  const Value first = heap.elements(arguments)[0];
  return first.kind() == Kind::kGlobal ? std::optional(heap.global(first)) : std::nullopt;
}

Ruling PolicyTable::judge(const Use& use, const Heap& heap) const {
  const bool changes = use.how == How::kBuilt || use.how == How::kFilled;
  switch (use.target.kind()) {
    case Kind::kGlobal:
      // Attributes or items of the global itself: the module or class is changed for the whole process.
      if (changes) return {Judgement::kDangerous, "changes what the rest of the process imports"};
      return judge_global(heap.global(use.target), use, heap);
    case Kind::kObject: {
      if (!changes) return {Judgement::kUnlisted, "calls what another call returned"};
      const std::optional<Global> of = class_of(use.target, heap);
      if (!of) return {Judgement::kUnlisted, "changes an object of unknown class"};
      return judge_global(*of, use, heap);
    }
    default:
      if (const std::optional<Value> of = legacy_class(use.target, heap); of && !changes) {
        return judge_global(heap.global(*of), use, heap);
      }
      return {Judgement::kUnlisted, "uses what the loader's persistent_load returned"};
  }
}

}  // namespace sallyport::formats::pickle
