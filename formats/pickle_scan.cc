#include "formats/pickle_scan.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <tuple>

#include "core/limits.h"
#include "formats/npy.h"

namespace sallyport::formats::pickle {
namespace {

bool starts_with_proto(BytesView bytes, std::size_t at) {
  return at + 1 < bytes.size() && bytes[at] == 0x80 && bytes[at + 1] <= 5;
}

// module.name could be imported at all: what random bytes spell could not.
bool is_plausible(const Global& global) {
  const auto is_name = [](std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
      return c == '_' || c == '.' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
             (c >= 'A' && c <= 'Z');
    });
  };
  return is_name(global.module) && is_name(global.name);
}

const Global* called_global(const Use& use, const Heap& heap) {
  return use.target.kind() == Kind::kGlobal ? &heap.global(use.target) : nullptr;
}

// The value of a text key among the elements of a dict that were kept.
std::optional<Value> member(Value dict, std::string_view key, const Heap& heap) {
  if (dict.kind() != Kind::kDict) return std::nullopt;
  const std::span<const Value> elements = heap.elements(dict);
  for (std::size_t i = 0; i + 1 < elements.size(); i += 2) {
    if (elements[i].kind() == Kind::kText && heap.text(elements[i]) == key) return elements[i + 1];
  }
  return std::nullopt;
}

// How a numpy.dtype call spells its type: "f8".
std::optional<std::string> dtype_text(Value dtype, const Heap& heap) {
  if (dtype.kind() != Kind::kObject || heap.callee(dtype).kind() != Kind::kGlobal) return std::nullopt;
  const Global& callee = heap.global(heap.callee(dtype));
  const Value arguments = heap.arguments(dtype);
  if (callee.module != "numpy" || callee.name != "dtype" || arguments.kind() != Kind::kTuple)
    return std::nullopt;
  const std::span<const Value> parts = heap.elements(arguments);
  if (parts.empty() || parts[0].kind() != Kind::kText) return std::nullopt;
  return heap.text(parts[0]);
}

// Items of an array of the given shape; nothing on overflow or an extent that is not known.
std::optional<std::uint64_t> item_count(Value shape, const Heap& heap) {
  if (shape.kind() != Kind::kTuple || heap.size(shape) != heap.elements(shape).size()) return std::nullopt;
  std::uint64_t count = 1;
  for (const Value extent : heap.elements(shape)) {
    const std::optional<std::int64_t> value = heap.integer(extent);
    if (!value || *value < 0) return std::nullopt;
    if (*value != 0 &&
        count > std::numeric_limits<std::uint64_t>::max() / static_cast<std::uint64_t>(*value)) {
      return std::nullopt;
    }
    count *= static_cast<std::uint64_t>(*value);
  }
  return count;
}

// The bytes a literal stands for: as they are, or through the _codecs.encode call that protocols below 3
// write.
std::optional<std::string> bytes_of(Value value, const Heap& heap) {
  if (value.kind() == Kind::kBytes) return heap.text(value);
  if (value.kind() != Kind::kObject || heap.callee(value).kind() != Kind::kGlobal) return std::nullopt;
  const Value arguments = heap.arguments(value);
  if (heap.global(heap.callee(value)).text() != "_codecs.encode" || arguments.kind() != Kind::kTuple) {
    return std::nullopt;
  }
  const std::span<const Value> parts = heap.elements(arguments);
  if (parts.size() != 2 || parts[0].kind() != Kind::kText || heap.text(parts[1]) != "latin1")
    return std::nullopt;
  std::string bytes;
  const std::string text = heap.text(parts[0]).value_or("");
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 0x80) {
      // Latin-1 ends at U+00FF: two bytes of UTF-8, the first of them C2 or C3.
      if (byte > 0xC3 || i + 1 == text.size()) return std::nullopt;
      bytes.push_back(static_cast<char>((byte & 3) << 6 | (text[++i] & 0x3F)));
    } else {
      bytes.push_back(text[i]);
    }
  }
  return bytes;
}

class Scanner;

// Judges the uses of one pickle and keeps them until it is known whether the bytes are a pickle.
class Judge : public Observer {
 public:
  Judge(Scanner& scanner, bool skips_arrays, int nesting)
      : scanner_(scanner), skips_arrays_(skips_arrays), nesting_(nesting) {}

  void on_use(const Use& use, const Heap& heap) override;
  std::uint64_t raw_bytes_after_build(const Use& use, const Heap& heap, std::size_t at) override;

  std::vector<Concern> concerns;
  std::vector<Value> targets;  // of the concerns
  std::vector<std::string> held;
  std::uint64_t uses = 0;
  bool acts = false;            // a plausible use other than an import of something harmless
  std::size_t first_array = 0;  // where joblib's first raw array starts; 0: none

 private:
  Scanner& scanner_;
  bool skips_arrays_;
  int nesting_;
  std::set<std::string> seen_;
};

class Scanner {
 public:
  Scanner(BytesView bytes, const PolicyTable& packs) : bytes_(bytes), packs_(packs) {}
  Report run(std::size_t at, bool expected);
  // A pickle that lies in the stream of another one; answers where it ends.
  std::size_t nested(std::size_t at, int nesting);
  BytesView bytes() const { return bytes_; }
  const PolicyTable& packs() const { return packs_; }

 private:
  bool one(std::size_t& at, bool expected);
  void keep(Judge& judge, const Outcome& outcome);
  void add(const Concern& concern);
  void add_all(const Judge& judge);
  void check_arrays(const Judge& judge, std::size_t begin);

  BytesView bytes_;
  const PolicyTable& packs_;
  Report report_;
  std::map<std::pair<std::uint64_t, How>, std::size_t> index_;  // into report_.concerns
};

void Judge::on_use(const Use& use, const Heap& heap) {
  ++uses;
  const Global* global = called_global(use, heap);
  const bool plausible = global == nullptr || global->computed || is_plausible(*global);
  Ruling ruling = scanner_.packs().judge(use, heap);
  // A tensor outside of torch.save: a whole torch file as bytes. Its pickles are judged like any others.
  if (use.how == How::kCalled && global != nullptr && global->module == "torch.storage" &&
      global->name == "_load_from_bytes" && use.arguments.kind() == Kind::kTuple &&
      heap.size(use.arguments) == 1) {
    if (std::optional<std::string> bytes = bytes_of(heap.elements(use.arguments)[0], heap)) {
      held.push_back(std::move(*bytes));
      return;
    }
  }
  const bool dangerous = ruling.judgement == Judgement::kDangerous;
  acts = acts || (plausible && (dangerous || use.how != How::kImported));
  if (ruling.judgement == Judgement::kAllowed || concerns.size() >= kConcernsMax) return;
  std::string call = heap.describe_call(use);
  if (!seen_.insert(std::string(name_of(use.how)) + call).second) return;
  targets.push_back(use.target);
  concerns.push_back({.offset = use.offset,
                      .judgement = ruling.judgement,
                      .how = use.how,
                      .call = std::move(call),
                      .reason = std::move(ruling.reason)});
}

// joblib writes an array as a NumpyArrayWrapper whose BUILD is followed by one byte of padding length, the
// padding and the items; an array of objects by a pickle.
std::uint64_t Judge::raw_bytes_after_build(const Use& use, const Heap& heap, std::size_t at) {
  const std::optional<Global> of = scanner_.packs().class_of(use.target, heap);
  if (!of || of->module != "joblib.numpy_pickle" || of->name != "NumpyArrayWrapper") return 0;
  if (first_array == 0) first_array = at;
  if (!skips_arrays_) return 0;
  const std::optional<Value> dtype = member(use.arguments, "dtype", heap);
  const std::optional<Value> shape = member(use.arguments, "shape", heap);
  const std::optional<std::string> type = dtype ? dtype_text(*dtype, heap) : std::nullopt;
  const std::optional<std::uint64_t> count = shape ? item_count(*shape, heap) : std::nullopt;
  if (!type || !count) return 0;
  if (names_objects(*type)) {
    return nesting_ == limits::kArchiveDepthMax ? 0 : scanner_.nested(at, nesting_ + 1) - at;
  }
  const std::size_t room = scanner_.bytes().size();
  std::uint64_t skip = 0;
  const std::optional<Value> alignment = member(use.arguments, "numpy_array_alignment_bytes", heap);
  if (alignment && alignment->kind() == Kind::kInt && at < room) skip = 1U + scanner_.bytes()[at];
  const std::uint64_t width = item_bytes(*type);
  return width != 0 && *count > room / width ? room : skip + *count * width;
}

std::size_t Scanner::nested(std::size_t at, int nesting) {
  Judge judge(*this, true, nesting);
  const Outcome outcome = interpret(bytes_, at, judge);
  keep(judge, outcome);
  return outcome.end;
}

void Scanner::add(const Concern& concern) {
  if (report_.concerns.size() >= kConcernsMax) return;
  const auto [found, is_new] =
      index_.emplace(std::pair(concern.offset, concern.how), report_.concerns.size());
  if (is_new) report_.concerns.push_back(concern);
}

// A call says all that its import says.
void Scanner::add_all(const Judge& judge) {
  for (std::size_t i = 0; i < judge.concerns.size(); ++i) {
    bool said = false;
    for (std::size_t k = 0; k < judge.concerns.size() && judge.concerns[i].how == How::kImported; ++k) {
      said = said || (judge.targets[k] == judge.targets[i] && judge.concerns[k].how != How::kImported);
    }
    if (!said) add(judge.concerns[i]);
  }
}

void Scanner::keep(Judge& judge, const Outcome& outcome) {
  ++report_.pickles;
  report_.opcodes += outcome.opcodes;
  report_.uses += judge.uses;
  add_all(judge);
  for (std::string& bytes : judge.held) report_.held.push_back(std::move(bytes));
  for (const Divergence& divergence : outcome.divergences) report_.divergences.push_back(divergence);
}

// A plain unpickler does not know joblib's arrays and runs into their bytes as opcodes.
void Scanner::check_arrays(const Judge& judge, std::size_t begin) {
  report_.joblib = true;
  Judge plain(*this, false, 0);
  interpret(bytes_, begin, plain);
  const bool sees_more =
      std::any_of(plain.concerns.begin(), plain.concerns.end(), [&](const Concern& concern) {
        return concern.offset >= judge.first_array && concern.how != How::kImported;
      });
  if (!sees_more) return;
  add_all(plain);
  report_.divergences.push_back(
      {judge.first_array, "the bytes of an array are opcodes to a plain unpickler"});
}

// Interprets what may be a pickle at `at` and moves behind it; false when there is none.
bool Scanner::one(std::size_t& at, bool expected) {
  Judge judge(*this, true, 0);
  const Outcome outcome = interpret(bytes_, at, judge);
  const bool complete = !outcome.error;
  const bool is_pickle = judge.acts || (complete && outcome.opcodes > 0) || (expected && outcome.opcodes > 1);
  if (!is_pickle) return false;
  keep(judge, outcome);
  if (judge.first_array != 0) check_arrays(judge, at);
  report_.end = outcome.end;
  if (outcome.error) {
    report_.error = outcome.error;
    return false;
  }
  at = outcome.end;
  return true;
}

Report Scanner::run(std::size_t at, bool expected) {
  report_.begin = at;
  report_.end = at;
  expected = expected && starts_with_proto(bytes_, at);
  while (at < bytes_.size() && one(at, expected)) {
    expected = false;
  }
  return std::move(report_);
}

}  // namespace

Report scan_pickles(BytesView bytes, bool expected, const PolicyTable& packs) {
  return Scanner(bytes, packs).run(0, expected);
}

}  // namespace sallyport::formats::pickle
