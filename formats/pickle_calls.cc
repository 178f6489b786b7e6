// The opcodes that import, call, build and change: where a pickle stops being data.
#include "formats/pickle_machine.h"
#include "formats/pickle_names.h"

namespace sallyport::formats::pickle {
namespace {

// What a loader cannot call or instantiate, whatever else is true.
bool certainly_not_callable(Kind kind) { return kind < Kind::kGlobal || kind == Kind::kBuffer; }
// What cannot be the argument tuple of a call. A call may have returned a tuple.
bool certainly_no_tuple(Kind kind) {
  return kind != Kind::kTuple && kind != Kind::kObject && kind != Kind::kPersistent && kind != Kind::kGlobal;
}

}  // namespace

template <>
void Machine<Value>::use(const Op& op, How how, Value target, Value arguments, Value keywords) {
  outcome_.plain = false;
  const Use seen{.how = how, .target = target, .arguments = arguments, .keywords = keywords, .offset = op.at};
  observer_->on_use(seen, *heap_);
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
  const std::optional<std::string> module_text = heap_->text(module);
  const std::optional<std::string> name_text = heap_->text(name);
  if (!module_text || !name_text) return refuse(op, "STACK_GLOBAL of a broken text");
  if (!import_global(op, *module_text, *name_text)) return false;
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
  const Value id = take();
  return push(heap_->persistent(id));
}

template <>
bool Machine<Value>::persistent_text(const Op& op) {
  return push(heap_->persistent(Value(Kind::kText, op.at)));
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
  if (certainly_no_tuple(arguments.kind())) {
    return refuse(op,
                  opcode_name(op) + " with a " + std::string(name_of(arguments.kind())) + " for arguments");
  }
  use(op, how, callee, arguments, keywords);
  note_extension(callee, arguments);
  return push(heap_->object(callee, arguments, keywords));
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
  return call(op, How::kConstructed, callee, arguments, keywords);
}

// Python's unpickler imports before it looks for the mark, the C one after.
template <>
bool Machine<Value>::inst(const Op& op) {
  if (marks_.empty()) diverge(op.at, "INST without a mark");
  if (!import_global(op, std::string(op.data), std::string(op.more))) return false;
  const Value callee = take();
  std::size_t where = 0;
  if (!take_mark(op, where)) return false;
  const Value arguments = container(Kind::kTuple, above(where));
  stack_.resize(where);
  return call(op, How::kCalled, callee, arguments, Value(Kind::kNone, op.at));
}

template <>
bool Machine<Value>::obj(const Op& op) {
  std::size_t where = 0;
  if (!take_mark(op, where)) return false;
  if (stack_.size() == where) return refuse(op, "OBJ without a class");
  const Value callee = stack_[where];
  const Value arguments = container(Kind::kTuple, above(where + 1));
  stack_.resize(where);
  return call(op, How::kCalled, callee, arguments, Value(Kind::kNone, op.at));
}

// On plain data BUILD finds neither __setstate__ nor attributes to set: with a state that is not empty it
// fails.
template <>
bool Machine<Value>::build(const Op& op) {
  if (!need(op, 2)) return false;
  const Value state = take();
  const Value target = stack_.back();
  if (target.kind() < Kind::kGlobal || target.kind() == Kind::kBuffer) {
    if (state.kind() == Kind::kDict && heap_->size(state) > 0) {
      return refuse(op, "BUILD of a " + std::string(name_of(target.kind())));
    }
    return true;
  }
  use(op, How::kBuilt, target, state);
  if (target.kind() == Kind::kObject) heap_->set_state(target, state);
  const Use built{.how = How::kBuilt, .target = target, .arguments = state, .offset = op.at};
  const std::uint64_t raw = observer_->raw_bytes_after_build(built, *heap_, at_);
  if (raw > bytes_.size() - at_) return refuse(op, "raw bytes after BUILD past end");
  at_ += static_cast<std::size_t>(raw);
  return true;
}

}  // namespace sallyport::formats::pickle
