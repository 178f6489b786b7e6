// The machine's loops, and the views that need a run of their own.
#include <algorithm>
#include <cstring>

#include "formats/pickle_framed.h"
#include "formats/pickle_machine.h"

namespace sallyport::formats::pickle {
namespace {

// A cruise ends after this many opcodes, so that memory is looked at.
constexpr std::size_t kCruiseOpcodes = 1 << 14;
// No fixed argument is wider.
constexpr std::size_t kFixedWidthMax = 8;

template <class Number>
Number read(const std::uint8_t* at) {
  Number number = 0;
  std::memcpy(&number, at, sizeof number);
  return number;
}

bool is_ascii(const std::uint8_t* text, std::size_t size) {
  constexpr std::uint64_t kHigh = 0x8080808080808080;
  std::uint64_t seen = 0;
  std::size_t i = 0;
  for (; i + 8 <= size; i += 8) seen |= read<std::uint64_t>(text + i);
  for (; i < size; ++i) seen |= text[i];
  return (seen & kHigh) == 0;
}

}  // namespace

// What a method here does is what the opcode's handler does when nothing can go wrong; false leaves anything
// else to the handler, and has changed nothing. Only kinds that a loader knows are filled, every argument
// ends before its frame does, and every memo entry is a new one.
template <class Symbol>
class Machine<Symbol>::Cruise {
 public:
  Cruise(Machine& machine, std::size_t limit)
      : machine_(machine),
        limit_(limit),
        at_(machine.at_),
        base_(machine.bytes_.data()),
        bottom_(machine.stack_.begin()),
        top_(machine.stack_.end()),
        fence_(bottom_ + machine.fence()) {}

  std::size_t at() const { return at_; }
  std::size_t stack_size() const { return static_cast<std::size_t>(top_ - bottom_); }
  bool take();

 private:
  using Count = std::ptrdiff_t;

  bool advance(std::size_t width) {
    at_ += 1 + width;
    return true;
  }
  bool literal(Kind kind, std::size_t width) {
    *top_++ = make(kind, at_);
    return advance(width);
  }
  // A literal that is `size` bytes long, which `width` bytes say.
  bool counted(Kind kind, std::size_t size, std::size_t width) {
    if (size > limit_ - at_ - 1 - width) return false;
    if (kind == Kind::kText && base_[at_] != 'U' && !is_ascii(base_ + at_ + 1 + width, size)) return false;
    return literal(kind, width + size);
  }
  bool empty(Kind kind) {
    *top_++ = machine_.container(kind, {}, at_);
    return advance(0);
  }
  bool tuple(Count count) {
    if (top_ - fence_ < count) return false;
    top_ -= count;
    *top_ = machine_.container(Kind::kTuple, {top_, static_cast<std::size_t>(count)}, at_);
    ++top_;
    return advance(0);
  }
  bool put(std::uint64_t index, std::size_t width) {
    return top_ != fence_ && machine_.memo_.put_in_place(index, top_[-1]) && advance(width);
  }
  bool get(std::uint64_t index, std::size_t width) {
    const Symbol* const found = machine_.memo_.get(index);
    if (found == nullptr) return false;
    *top_++ = *found;
    return advance(width);
  }
  bool mark() {
    machine_.marks_.push_back(static_cast<std::uint32_t>(top_ - bottom_));
    fence_ = top_;
    return advance(0);
  }
  // Where the stack ends for what lies below the last mark.
  Symbol* fence_below() const {
    const Pile<std::uint32_t>& marks = machine_.marks_;
    return bottom_ + (marks.size() > 1 ? marks[marks.size() - 2] : 0);
  }
  void unmark(Symbol* new_top) {
    fence_ = fence_below();
    top_ = new_top;
    machine_.marks_.pop_back();
  }
  // `count` items on top go into the `kind` below them.
  bool fill(Count count, Kind kind) {
    if (top_ - fence_ <= count || kind_of(top_[-count - 1]) != kind) return false;
    machine_.add(top_[-count - 1], {top_ - count, static_cast<std::size_t>(count)});
    top_ -= count;
    return advance(0);
  }
  bool fill_from_mark(Kind kind) {
    if (machine_.marks_.empty()) return false;
    Symbol* const items = bottom_ + machine_.marks_.back();
    if (items <= fence_below() || kind_of(items[-1]) != kind) return false;
    if (kind == Kind::kDict && (top_ - items) % 2 != 0) return false;
    machine_.add(items[-1], {items, top_});
    unmark(items);
    return advance(0);
  }
  bool tuple_from_mark() {
    if (machine_.marks_.empty()) return false;
    Symbol* const items = bottom_ + machine_.marks_.back();
    const Symbol made = machine_.container(Kind::kTuple, {items, top_}, at_);
    unmark(items);
    *top_++ = made;
    return advance(0);
  }

  Machine& machine_;
  const std::size_t limit_;
  std::size_t at_;
  const std::uint8_t* const base_;
  Symbol* const bottom_;
  Symbol* top_;
  Symbol* fence_;
};

// Takes one opcode, whose fixed argument must lie before the limit.
template <class Symbol>
[[gnu::always_inline]] inline bool Machine<Symbol>::Cruise::take() {
  const std::uint8_t* const argument = base_ + at_ + 1;
  switch (base_[at_]) {
    case 'K': return literal(Kind::kInt, 1);
    case 'M': return literal(Kind::kInt, 2);
    case 'J': return literal(Kind::kInt, 4);
    case 'G': return literal(Kind::kFloat, 8);
    case 'N': return literal(Kind::kNone, 0);
    case 0x88:
    case 0x89: return literal(Kind::kBool, 0);
    case 0x8a: return counted(Kind::kInt, *argument, 1);
    case 0x8c:
    case 'U': return counted(Kind::kText, *argument, 1);
    case 'C': return counted(Kind::kBytes, *argument, 1);
    case 'X': return counted(Kind::kText, read<std::uint32_t>(argument), 4);
    case 'B': return counted(Kind::kBytes, read<std::uint32_t>(argument), 4);
    case ')': return empty(Kind::kTuple);
    case ']': return empty(Kind::kList);
    case '}': return empty(Kind::kDict);
    case 0x8f: return empty(Kind::kSet);
    case 0x85: return tuple(1);
    case 0x86: return tuple(2);
    case 0x87: return tuple(3);
    case 't': return tuple_from_mark();
    case '(': return mark();
    case 0x94: return put(machine_.memo_.count(), 0);
    case 'q': return put(*argument, 1);
    case 'r': return put(read<std::uint32_t>(argument), 4);
    case 'h': return get(*argument, 1);
    case 'j': return get(read<std::uint32_t>(argument), 4);
    case 'a': return fill(1, Kind::kList);
    case 's': return fill(2, Kind::kDict);
    case 'e': return fill_from_mark(Kind::kList);
    case 'u': return fill_from_mark(Kind::kDict);
    case 0x90: return fill_from_mark(Kind::kSet);
    default: return false;
  }
}

template <class Symbol>
void Machine<Symbol>::cruise() {
  const std::size_t limit = at_ < frame_end_ ? frame_end_ : bytes_.size();
  if (limit <= at_ + kFixedWidthMax) return;
  stack_.reserve(stack_.size() + kCruiseOpcodes);
  Cruise cruise(*this, limit);
  std::size_t taken = 0;
  while (taken < kCruiseOpcodes && cruise.at() < limit - kFixedWidthMax && cruise.take()) ++taken;
  outcome_.opcodes += taken;
  at_ = cruise.at();
  stack_.set_size(cruise.stack_size());
}

template <class Symbol>
bool Machine<Symbol>::run() {
  std::uint64_t next_look = 0;
  Op op;
  do {
    cruise();
    if (outcome_.opcodes >= next_look) {
      op.at = at_;
      if (over_memory(op)) break;
      next_look = outcome_.opcodes + kCruiseOpcodes / 2;
    }
  } while (step(op));
  if (!outcome_.error) outcome_.end = at_;
  return !needs_symbols_;
}

template void Machine<Kind>::cruise();
template void Machine<Value>::cruise();
template bool Machine<Kind>::run();
template bool Machine<Value>::run();

namespace {

std::optional<Outcome> refuse_size(BytesView bytes, std::size_t begin) {
  if (bytes.size() <= limits::kFileBytesMax) return std::nullopt;
  Outcome outcome{.begin = begin, .end = begin, .plain = true};
  outcome.error = Error{ErrorKind::kLimit, "pickle: more than " + std::to_string(limits::kFileBytesMax) +
                                               " bytes to interpret at byte " + std::to_string(begin)};
  return outcome;
}

// Tells an observer of the uses in bytes that were rewritten, at the places where they were.
class Elsewhere : public Observer {
 public:
  Elsewhere(Observer& observer, const Framed& framed) : observer_(observer), framed_(framed) {}

  void on_use(const Use& use, const Heap& heap) override {
    Use moved = use;
    moved.offset = framed_.original(use.offset);
    observer_.on_use(moved, heap);
  }
  void on_persistent(Value persistent, const Heap& heap) override {
    observer_.on_persistent(persistent, heap);
  }

 private:
  Observer& observer_;
  const Framed& framed_;
};

// What the C unpickler reads from a file when arguments cross the ends of their frames.
void interpret_as_file(BytesView bytes, std::size_t begin, Observer& observer, Outcome& outcome) {
  const Framed framed = as_read_from_file(bytes, begin);
  Heap heap(as_bytes(framed.bytes));
  Elsewhere elsewhere(observer, framed);
  Machine<Value> machine(as_bytes(framed.bytes), 0, &heap, &elsewhere);
  machine.run();
  outcome.plain = outcome.plain && machine.take_outcome().plain;
}

}  // namespace

Outcome interpret_in_full(BytesView bytes, std::size_t begin, Heap& heap, Observer& observer) {
  if (std::optional<Outcome> refused = refuse_size(bytes, begin)) return *refused;
  Machine<Value> machine(bytes, begin, &heap, &observer);
  machine.run();
  Outcome outcome = machine.take_outcome();
  if (machine.straddles()) interpret_as_file(bytes, begin, observer, outcome);
  return outcome;
}

Outcome interpret(BytesView bytes, std::size_t begin, Observer& observer) {
  if (std::optional<Outcome> refused = refuse_size(bytes, begin)) return *refused;
  {
    Machine<Kind> plain(bytes, begin, nullptr, nullptr);
    if (plain.run() && !plain.straddles()) return plain.take_outcome();
  }
  Heap heap(bytes);
  return interpret_in_full(bytes, begin, heap, observer);
}

struct Unpickler::State {
  explicit State(BytesView bytes) : heap(bytes) {}

  Heap heap;
  MemoOf<Value> memo;
};

Unpickler::Unpickler(BytesView bytes) : bytes_(bytes), state_(std::make_unique<State>(bytes)) {}
Unpickler::~Unpickler() = default;

Outcome Unpickler::load(std::size_t begin, Observer& observer) {
  if (std::optional<Outcome> refused = refuse_size(bytes_, begin)) return *refused;
  Machine<Value> machine(bytes_, begin, &state_->heap, &observer);
  std::swap(machine.memo(), state_->memo);
  machine.run();
  std::swap(machine.memo(), state_->memo);
  return machine.take_outcome();
}

}  // namespace sallyport::formats::pickle
