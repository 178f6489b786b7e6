// The opcodes that import, call, build and change: where a pickle stops being data.
#include <algorithm>

#include "formats/pickle_machine.h"
#include "formats/pickle_names.h"

namespace sallyport::formats::pickle {
namespace {

// What a loader cannot call or instantiate, whatever else is true.
bool certainly_not_callable(Kind kind) { return kind < Kind::kGlobal || kind == Kind::kBuffer; }
// What cannot be the arguments of a call, not even for pickle.py, which takes them from anything that it can
// iterate over.
bool certainly_no_arguments(Kind kind) {
  return kind == Kind::kNone || kind == Kind::kBool || kind == Kind::kInt || kind == Kind::kFloat;
}
bool may_be_tuple(Kind kind) { return kind == Kind::kTuple || is_opaque(kind); }

// pickletools shows a line with its escapes taken for what they mean; the loaders do not.
bool reads_the_same(std::string_view line) {
  return std::all_of(line.begin(), line.end(),
                     [](char c) { return c != '\\' && static_cast<unsigned char>(c) < 0x80; });
}
bool is_ascii(std::string_view line) {
  return std::all_of(line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// What `if state:` makes of a literal or container.
bool may_be_false(Value value, const Heap& heap) {
  switch (value.kind()) {
    case Kind::kNone:
      return true;
    case Kind::kBool:
    case Kind::kInt:
      return heap.integer(value) == 0;
    case Kind::kFloat:
      return true;
    case Kind::kText:
    case Kind::kBytes:
    case Kind::kByteArray:
      return heap.text(value) == "";
    case Kind::kTuple:
    case Kind::kList:
    case Kind::kDict:
    case Kind::kSet:
    case Kind::kFrozenSet:
      return heap.size(value) == 0;
    default:
      return true;
  }
}

}  // namespace

template <>
void Machine<Value>::use(const Op& op, How how, Value target, Value arguments) {
  outcome_.plain = false;
  observer_->on_use({.how = how, .target = target, .arguments = arguments, .offset = op.at}, *heap_);
}

// Names that a loader refuses, or that pickletools shows as others.
template <>
void Machine<Value>::check_names(const Op& op) {
  if (op.data.empty() || op.more.empty()) diverge(op.at, opcode_name(op) + " of an empty name");
  if (!reads_the_same(op.data) || !reads_the_same(op.more)) {
    diverge(op.at, opcode_name(op) + " of a name that pickletools reads differently");
  }
}

template <>
bool Machine<Value>::import_global(const Op& op, std::string module, std::string name) {
  // Unpicklers map the names of Python 2 as long as the stream has not announced protocol 3 or later.
  if (protocol_ < 3) std::tie(module, name) = modern_name(module, name);
  const Value global = heap_->intern(std::move(module), std::move(name));
  use(op, How::kImported, global);
  return push(global);
}

template <>
bool Machine<Value>::global(const Op& op) {
  check_names(op);
  return import_global(op, std::string(op.data), std::string(op.more));
}

template <>
bool Machine<Value>::stack_global(const Op& op) {
  if (!need(op, 2)) return false;
  const Value name = take();
  const Value module = take();
  const bool computed = name.kind() >= Kind::kGlobal || module.kind() >= Kind::kGlobal;
  if (!computed && (name.kind() != Kind::kText || module.kind() != Kind::kText)) {
    return refuse(op, "STACK_GLOBAL of what is no text");
  }
  if (computed) {
    const Value global = heap_->computed_global();
    use(op, How::kImported, global);
    return push(global);
  }
  const std::array<std::uint64_t, 3> key{module.bits, name.bits, protocol_ < 3 ? 1U : 0U};
  if (const auto known = stack_globals_.find(key); known != stack_globals_.end()) {
    use(op, How::kImported, known->second);
    return push(known->second);
  }
  if (!import_global(op, heap_->name_text(module), heap_->name_text(name))) return false;
  stack_globals_.emplace(key, stack_.back());
  return true;
}

// A code stands for a name that some module registered with copyreg in the loading process; which one is
// known only when this stream registered it itself.
template <>
bool Machine<Value>::extension(const Op& op) {
  const auto raw = op.number();
  const std::int64_t code = op.code == 0x84 ? static_cast<std::int32_t>(raw) : static_cast<std::int64_t>(raw);
  if (code <= 0) return refuse(op, "extension code " + std::to_string(code));
  if (const auto known = extensions_.find(code); known != extensions_.end()) {
    const auto [module, name] = known->second;
    return import_global(op, module, name);
  }
  const Value global = heap_->intern("copyreg", "<extension registry, code " + std::to_string(code) + ">");
  use(op, How::kImported, global);
  return push(global);
}

template <>
bool Machine<Value>::persistent(const Op& op) {
  if (!need(op, 1)) return false;
  const Value persistent = heap_->persistent(take(), op.at);
  observer_->on_persistent(persistent, *heap_);
  return push(persistent);
}

template <>
bool Machine<Value>::persistent_text(const Op& op) {
  if (!is_ascii(op.data)) return refuse(op, "PERSID beyond ASCII");
  if (!reads_the_same(op.data)) diverge(op.at, "PERSID that pickletools reads differently");
  const Value persistent = heap_->persistent(Value(Kind::kText, op.at), op.at);
  observer_->on_persistent(persistent, *heap_);
  return push(persistent);
}

template <>
void Machine<Value>::note_extension(Value callee, Value arguments) {
  if (callee.kind() != Kind::kGlobal || arguments.kind() != Kind::kTuple) return;
  const Global& global = heap_->global(callee);
  if (global.module != "copyreg" || global.name != "add_extension" || heap_->size(arguments) != 3) return;
  const std::span<const Value> parts = heap_->elements(arguments);
  const std::optional<std::string> module = heap_->text(parts[0]);
  const std::optional<std::string> name = heap_->text(parts[1]);
  const std::optional<std::int64_t> code = heap_->integer(parts[2]);
  if (module && name && code) extensions_.emplace(*code, std::pair(*module, *name));
}

template <>
bool Machine<Value>::call(const Op& op, How how, Value callee, Value arguments, Value keywords) {
  if (certainly_not_callable(callee.kind())) {
    return refuse(op, opcode_name(op) + " of a " + std::string(name_of(callee.kind())));
  }
  if (certainly_no_arguments(arguments.kind())) {
    return refuse(op,
                  opcode_name(op) + " with a " + std::string(name_of(arguments.kind())) + " for arguments");
  }
  if (!may_be_tuple(arguments.kind())) {
    diverge(op.at, opcode_name(op) + " with arguments that are no tuple");
  }
  const Value object = heap_->object(callee, arguments, keywords, op.at);
  outcome_.plain = false;
  observer_->on_use({.how = how,
                     .target = callee,
                     .arguments = arguments,
                     .keywords = keywords,
                     .offset = op.at,
                     .result = object},
                    *heap_);
  note_extension(callee, arguments);
  return push(object);
}

template <>
bool Machine<Value>::reduce(const Op& op) {
  if (!need(op, 2)) return false;
  const Value arguments = take();
  const Value callee = take();
  return call(op, How::kCalled, callee, arguments, Value(Kind::kNone, op.at));
}

template <>
bool Machine<Value>::newobj(const Op& op) {
  if (!need(op, 2)) return false;
  const Value arguments = take();
  const Value callee = take();
  return call(op, How::kConstructed, callee, arguments, Value(Kind::kNone, op.at));
}

template <>
bool Machine<Value>::newobj_ex(const Op& op) {
  if (!need(op, 3)) return false;
  const Value keywords = take();
  const Value arguments = take();
  const Value callee = take();
  if (keywords.kind() != Kind::kDict && !is_opaque(keywords.kind())) {
    return refuse(op, "NEWOBJ_EX with a " + std::string(name_of(keywords.kind())) + " for keywords");
  }
  return call(op, How::kConstructed, callee, arguments, keywords);
}

// Python's unpickler imports before it looks for the mark, the C one after.
template <>
bool Machine<Value>::inst(const Op& op) {
  if (!is_ascii(op.data) || !is_ascii(op.more)) return refuse(op, "INST beyond ASCII");
  check_names(op);
  if (marks_.empty()) diverge(op.at, "INST without a mark");
  if (!import_global(op, std::string(op.data), std::string(op.more))) return false;
  const Value callee = take();
  std::size_t where = 0;
  if (!take_mark(op, where)) return false;
  const Value arguments = container(Kind::kTuple, above(where), op.at);
  stack_.set_size(where);
  return call(op, How::kCalled, callee, arguments, Value(Kind::kNone, op.at));
}

template <>
bool Machine<Value>::obj(const Op& op) {
  std::size_t where = 0;
  if (!take_mark(op, where)) return false;
  if (stack_.size() == where) return refuse(op, "OBJ without a class");
  const Value callee = stack_[where];
  const Value arguments = container(Kind::kTuple, above(where + 1), op.at);
  stack_.set_size(where);
  return call(op, How::kCalled, callee, arguments, Value(Kind::kNone, op.at));
}

// Plain data has neither __setstate__ nor attributes to set, so that BUILD fails unless there is nothing to
// do. The C unpickler sees nothing in None, pickle.py in whatever is false.
template <>
bool Machine<Value>::build_plain(const Op& op, Value target, Value state) {
  Value slots(Kind::kNone, op.at);
  if (state.kind() == Kind::kTuple && heap_->size(state) == 2) {
    slots = heap_->elements(state)[1];
    state = heap_->elements(state)[0];
  }
  const bool empty_slots = is_opaque(slots.kind()) || slots.bits == Value(Kind::kNone, op.at).bits ||
                           (slots.kind() == Kind::kDict && heap_->size(slots) == 0);
  const bool c = (state.kind() == Kind::kNone || is_opaque(state.kind())) && empty_slots;
  const bool python = may_be_false(state, *heap_) && may_be_false(slots, *heap_);
  if (!c && !python) return refuse(op, "BUILD of a " + std::string(name_of(target.kind())));
  if (c != python) diverge(op.at, "BUILD of a " + std::string(name_of(target.kind())));
  return true;
}

template <>
bool Machine<Value>::build(const Op& op) {
  if (!need(op, 2)) return false;
  const Value state = take();
  const Value target = stack_.back();
  if (!is_opaque(target.kind())) return build_plain(op, target, state);
  const Use built{.how = How::kBuilt, .target = target, .arguments = state, .offset = op.at};
  outcome_.plain = false;
  observer_->on_use(built, *heap_);
  if (target.kind() == Kind::kObject) heap_->set_state(target, state);
  const std::uint64_t raw = observer_->raw_bytes_after_build(built, *heap_, at_);
  if (raw > bytes_.size() - at_) return refuse(op, "raw bytes after BUILD past end");
  at_ += static_cast<std::size_t>(raw);
  return true;
}

}  // namespace sallyport::formats::pickle
