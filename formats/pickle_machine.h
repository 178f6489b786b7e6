// The unpickler's machine over symbols; internal to formats/pickle*.cc.
//
// Machine<Value> is the full interpretation over a Heap. Machine<Kind> keeps one byte a value and gives up,
// asking for the full one, at the first opcode that could import, call or change anything but plain data:
// data files of many millions of values need no more. Both are one text, so that they cannot disagree.
#pragma once

#include <array>
#include <map>
#include <type_traits>

#include "core/limits.h"
#include "formats/pickle.h"
#include "formats/pickle_memo.h"
#include "formats/pickle_opcodes.h"

namespace sallyport::formats::pickle {

inline Kind kind_of(Kind kind) { return kind; }
inline Kind kind_of(Value value) { return value.kind(); }

template <class Symbol>
class Machine {
 public:
  static constexpr bool kSymbolic = std::is_same_v<Symbol, Value>;

  Machine(BytesView bytes, std::size_t begin, Heap* heap, Observer* observer)
      : bytes_(bytes), at_(begin), heap_(heap), observer_(observer) {
    outcome_.begin = begin;
    outcome_.plain = true;
  }

  // False when the plain machine met something that only the full one can follow.
  bool run();
  Outcome take_outcome() { return std::move(outcome_); }

 private:
  using Handler = bool (Machine::*)(const Op&);
  static const std::array<Handler, 256> kHandlers;

  // Handlers answer whether the machine goes on.
  template <Kind kKind>
  bool literal(const Op& op) {
    return push(make(kKind, op.at));
  }
  template <Kind kKind>
  bool empty(const Op&) {
    return push(container(kKind, {}));
  }
  template <std::size_t kCount>
  bool counted_tuple(const Op& op);
  template <Kind kKind>
  bool from_mark(const Op& op);
  bool mark(const Op&);
  bool stop(const Op& op);
  bool pop(const Op& op);
  bool pop_mark(const Op& op);
  bool dup(const Op& op);
  bool text_number(const Op& op);
  bool text(const Op& op);
  bool proto(const Op& op);
  bool frame(const Op& op);
  bool get(const Op& op);
  bool get_text(const Op& op);
  bool put(const Op& op);
  bool put_text(const Op& op);
  bool memoize(const Op& op);
  bool append(const Op& op);
  bool appends(const Op& op);
  bool setitem(const Op& op);
  bool setitems(const Op& op);
  bool additems(const Op& op);
  bool readonly_buffer(const Op& op);
  // Those below exist for Machine<Value> alone, in pickle_calls.cc.
  bool global(const Op& op);
  bool stack_global(const Op& op);
  bool extension(const Op& op);
  bool persistent(const Op& op);
  bool persistent_text(const Op& op);
  bool reduce(const Op& op);
  bool newobj(const Op& op);
  bool newobj_ex(const Op& op);
  bool inst(const Op& op);
  bool obj(const Op& op);
  bool build(const Op& op);
  // What the plain machine does instead.
  bool leave(const Op&) {
    needs_symbols_ = true;
    return false;
  }

  bool refuse_argument(Decoded decoded, const Op& op);
  bool refuse(const Op& op, const std::string& what, ErrorKind kind = ErrorKind::kInvalid);
  bool over_memory(const Op& op);
  void diverge(std::size_t offset, std::string what);

  std::size_t fence() const { return marks_.empty() ? 0 : marks_.back(); }
  bool need(const Op& op, std::size_t count);
  // Takes the last mark away and answers where it stood.
  bool take_mark(const Op& op, std::size_t& where);
  bool push(Symbol value) {
    stack_.push_back(value);
    return true;
  }
  Symbol take() {
    const Symbol top = stack_.back();
    stack_.pop_back();
    return top;
  }
  std::span<const Symbol> above(std::size_t where) const { return std::span(stack_).subspan(where); }

  static Symbol make(Kind kind, std::size_t payload) {
    if constexpr (kSymbolic)
      return Value(kind, payload);
    else
      return kind;
  }
  Symbol container(Kind kind, std::span<const Symbol> elements) {
    if constexpr (kSymbolic)
      return heap_->container(kind, elements);
    else
      return kind;
  }
  bool fill(const Op& op, std::size_t first_item, Kind own_kind);
  bool push_memo(const Op& op, const Symbol* found);
  bool import_global(const Op& op, std::string module, std::string name);
  bool call(const Op& op, How how, Value callee, Value arguments, Value keywords);
  void use(const Op& op, How how, Value target, Value arguments = {}, Value keywords = {});
  void note_extension(Value callee, Value arguments);

  BytesView bytes_;
  std::size_t at_;
  std::size_t frame_end_ = 0;
  Heap* heap_;
  Observer* observer_;
  std::vector<Symbol> stack_;
  std::vector<std::size_t> marks_;
  Memo<Symbol> memo_;
  // copyreg.add_extension calls of this stream; and STACK_GLOBALs by the two literals, so that a long name
  // that is fetched from the memo again and again is decoded once.
  std::map<std::int64_t, std::pair<std::string, std::string>> extensions_;
  std::map<std::array<std::uint64_t, 3>, Value> stack_globals_;
  Outcome outcome_;
  int protocol_ = 0;  // of the last PROTO, which decides on Python 2 names
  bool needs_symbols_ = false;
};

template <>
bool Machine<Value>::global(const Op& op);
template <>
bool Machine<Value>::stack_global(const Op& op);
template <>
bool Machine<Value>::extension(const Op& op);
template <>
bool Machine<Value>::persistent(const Op& op);
template <>
bool Machine<Value>::persistent_text(const Op& op);
template <>
bool Machine<Value>::reduce(const Op& op);
template <>
bool Machine<Value>::newobj(const Op& op);
template <>
bool Machine<Value>::newobj_ex(const Op& op);
template <>
bool Machine<Value>::inst(const Op& op);
template <>
bool Machine<Value>::obj(const Op& op);
template <>
bool Machine<Value>::build(const Op& op);
template <>
bool Machine<Value>::import_global(const Op& op, std::string module, std::string name);
template <>
bool Machine<Value>::call(const Op& op, How how, Value callee, Value arguments, Value keywords);
template <>
void Machine<Value>::use(const Op& op, How how, Value target, Value arguments, Value keywords);
template <>
void Machine<Value>::note_extension(Value callee, Value arguments);

extern template class Machine<Kind>;
extern template class Machine<Value>;

}  // namespace sallyport::formats::pickle
