// Pickle, interpreted abstractly: which globals would loading import, and what would be called with what?
//
// The machine knows all 68 opcodes of protocols 0 to 5 and keeps a typed stack, marks, memo and extension
// registry as CPython's unpickler does, but its values are symbols: a literal is the place where it is
// written, a global is a name, a call is a node that holds its callee and arguments. Nothing is imported,
// called or executed, whatever the bytes say. Time is linear in the bytes and there is no opcode budget;
// memory is linear with a small factor and capped by limits::kPickleMemoryMax. A stream without any global is
// interpreted with one byte a value.
//
// Where loaders disagree (CPython's C and Python unpicklers, pickletools), the machine goes on as long as one
// of them would, and notes the disagreement as a Divergence. When all of them would stop, it stops with an
// error, and every use up to there has been reported: a stream that acts and then corrupts itself has still
// acted.
//
// Four views are joined: CPython's C unpickler from memory, the same from a file, where an argument that
// crosses the end of its frame loses the bytes before the end; pickle.py; and pickletools. The memo starts
// empty for each pickle, as pickle.load has it; an Unpickler object that loads one pickle after the other
// keeps it. Everything here is for one thread at a time; separate calls are independent.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/bytes.h"
#include "core/result.h"
#include "formats/pickle_pile.h"

namespace sallyport::formats::pickle {

enum class Kind : std::uint8_t {
  kNone,
  kBool,
  kInt,
  kFloat,
  kText,
  kBytes,
  kByteArray,
  kTuple,
  kList,
  kDict,
  kSet,
  kFrozenSet,
  kGlobal,      // a named module attribute
  kObject,      // what a call returned
  kPersistent,  // what the loader's persistent_load returned
  kBuffer,      // an out-of-band buffer
};
std::string_view name_of(Kind kind);

// A symbol: its kind, and where a literal is written or which node of the heap it is. Equal bits are the same
// object.
struct Value {
  std::uint64_t bits = 0;

  Value() = default;
  constexpr Value(Kind kind, std::uint64_t payload)
      : bits(static_cast<std::uint64_t>(kind) << 56 | payload) {}
  constexpr Kind kind() const { return static_cast<Kind>(bits >> 56); }
  constexpr std::uint64_t payload() const { return bits & 0xFFFFFFFFFFFFFF; }
  bool operator==(const Value&) const = default;
};

// Module and name as find_class sees them after the Python 2 names of protocols 0 to 2 were mapped.
// `computed` means that the stream makes the name at run time, so that nobody can say what it is.
struct Global {
  std::string module = {};
  std::string name = {};
  bool computed = false;

  std::string text() const {
    return computed ? "a global whose name is computed while loading" : module + "." + name;
  }
};

enum class How : std::uint8_t {
  kImported,     // GLOBAL, STACK_GLOBAL, INST, EXT*
  kCalled,       // REDUCE, INST, OBJ: callee(*arguments)
  kConstructed,  // NEWOBJ, NEWOBJ_EX: callee.__new__(callee, *arguments, **keywords)
  kBuilt,        // BUILD: __setstate__, or attributes set from a state
  kFilled,       // APPEND(S), SETITEM(S), ADDITEMS on what is no list, dict or set: extend, __setitem__, add
};
std::string_view name_of(How how);

struct Use {
  How how = How::kImported;
  Value target;            // the global imported; the callee; what is built or filled
  Value arguments = {};    // a tuple; the state of kBuilt; for kFilled the item, or the tuple of items
  Value keywords = {};     // a dict, of NEWOBJ_EX; None otherwise
  std::size_t offset = 0;  // of the opcode
  Value result = {};       // of kCalled and kConstructed: the object that the call makes
};

// Containers keep this many of their elements; beyond it only their number and kinds are known.
inline constexpr std::size_t kElementsKept = 64;

// The symbols of one pickle. Elements of a container are those that it held when it was asked.
class Heap {
 public:
  explicit Heap(BytesView bytes);

  std::uint64_t size(Value container) const { return node(container).size; }
  // A dict's are key, value, key, value. At most kElementsKept; fewer than size() when there were more.
  std::span<const Value> elements(Value container) const;
  // Bit k is set when an element of kind k went in.
  std::uint16_t kinds(Value container) const { return node(container).kinds; }
  // Every element was a tuple or list of two when it went in.
  bool all_pairs(Value container) const { return node(container).pairs != 0; }
  // Where a literal is written, a container begun, a call made. Nothing for a global and the empty tuple.
  std::optional<std::size_t> offset(Value value) const;

  const Global& global(Value global) const { return globals_[global.payload()]; }
  Value callee(Value object) const { return elements(object)[0]; }
  Value arguments(Value object) const { return elements(object)[1]; }
  Value keywords(Value object) const { return elements(object)[2]; }
  Value state(Value object) const { return elements(object)[3]; }
  Value persistent_id(Value persistent) const { return elements(persistent)[0]; }

  // The text of a kText, decoded, or of a kBytes or kByteArray as they are. Nothing when its escapes are
  // broken.
  std::optional<std::string> text(Value literal) const;
  // The text of a kText as a part of a global's name: cut when nobody could have a name so long.
  std::string name_text(Value literal) const;
  // Of a kInt or kBool; nothing when it does not fit.
  std::optional<std::int64_t> integer(Value literal) const;
  // Whether a kText is a STRING opcode's: bytes to a loader that asks for encoding="bytes".
  bool is_legacy_text(Value literal) const;

  // Python's spelling, cut after `bytes_max`: os.system("curl …"), (1, "a", [None]).
  std::string describe(Value value, std::size_t bytes_max = 200) const;
  std::string describe_call(const Use& use, std::size_t bytes_max = 200) const;

  std::size_t memory() const;

  // For the machine.
  Value container(Kind kind, std::span<const Value> elements, std::size_t at) {
    // Node 0 is every empty tuple: it can never be added to.
    if (kind == Kind::kTuple && elements.empty()) return {kind, 0};
    return {kind, make_node(elements, at)};
  }
  void add(Value container, std::span<const Value> elements);
  Value object(Value callee, Value arguments, Value keywords, std::size_t at);
  void set_state(Value object, Value state) { elements_[node(object).first + 3] = state; }
  Value persistent(Value id, std::size_t at) {
    return {Kind::kPersistent, make_node(std::span(&id, 1), at)};
  }
  Value intern(std::string module, std::string name);
  Value computed_global();

 private:
  struct Node {
    std::uint32_t first = 0;  // in elements_
    std::uint32_t size = 0;   // saturates
    std::uint32_t at = 0;     // of the opcode
    std::uint16_t kinds = 0;
    std::uint8_t kept = 0;
    std::uint8_t room : 7 = 0;  // elements that fit where `first` is
    std::uint8_t pairs : 1 = 1;
  };
  const Node& node(Value value) const { return nodes_[value.payload()]; }
  Node& node(Value value) { return nodes_[value.payload()]; }
  std::uint64_t make_node(std::span<const Value> elements, std::size_t at);
  void note(Node& node, std::span<const Value> elements) const;
  std::string describe_literal(Value literal, std::size_t bytes_max) const;
  std::string describe_parts(std::vector<struct DescribePart> parts, std::size_t bytes_max) const;

  BytesView bytes_;
  Pile<Node> nodes_;
  Pile<Value> elements_;
  std::size_t globals_bytes_ = 0;
  std::deque<Global> globals_;
  std::unordered_map<std::string, std::uint32_t> global_index_;
};

// Sees each use as the interpreter meets it; the heap is as the loader's would be at that moment.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void on_use(const Use& use, const Heap& heap) = 0;
  // The loader's own persistent_load is asked for an object.
  virtual void on_persistent(Value /*persistent*/, const Heap& /*heap*/) {}
  // STOP was reached with `result` on top. Not called for a pickle of plain data.
  virtual void on_stop(Value /*result*/, const Heap& /*heap*/) {}
  // After each kBuilt: how many bytes from `at` on a loader's own BUILD would take from the file behind the
  // pickle's back, as joblib's does. The machine goes on behind them.
  virtual std::uint64_t raw_bytes_after_build(const Use& /*use*/, const Heap& /*heap*/, std::size_t /*at*/) {
    return 0;
  }
};

// Loaders read the bytes at `offset` differently.
struct Divergence {
  std::size_t offset = 0;
  std::string what;
};

struct Outcome {
  std::size_t begin = 0;
  std::size_t end = 0;  // one past the last byte that belongs to the pickle
  std::uint64_t opcodes = 0;
  int protocol = 0;
  bool plain = false;                        // no use was met
  std::optional<Error> error = {};           // absent: STOP was reached
  std::vector<Divergence> divergences = {};  // the first kDivergencesMax
};
inline constexpr std::size_t kDivergencesMax = 16;

// Interprets the one pickle that starts at `begin`.
Outcome interpret(BytesView bytes, std::size_t begin, Observer& observer);
// The same with symbols for plain data too, left in `heap`, which must be fresh and of the same bytes.
Outcome interpret_in_full(BytesView bytes, std::size_t begin, Heap& heap, Observer& observer);

// One Unpickler object that loads several pickles of the same bytes: what one of them memoized, the next ones
// can fetch, and MEMOIZE counts on.
class Unpickler {
 public:
  explicit Unpickler(BytesView bytes);
  ~Unpickler();
  Unpickler(const Unpickler&) = delete;
  Unpickler& operator=(const Unpickler&) = delete;

  Outcome load(std::size_t begin, Observer& observer);

 private:
  struct State;
  BytesView bytes_;
  std::unique_ptr<State> state_;
};

}  // namespace sallyport::formats::pickle
