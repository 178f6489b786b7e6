// The unpickler's machine over symbols; internal to formats/pickle*.cc.
//
// Machine<Value> is the full interpretation over a Heap. Machine<Kind> keeps one byte a value and gives up,
// asking for the full one, at the first opcode that could import, call or change anything but plain data:
// data files of many millions of values need no more. Both are one text, so that they cannot disagree.
//
// Two loops share the work: step() takes one opcode through everything that can happen to it, and cruise()
// runs through the opcodes that data is made of as long as nothing can go wrong, and stops before anything
// else.
#pragma once

#include <array>
#include <map>
#include <type_traits>

#include "core/limits.h"
#include "formats/pickle.h"
#include "formats/pickle_memo.h"
#include "formats/pickle_opcodes.h"
#include "formats/pickle_pile.h"

namespace sallyport::formats::pickle {

inline Kind kind_of(Kind kind) { return kind; }
inline Kind kind_of(Value value) { return value.kind(); }

// Kinds whose value a loader can call, fill or take attributes of in ways that the stream does not show.
inline bool is_opaque(Kind kind) { return kind >= Kind::kGlobal && kind != Kind::kBuffer; }

template <class Symbol>
inline constexpr Symbol kAbsentSymbol = static_cast<Symbol>(0xFF);
template <>
inline constexpr Value kAbsentSymbol<Value> = Value(static_cast<Kind>(0xFF), 0);
template <class Symbol>
using MemoOf = Memo<Symbol, kAbsentSymbol<Symbol>>;

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
  // An argument crosses the end of its frame.
  bool straddles() const { return straddles_; }
  Outcome take_outcome() { return std::move(outcome_); }
  // What an Unpickler object keeps from one pickle to the next.
  MemoOf<Symbol>& memo() { return memo_; }

 private:
  class Cruise;
  using Handler = bool (Machine::*)(const Op&);
  static const std::array<Handler, 256> kHandlers;

  // Handlers answer whether the machine goes on.
  template <Kind kKind>
  bool literal(const Op& op) {
    return push(make(kKind, op.at));
  }
  template <Kind kKind>
  bool empty(const Op& op) {
    return push(container(kKind, {}, op.at));
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
  bool build_plain(const Op& op, Value target, Value state);
  // What the plain machine does instead.
  bool leave(const Op&) {
    needs_symbols_ = true;
    return false;
  }

  bool step(Op& op);
  void cruise();
  void cross_frame(const Op& op);
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
  std::span<const Symbol> above(std::size_t where) const { return stack_.from(where); }

  static Symbol make(Kind kind, std::size_t payload) {
    if constexpr (kSymbolic)
      return Value(kind, payload);
    else
      return kind;
  }
  Symbol container(Kind kind, std::span<const Symbol> elements, std::size_t at) {
    if constexpr (kSymbolic)
      return heap_->container(kind, elements, at);
    else
      return kind;
  }
  void add(Symbol target, std::span<const Symbol> elements) {
    if constexpr (kSymbolic) heap_->add(target, elements);
  }
  bool fill(const Op& op, std::size_t first_item, Kind own_kind);
  bool fill_nothing(const Op& op, Symbol target, Kind own_kind);
  bool push_memo(const Op& op, const Symbol* found);
  bool put_memo(const Op& op, std::uint64_t index);
  void check_names(const Op& op);
  bool import_global(const Op& op, std::string module, std::string name);
  bool call(const Op& op, How how, Value callee, Value arguments, Value keywords);
  void use(const Op& op, How how, Value target, Value arguments = {});
  void note_extension(Value callee, Value arguments);

  BytesView bytes_;
  std::size_t at_;
  std::size_t frame_end_ = 0;
  Heap* heap_;
  Observer* observer_;
  Pile<Symbol> stack_;
  Pile<std::uint32_t> marks_;
  MemoOf<Symbol> memo_;
  // copyreg.add_extension calls of this stream; and STACK_GLOBALs by the two literals, so that a long name
  // that is fetched from the memo again and again is decoded once.
  std::map<std::int64_t, std::pair<std::string, std::string>> extensions_;
  std::map<std::array<std::uint64_t, 3>, Value> stack_globals_;
  Outcome outcome_;
  int protocol_ = 0;  // of the last PROTO, which decides on Python 2 names
  bool straddles_ = false;
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
bool Machine<Value>::build_plain(const Op& op, Value target, Value state);
template <>
void Machine<Value>::check_names(const Op& op);
template <>
bool Machine<Value>::import_global(const Op& op, std::string module, std::string name);
template <>
bool Machine<Value>::call(const Op& op, How how, Value callee, Value arguments, Value keywords);
template <>
void Machine<Value>::use(const Op& op, How how, Value target, Value arguments);
template <>
void Machine<Value>::note_extension(Value callee, Value arguments);

extern template class Machine<Kind>;
extern template class Machine<Value>;

}  // namespace sallyport::formats::pickle
