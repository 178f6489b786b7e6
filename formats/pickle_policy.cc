#include "formats/pickle_policy.h"

#include <algorithm>
#include <unordered_map>
#include <vector>

namespace sallyport::formats::pickle {
namespace {

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t begin = text.find_first_not_of(separators);
    if (begin == std::string_view::npos) break;
    const std::size_t end = std::min(text.find_first_of(separators, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    text.remove_prefix(end);
  }
  return parts;
}

// One position of an argument pattern.
struct Position {
  std::vector<std::string_view> types;
  bool optional = false;
  bool repeats = false;
};

struct Row {
  std::string_view uses;
  bool any_arguments = false;
  std::vector<Position> positions;
};

Row read_row(std::string_view uses, std::string_view arguments) {
  Row row{.uses = uses, .any_arguments = arguments.empty(), .positions = {}};
  if (arguments == "-") return row;
  for (std::string_view part : split(arguments, ", ")) {
    Position position;
    position.optional = part.ends_with('?');
    position.repeats = part.ends_with('*');
    if (position.optional || position.repeats) part.remove_suffix(1);
    position.types = split(part, "/");
    row.positions.push_back(std::move(position));
  }
  return row;
}

using Table = std::unordered_map<std::string, std::vector<Row>>;

const Table& allowed() {
  static const Table kTable = [] {
    struct Line {
      std::string_view module, uses, arguments, names;
    };
    static constexpr Line kLines[] = {
#define ALLOW(module, uses, arguments, names) {module, uses, arguments, names},
#include "formats/pickle_allow.def"
#include "formats/pickle_allow_models.def"
#include "formats/pickle_allow_sklearn.def"
#include "formats/pickle_allow_torch.def"
#undef ALLOW
    };
    Table table;
    for (const Line& line : kLines) {
      const Row row = read_row(line.uses, line.arguments);
      for (const std::string_view name : split(line.names, " ")) {
        table[std::string(line.module) + '\0' + std::string(name)].push_back(row);
      }
    }
    return table;
  }();
  return kTable;
}

const std::vector<Row>* rows_of(const Global& global) {
  if (global.computed) return nullptr;
  // Names under __torch__ are TorchScript's own: torch.jit.load finds them in the archive, and no Python
  // module is called that.
  static const std::vector<Row> kTorchScript{read_row("icnb", "")};
  if (global.module == "__torch__" || global.module.starts_with("__torch__.")) return &kTorchScript;
  const auto found = allowed().find(global.module + '\0' + global.name);
  return found == allowed().end() ? nullptr : &found->second;
}

bool has_use(const Global& global, std::string_view any_of) {
  const std::vector<Row>* rows = rows_of(global);
  return rows != nullptr && std::any_of(rows->begin(), rows->end(), [&](const Row& row) {
           return row.uses.find_first_of(any_of) != std::string_view::npos;
         });
}

// Why a global is dangerous; empty when no row says so. The longest module wins.
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
  for (const Line& line : kLines) {
    const bool within = global.module == line.module ||
                        (global.module.starts_with(line.module) && global.module[line.module.size()] == '.');
    if (!within || line.module.size() < longest) continue;
    const std::string_view first = std::string_view(global.name).substr(0, global.name.find('.'));
    const std::vector<std::string_view> names = split(line.names, " ");
    if (line.names != "*" && std::find(names.begin(), names.end(), first) == names.end()) continue;
    // A row that names the callable says more than one for the whole module.
    if (line.module.size() == longest && line.names == "*" && !reason.empty()) continue;
    longest = line.module.size();
    reason = line.reason;
  }
  return reason;
}

bool is_pairs(Value value, const Heap& heap) {
  switch (value.kind()) {
    case Kind::kDict:
      return true;
    case Kind::kList:
    case Kind::kTuple:
      return heap.all_pairs(value);
    default:
      return false;
  }
}

bool is_type(Value value, std::string_view type, const Heap& heap) {
  const Kind kind = value.kind();
  if (type.starts_with('\'')) {
    return kind == Kind::kText && heap.text(value) == type.substr(1, type.size() - 2);
  }
  if (type == "any") return true;
  if (type == "data") return kind != Kind::kGlobal && kind != Kind::kObject && kind != Kind::kPersistent;
  if (type == "storage") return kind == Kind::kPersistent;
  if (type == "pairs") return is_pairs(value, heap);
  if (type == "class") return kind == Kind::kGlobal && has_use(heap.global(value), "cnk");
  if (type == "func") return kind == Kind::kGlobal && has_use(heap.global(value), "r");
  if (type == "none") return kind == Kind::kNone;
  // Protocols below 3 have no bytes: a legacy string may be either.
  if (type == "bytes" && kind == Kind::kText) return heap.is_legacy_text(value);
  if (type == "int" && kind == Kind::kBool) return true;
  return name_of(kind) == type;
}

bool fits(const Position& position, Value value, const Heap& heap) {
  return std::any_of(position.types.begin(), position.types.end(),
                     [&](std::string_view type) { return is_type(value, type, heap); });
}

bool arguments_fit(const Row& row, const Use& use, const Heap& heap) {
  if (row.any_arguments) return true;
  if (use.keywords.kind() != Kind::kNone || use.arguments.kind() != Kind::kTuple) return false;
  const std::span<const Value> given = heap.elements(use.arguments);
  if (given.size() != heap.size(use.arguments)) return false;
  std::size_t at = 0;
  for (const Position& position : row.positions) {
    if (position.repeats) {
      while (at < given.size() && fits(position, given[at], heap)) ++at;
      continue;
    }
    if (at == given.size()) {
      if (!position.optional) return false;
      continue;
    }
    if (!fits(position, given[at], heap)) return false;
    ++at;
  }
  return at == given.size();
}

Ruling refuse(const Global& global) {
  if (global.computed) return {Judgement::kUnlisted, "nobody can tell what it is before it is loaded"};
  if (const std::string_view danger = danger_of(global); !danger.empty()) {
    return {Judgement::kDangerous, std::string(danger)};
  }
  return {Judgement::kUnlisted, "is on no list of allowed globals"};
}

char letter_of(How how) {
  switch (how) {
    case How::kImported:
      return 'i';
    case How::kCalled:
      return 'c';
    case How::kConstructed:
      return 'n';
    case How::kBuilt:
      return 'b';
    case How::kFilled:
      return 'f';
  }
  return '?';
}

Ruling judge_global(const Global& global, const Use& use, const Heap& heap) {
  const std::vector<Row>* rows = rows_of(global);
  if (rows == nullptr) return refuse(global);
  if (use.how == How::kImported) return {};
  const bool called = use.how == How::kCalled || use.how == How::kConstructed;
  bool way = false;
  for (const Row& row : *rows) {
    if (row.uses.find(letter_of(use.how)) == std::string_view::npos) continue;
    way = true;
    if (!called || arguments_fit(row, use, heap)) return {};
  }
  if (const std::string_view danger = danger_of(global); !danger.empty() && called) {
    return {Judgement::kDangerous, std::string(danger)};
  }
  return {Judgement::kArguments,
          way ? "is allowed, but not with these arguments" : "is allowed, but not used like this"};
}

// The class that PyTorch's legacy format hands to persistent_load beside its source: ("module", class, file,
// source).
std::optional<Value> legacy_class(Value persistent, const Heap& heap) {
  const Value id = heap.persistent_id(persistent);
  if (id.kind() != Kind::kTuple || heap.size(id) < 2) return std::nullopt;
  const Value tag = heap.elements(id)[0];
  const Value of = heap.elements(id)[1];
  if (tag.kind() != Kind::kText || heap.text(tag) != "module" || of.kind() != Kind::kGlobal)
    return std::nullopt;
  return of;
}

}  // namespace

std::optional<Global> class_of(Value object, const Heap& heap) {
  if (object.kind() != Kind::kObject) return std::nullopt;
  Value called = heap.callee(object);
  if (called.kind() == Kind::kPersistent) called = legacy_class(called, heap).value_or(called);
  if (called.kind() != Kind::kGlobal) return std::nullopt;
  const Global& callee = heap.global(called);
  if (!has_use(callee, "m")) return callee;
  const Value arguments = heap.arguments(object);
  if (arguments.kind() != Kind::kTuple || heap.size(arguments) == 0) return std::nullopt;
  const Value first = heap.elements(arguments)[0];
  return first.kind() == Kind::kGlobal ? std::optional(heap.global(first)) : std::nullopt;
}

Ruling judge(const Use& use, const Heap& heap) {
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
