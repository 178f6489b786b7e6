#include "formats/pickle_machine.h"

#include <algorithm>
#include <optional>

#include "formats/pickle_numbers.h"
#include "formats/pickle_text.h"

namespace sallyport::formats::pickle {
template <class Symbol>
const std::array<typename Machine<Symbol>::Handler, 256> Machine<Symbol>::kHandlers = [] {
  using M = Machine;
  std::array<Handler, 256> t{};
  const auto set = [&t](std::string_view codes, Handler handler) {
    for (const char code : codes) t[static_cast<unsigned char>(code)] = handler;
  };
  set("(", &M::mark);
  set(".", &M::stop);
  set("0", &M::pop);
  set("1", &M::pop_mark);
  set("2", &M::dup);
  set("\x80", &M::proto);
  set("\x95", &M::frame);
  set("ILF", &M::text_number);
  set("STUVX\x8c\x8d", &M::text);
  set("JKM\x8a\x8b", &M::template literal<Kind::kInt>);
  set("G", &M::template literal<Kind::kFloat>);
  set("N", &M::template literal<Kind::kNone>);
  set("\x88\x89", &M::template literal<Kind::kBool>);
  set("BC\x8e", &M::template literal<Kind::kBytes>);
  set("\x96", &M::template literal<Kind::kByteArray>);
  set("\x97", &M::template literal<Kind::kBuffer>);
  set("\x98", &M::readonly_buffer);
  set(")", &M::template empty<Kind::kTuple>);
  set("]", &M::template empty<Kind::kList>);
  set("}", &M::template empty<Kind::kDict>);
  set("\x8f", &M::template empty<Kind::kSet>);
  set("t", &M::template from_mark<Kind::kTuple>);
  set("l", &M::template from_mark<Kind::kList>);
  set("d", &M::template from_mark<Kind::kDict>);
  set("\x91", &M::template from_mark<Kind::kFrozenSet>);
  set("\x85", &M::template counted_tuple<1>);
  set("\x86", &M::template counted_tuple<2>);
  set("\x87", &M::template counted_tuple<3>);
  set("g", &M::get_text);
  set("hj", &M::get);
  set("p", &M::put_text);
  set("qr", &M::put);
  set("\x94", &M::memoize);
  set("a", &M::append);
  set("e", &M::appends);
  set("s", &M::setitem);
  set("u", &M::setitems);
  set("\x90", &M::additems);
  if constexpr (kSymbolic) {
    set("c", &M::global);
    set("\x93", &M::stack_global);
    set("i", &M::inst);
    set("o", &M::obj);
    set("\x82\x83\x84", &M::extension);
    set("P", &M::persistent_text);
    set("Q", &M::persistent);
    set("R", &M::reduce);
    set("\x81", &M::newobj);
    set("\x92", &M::newobj_ex);
    set("b", &M::build);
  } else {
    set("c\x93io\x82\x83\x84PQR\x81\x92"
        "b",
        &M::leave);
  }
  return t;
}();

// Takes one opcode; false when it was the last.
template <class Symbol>
bool Machine<Symbol>::step(Op& op) {
  const Decoded decoded = decode(bytes_, at_, op);
  if (decoded != Decoded::kOk) [[unlikely]] {
    op.at = at_;
    return refuse_argument(decoded, op);
  }
  if (op.at < frame_end_ && op.end > frame_end_) [[unlikely]]
    cross_frame(op);
  at_ = op.end;
  ++outcome_.opcodes;
  return (this->*kHandlers[op.code])(op);
}

// A frame may end between two parts of an opcode, each of which a loader reads at once: then all go on behind
// it. Within a part, pickle.py stops, the C unpickler from memory reads on, and from a file it throws away
// what is left of the frame.
template <class Symbol>
void Machine<Symbol>::cross_frame(const Op& op) {
  const Layout layout = kLayouts[op.code];
  std::size_t part = op.at + 1;
  bool within = false;
  const auto take = [&](std::size_t size) {
    within = within || (part < frame_end_ && part + size > frame_end_);
    part += size;
  };
  if (layout == Layout::kLine || layout == Layout::kTwoLines) {
    take(op.data.size() + 1);
    if (layout == Layout::kTwoLines) take(op.more.size() + 1);
  } else {
    take(kFixedWidths[op.code]);
    take(op.end - part);
  }
  if (within) {
    straddles_ = true;
    diverge(op.at, opcode_name(op) + " crosses the end of its frame");
  }
  frame_end_ = 0;
}

template <class Symbol>
bool Machine<Symbol>::over_memory(const Op& op) {
  constexpr std::size_t kMapEntryBytes = 128;
  std::size_t used = stack_.memory() + marks_.memory() + memo_.memory() +
                     (stack_globals_.size() + extensions_.size()) * kMapEntryBytes;
  if constexpr (kSymbolic) used += heap_->memory();
  if (used <= limits::kPickleMemoryMax) return false;
  return !refuse(op, "needs more than " + std::to_string(limits::kPickleMemoryMax) + " bytes to interpret",
                 ErrorKind::kLimit);
}

// What no loader can decode. A line that the data ends in is refused by the C unpickler alone: Python's takes
// it without its last byte, imports and calls, and fails only then.
template <class Symbol>
bool Machine<Symbol>::refuse_argument(Decoded decoded, const Op& op) {
  switch (decoded) {
    case Decoded::kEndOfData:
      return refuse(op, "data ends without STOP");
    case Decoded::kUnknownOpcode:
      return refuse(op, "unknown opcode " + std::to_string(op.code));
    case Decoded::kNegativeSize:
      return refuse(op, opcode_name(op) + " with a negative length");
    default:
      break;
  }
  if (decoded == Decoded::kUnterminatedLine && (op.code == 'c' || op.code == 'i' || op.code == 'P')) {
    diverge(op.at, opcode_name(op) + " in a line without an end");
    at_ = op.end;
    if (!(this->*kHandlers[op.code])(op)) return false;
  }
  return refuse(op, opcode_name(op) + " past end");
}

template <class Symbol>
bool Machine<Symbol>::refuse(const Op& op, const std::string& what, ErrorKind kind) {
  outcome_.error = Error{kind, "pickle: " + what + " at byte " + std::to_string(op.at)};
  outcome_.end = op.at;
  return false;
}

template <class Symbol>
void Machine<Symbol>::diverge(std::size_t offset, std::string what) {
  if (outcome_.divergences.size() < kDivergencesMax)
    outcome_.divergences.push_back({offset, std::move(what)});
}

template <class Symbol>
bool Machine<Symbol>::need(const Op& op, std::size_t count) {
  if (stack_.size() - fence() >= count) [[likely]]
    return true;
  return refuse(op, opcode_name(op) + " with too little on the stack");
}

template <class Symbol>
bool Machine<Symbol>::take_mark(const Op& op, std::size_t& where) {
  if (marks_.empty()) return refuse(op, opcode_name(op) + " without a mark");
  where = marks_.back();
  marks_.pop_back();
  return true;
}

template <class Symbol>
bool Machine<Symbol>::readonly_buffer(const Op& op) {
  if (!need(op, 1)) return false;
  const Kind kind = kind_of(stack_.back());
  // A bytearray is replaced by a memoryview of it.
  if (kind == Kind::kByteArray) stack_.back() = make(Kind::kBuffer, op.at);
  if (kind == Kind::kBytes || kind == Kind::kByteArray || kind == Kind::kBuffer || is_opaque(kind))
    return true;
  return refuse(op, "READONLY_BUFFER of a " + std::string(name_of(kind)));
}

template <class Symbol>
bool Machine<Symbol>::mark(const Op&) {
  marks_.push_back(static_cast<std::uint32_t>(stack_.size()));
  return true;
}

template <class Symbol>
bool Machine<Symbol>::stop(const Op& op) {
  if (!need(op, 1)) return false;
  if (op.end < frame_end_) diverge(op.at, "STOP before the end of its frame");
  if (stack_.size() > 1 || !marks_.empty()) {
    diverge(op.at, "STOP leaves values behind, which pickletools refuses");
  }
  if constexpr (kSymbolic) observer_->on_stop(stack_.back(), *heap_);
  return false;
}

template <class Symbol>
bool Machine<Symbol>::pop(const Op& op) {
  if (!marks_.empty() && marks_.back() == stack_.size()) {
    marks_.pop_back();
    return true;
  }
  if (!need(op, 1)) return false;
  stack_.pop_back();
  return true;
}

template <class Symbol>
bool Machine<Symbol>::pop_mark(const Op& op) {
  std::size_t where = 0;
  if (!take_mark(op, where)) return false;
  stack_.set_size(where);
  return true;
}

template <class Symbol>
bool Machine<Symbol>::dup(const Op& op) {
  return need(op, 1) && push(Symbol(stack_.back()));
}

template <class Symbol>
bool Machine<Symbol>::text_number(const Op& op) {
  const Accepted accepted = op.code == 'I'   ? accept_int(op.data)
                            : op.code == 'L' ? accept_long(op.data)
                                             : accept_float(op.data);
  if (!accepted.any()) return refuse(op, opcode_name(op) + " that is no number");
  if (!accepted.all()) diverge(op.at, opcode_name(op) + " that not every loader takes for the same number");
  const bool boolean = op.code == 'I' && (op.data == "00" || op.data == "01");
  return push(make(boolean ? Kind::kBool : (op.code == 'F' ? Kind::kFloat : Kind::kInt), op.at));
}

template <class Symbol>
bool Machine<Symbol>::text(const Op& op) {
  if (!text_is_sound(op)) return refuse(op, opcode_name(op) + " that is no text");
  // The C unpickler takes the length for a number without sign, the others for one with a sign.
  if (op.code == 'T' && op.data.size() > INT32_MAX) diverge(op.at, "BINSTRING with a negative length");
  return push(make(Kind::kText, op.at));
}

template <class Symbol>
template <std::size_t kCount>
bool Machine<Symbol>::counted_tuple(const Op& op) {
  if (!need(op, kCount)) return false;
  const Symbol tuple = container(Kind::kTuple, above(stack_.size() - kCount), op.at);
  stack_.set_size(stack_.size() - kCount);
  return push(tuple);
}

template <class Symbol>
template <Kind kKind>
bool Machine<Symbol>::from_mark(const Op& op) {
  std::size_t where = 0;
  if (!take_mark(op, where)) return false;
  const std::span<const Symbol> items = above(where);
  if (kKind == Kind::kDict && items.size() % 2 != 0) return refuse(op, "DICT of an odd number of items");
  const Symbol made = container(kKind, items, op.at);
  stack_.set_size(where);
  return push(made);
}

template <class Symbol>
bool Machine<Symbol>::proto(const Op& op) {
  constexpr int kHighestProtocol = 5;
  protocol_ = static_cast<int>(op.number());
  if (protocol_ > kHighestProtocol)
    return refuse(op, "protocol " + std::to_string(protocol_) + " is unknown");
  outcome_.protocol = std::max(outcome_.protocol, protocol_);
  return true;
}

// CPython's C unpickler checks that the frame's bytes are there and forgets it; its Python one reads them
// into a buffer of their own.
template <class Symbol>
bool Machine<Symbol>::frame(const Op& op) {
  const std::uint64_t size = op.number();
  if (size > INT64_MAX) return refuse(op, "FRAME of an impossible length");
  if (op.end < frame_end_) {
    diverge(op.at, "FRAME inside a frame");
    straddles_ = straddles_ || size > frame_end_ - op.end;
  }
  if (size > bytes_.size() - op.end) {
    diverge(op.at, "FRAME longer than the data");
    frame_end_ = bytes_.size();
    return true;
  }
  frame_end_ = op.end + static_cast<std::size_t>(size);
  return true;
}

template <class Symbol>
bool Machine<Symbol>::push_memo(const Op& op, const Symbol* found) {
  if (found == nullptr) return refuse(op, opcode_name(op) + " of an empty memo entry");
  return push(Symbol(*found));
}

template <class Symbol>
bool Machine<Symbol>::get(const Op& op) {
  return push_memo(op, memo_.get(op.number()));
}

// The index of a GET or PUT in decimal.
template <class Symbol>
bool Machine<Symbol>::get_text(const Op& op) {
  const MemoKey key = memo_key(op.data);
  if (key.digits.empty()) return refuse(op, "GET of no memo index");
  if (!key.accepted.all()) diverge(op.at, "GET of what not every loader takes for a memo index");
  if (const std::optional<std::uint64_t> index = key.index()) return push_memo(op, memo_.get(*index));
  return push_memo(op, memo_.get_huge(key.digits));
}

template <class Symbol>
bool Machine<Symbol>::put(const Op& op) {
  return need(op, 1) && put_memo(op, op.number());
}

template <class Symbol>
bool Machine<Symbol>::put_text(const Op& op) {
  const MemoKey key = memo_key(op.data);
  if (key.digits.empty()) return refuse(op, "PUT to no memo index");
  if (!key.accepted.all()) diverge(op.at, "PUT to what not every loader takes for a memo index");
  if (!need(op, 1)) return false;
  if (const std::optional<std::uint64_t> index = key.index()) return put_memo(op, *index);
  diverge(op.at, "PUT to an index that not every loader has");
  memo_.put_huge(key.digits, stack_.back());
  return true;
}

// The C unpickler makes room for twice the index; pickle.py for one entry.
template <class Symbol>
bool Machine<Symbol>::put_memo(const Op& op, std::uint64_t index) {
  if (index > bytes_.size()) diverge(op.at, "memo index that not every loader has room for");
  if (!memo_.put(index, stack_.back())) {
    diverge(op.at, opcode_name(op) + " to a memo entry that is in use, which pickletools refuses");
  }
  return true;
}

template <class Symbol>
bool Machine<Symbol>::memoize(const Op& op) {
  return need(op, 1) && put_memo(op, memo_.count());
}

// Puts the items from `first_item` on into what lies below them: into a builtin of `own_kind`, or through a
// method of what nobody here knows.
template <class Symbol>
bool Machine<Symbol>::fill(const Op& op, std::size_t first_item, Kind own_kind) {
  const Symbol target = stack_[first_item - 1];
  const Kind kind = kind_of(target);
  std::span<const Symbol> items = above(first_item);
  const bool odd = own_kind == Kind::kDict && items.size() % 2 != 0;
  if (items.empty() && !fill_nothing(op, target, own_kind)) return false;
  if constexpr (kSymbolic) {
    // pickle.py sets pair after pair before it misses the last value.
    if (odd) items = items.first(items.size() - 1);
    if (is_opaque(kind) && !items.empty()) {
      const bool single = items.size() == 1;
      use(op, How::kFilled, target, single ? items[0] : container(Kind::kTuple, items, op.at));
      if (odd) diverge(op.at, opcode_name(op) + " of an odd number of items");
    }
  }
  if (odd) return refuse(op, opcode_name(op) + " of an odd number of items");
  // A list takes item assignment too, and a bytearray extends; neither leaves plain data.
  const bool also = (own_kind == Kind::kDict && kind == Kind::kList) ||
                    (own_kind != Kind::kSet && kind == Kind::kByteArray);
  if (kind == own_kind || also) {
    if (kind != Kind::kByteArray) add(target, items);
  } else if (!is_opaque(kind) && !items.empty()) {
    return refuse(op, opcode_name(op) + " to a " + std::string(name_of(kind)));
  }
  stack_.set_size(first_item);
  return true;
}

// No items: the C unpickler looks no further, pickle.py asks for the method that would take them, and calls
// extend.
template <class Symbol>
bool Machine<Symbol>::fill_nothing(const Op& op, Symbol target, Kind own_kind) {
  const Kind kind = kind_of(target);
  const bool extends = own_kind == Kind::kList && (kind == Kind::kList || kind == Kind::kByteArray);
  if (own_kind == Kind::kDict || kind == own_kind || extends) return true;
  diverge(op.at, opcode_name(op) + " of no items to a " + std::string(name_of(kind)));
  if constexpr (kSymbolic) {
    if (is_opaque(kind) && own_kind == Kind::kList) use(op, How::kFilled, target, Value(Kind::kTuple, 0));
  }
  return true;
}

template <class Symbol>
bool Machine<Symbol>::append(const Op& op) {
  return need(op, 2) && fill(op, stack_.size() - 1, Kind::kList);
}

template <class Symbol>
bool Machine<Symbol>::appends(const Op& op) {
  std::size_t where = 0;
  if (!take_mark(op, where)) return false;
  if (where <= fence()) return refuse(op, "APPENDS to nothing");
  return fill(op, where, Kind::kList);
}

template <class Symbol>
bool Machine<Symbol>::setitem(const Op& op) {
  return need(op, 3) && fill(op, stack_.size() - 2, Kind::kDict);
}

template <class Symbol>
bool Machine<Symbol>::setitems(const Op& op) {
  std::size_t where = 0;
  if (!take_mark(op, where)) return false;
  if (where <= fence()) return refuse(op, "SETITEMS of nothing");
  return fill(op, where, Kind::kDict);
}

template <class Symbol>
bool Machine<Symbol>::additems(const Op& op) {
  std::size_t where = 0;
  if (!take_mark(op, where)) return false;
  if (where <= fence()) return refuse(op, "ADDITEMS to nothing");
  return fill(op, where, Kind::kSet);
}

template class Machine<Kind>;
template class Machine<Value>;

}  // namespace sallyport::formats::pickle
