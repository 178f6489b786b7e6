#include "formats/pickle_explain.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "formats/pickle_opcodes.h"

namespace sallyport::formats::pickle {
namespace {

bool is_container(Kind kind) { return kind >= Kind::kTuple && kind <= Kind::kFrozenSet; }
bool has_parts(Kind kind) {
  return is_container(kind) || kind == Kind::kObject || kind == Kind::kPersistent;
}

std::string counted(std::uint64_t count, std::string_view one) {
  return std::to_string(count) + " " + std::string(one) + (count == 1 ? "" : "s");
}

class Explainer : public Observer {
 public:
  Explainer(BytesView bytes, const ExplainOptions& options) : bytes_(bytes), options_(options) {}

  void on_use(const Use& use, const Heap& heap) override {
    ++uses_;
    if (use.how == How::kBuilt || use.how == How::kFilled) {
      if (changes_.size() < options_.lines_max) changes_.emplace(use.target.bits, use);
    }
    if (deeds_.size() >= options_.lines_max / 2) return;
    deeds_.push_back("  " + place(use.offset) + "  " + std::string(name_of(use.how)) + "  " +
                     heap.describe_call(use, options_.text_bytes_max));
  }
  void on_stop(Value result, const Heap&) override { result_ = result; }

  std::vector<std::string> lines(const Outcome& outcome, const Heap& heap);

 private:
  // A value still to be shown, under what and how deep.
  struct Item {
    Value value;
    int depth = 0;
    std::string label = {};
  };

  std::string place(std::size_t offset) const {
    const std::string byte = "byte " + std::to_string(offset);
    if (offset >= bytes_.size()) return byte;
    return byte + " " + std::string(kOpcodes[bytes_[offset]].name);
  }
  bool full() const { return lines_.size() >= options_.lines_max; }
  void show(const Item& item, const Heap& heap);
  std::string headline(Value value, const Heap& heap) const;
  void push_parts(const Item& item, const Heap& heap);
  void push_call(const Item& item, const Heap& heap);
  void push_changes(const Item& item);
  void push(Value value, int depth, std::string label) {
    parts_.push_back({.value = value, .depth = depth, .label = std::move(label)});
  }

  BytesView bytes_;
  const ExplainOptions& options_;
  std::vector<std::string> lines_;
  std::vector<std::string> deeds_;
  std::uint64_t uses_ = 0;
  std::unordered_multimap<std::uint64_t, Use> changes_;  // by what was built or filled
  std::optional<Value> result_;
  std::vector<Item> stack_;
  std::vector<Item> parts_;  // of the item that is being shown, in order
  std::unordered_set<std::uint64_t> shown_;
};

std::vector<std::string> Explainer::lines(const Outcome& outcome, const Heap& heap) {
  lines_.push_back("pickle of bytes " + std::to_string(outcome.begin) + " to " + std::to_string(outcome.end) +
                   ", protocol " + std::to_string(outcome.protocol) + ", " +
                   counted(outcome.opcodes, "opcode"));
  if (outcome.error) lines_.push_back("breaks off: " + outcome.error->message);
  for (const Divergence& divergence : outcome.divergences) {
    lines_.push_back("loaders disagree: " + place(divergence.offset) + ": " + divergence.what);
  }
  lines_.push_back(uses_ == 0 ? "loading imports and calls nothing" : "loading would");
  lines_.insert(lines_.end(), deeds_.begin(), deeds_.end());
  if (uses_ > deeds_.size()) lines_.push_back("  … and " + std::to_string(uses_ - deeds_.size()) + " more");
  if (!result_) return std::move(lines_);
  lines_.push_back("and return");
  stack_.push_back({.value = *result_, .depth = 1});
  while (!stack_.empty() && !full()) {
    const Item item = std::move(stack_.back());
    stack_.pop_back();
    show(item, heap);
  }
  if (!stack_.empty()) lines_.push_back("  … and more than " + counted(options_.lines_max, "line") + " hold");
  return std::move(lines_);
}

void Explainer::show(const Item& item, const Heap& heap) {
  const Kind kind = item.value.kind();
  const std::optional<std::size_t> offset = heap.offset(item.value);
  std::string line(static_cast<std::size_t>(item.depth) * 2, ' ');
  line += item.label;
  if (has_parts(kind) && offset && !shown_.insert(item.value.bits).second) {
    lines_.push_back(line + "the " + std::string(name_of(kind)) + " of byte " + std::to_string(*offset));
    return;
  }
  line += headline(item.value, heap);
  if (offset) line += "  (" + place(*offset) + ")";
  lines_.push_back(std::move(line));
  if (!has_parts(kind)) return;
  parts_.clear();
  push_parts(item, heap);
  if (item.depth >= options_.depth_max && !parts_.empty()) {
    lines_.push_back(std::string(static_cast<std::size_t>(item.depth + 1) * 2, ' ') + "… deeper");
    return;
  }
  stack_.insert(stack_.end(), std::make_move_iterator(parts_.rbegin()),
                std::make_move_iterator(parts_.rend()));
}

// A container says what it is, since its elements follow; everything else is written as in Python.
std::string Explainer::headline(Value value, const Heap& heap) const {
  if (!is_container(value.kind())) return heap.describe(value, options_.text_bytes_max);
  const std::uint64_t size = heap.size(value);
  const bool dict = value.kind() == Kind::kDict;
  std::string out = std::string(name_of(value.kind())) + " of " + std::to_string(dict ? size / 2 : size);
  const std::uint64_t kept = heap.elements(value).size();
  if (kept < size) out += ", the first " + std::to_string(dict ? kept / 2 : kept);
  return out;
}

void Explainer::push_parts(const Item& item, const Heap& heap) {
  const int depth = item.depth + 1;
  const Kind kind = item.value.kind();
  if (kind == Kind::kPersistent) {
    if (has_parts(heap.persistent_id(item.value).kind())) push(heap.persistent_id(item.value), depth, "id ");
  } else if (kind == Kind::kObject) {
    push_call(item, heap);
  } else {
    const std::span<const Value> elements = heap.elements(item.value);
    const std::size_t step = kind == Kind::kDict ? 2 : 1;
    constexpr std::size_t kKeyBytesMax = 60;
    for (std::size_t i = 0; i + step <= elements.size(); i += step) {
      push(elements[i + step - 1], depth, step == 2 ? heap.describe(elements[i], kKeyBytesMax) + ": " : "");
    }
  }
  push_changes(item);
}

// The line of a call shows its plain arguments already.
void Explainer::push_call(const Item& item, const Heap& heap) {
  const Value callee = heap.callee(item.value);
  const Value arguments = heap.arguments(item.value);
  const Value keywords = heap.keywords(item.value);
  const int depth = item.depth + 1;
  if (has_parts(callee.kind())) push(callee, depth, "called ");
  if (arguments.kind() == Kind::kTuple) {
    const std::span<const Value> elements = heap.elements(arguments);
    for (std::size_t i = 0; i < elements.size(); ++i) {
      if (has_parts(elements[i].kind())) push(elements[i], depth, "argument " + std::to_string(i + 1) + " ");
    }
  } else if (has_parts(arguments.kind())) {
    push(arguments, depth, "arguments *");
  }
  if (has_parts(keywords.kind())) push(keywords, depth, "keywords **");
}

void Explainer::push_changes(const Item& item) {
  const auto [first, last] = changes_.equal_range(item.value.bits);
  std::vector<Use> uses;
  for (auto at = first; at != last; ++at) uses.push_back(at->second);
  std::sort(uses.begin(), uses.end(), [](const Use& a, const Use& b) { return a.offset < b.offset; });
  for (const Use& use : uses) {
    push(use.arguments, item.depth + 1,
         (use.how == How::kBuilt ? "state, " : "filled, ") + place(use.offset) + ", with ");
  }
}

}  // namespace

Explanation explain(BytesView bytes, std::size_t begin, const ExplainOptions& options) {
  Explainer explainer(bytes, options);
  Heap heap(bytes);
  Explanation explanation;
  explanation.outcome = interpret_in_full(bytes, begin, heap, explainer);
  explanation.lines = explainer.lines(explanation.outcome, heap);
  return explanation;
}

}  // namespace sallyport::formats::pickle
