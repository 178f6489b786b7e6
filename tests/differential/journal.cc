#include "tests/differential/journal.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

namespace sallyport::differential {
namespace {

using formats::pickle::Heap;
using formats::pickle::How;
using formats::pickle::Kind;
using formats::pickle::Use;
using formats::pickle::Value;

constexpr int kDepthMax = 3;

std::string hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    out.push_back(kDigits[static_cast<unsigned char>(c) >> 4]);
    out.push_back(kDigits[c & 15]);
  }
  return out;
}

// A name in one word.
std::string without_blanks(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (static_cast<unsigned char>(c) > ' ') {
      out.push_back(c);
    } else {
      out += "%" + hex(std::string_view(&c, 1));
    }
  }
  return out;
}

class Writer : public formats::pickle::Observer {
 public:
  Writer(BytesView bytes, std::vector<std::string>& events) : bytes_(bytes), events_(events) {}

  void on_use(const Use& use, const Heap& heap) override {
    meet(heap);
    switch (use.how) {
      case How::kImported:
        if (!is_known_extension(use, heap)) events_.push_back("import " + render(use.target, heap));
        break;
      case How::kCalled:
      case How::kConstructed:
        on_call(use, heap);
        break;
      case How::kBuilt:
        events_.push_back("build " + render(use.target, heap) + " " + render(use.arguments, heap));
        break;
      case How::kFilled:
        on_fill(use, heap);
        break;
    }
  }
  void on_persistent(Value persistent, const Heap& heap) override {
    meet(heap);
    events_.push_back("persistent " + render(heap.persistent_id(persistent), heap));
    names_.emplace(persistent.bits, "p" + std::to_string(asked_++));
  }

 private:
  // Another heap is another view of the bytes, which starts counting anew.
  void meet(const Heap& heap) {
    if (heap_ == &heap) return;
    heap_ = &heap;
    names_.clear();
    extensions_.clear();
    made_ = asked_ = 0;
  }
  std::uint8_t opcode(const Use& use) const { return bytes_[use.offset]; }

  // Loaders look an extension code up once and keep what they found.
  bool is_known_extension(const Use& use, const Heap& heap) {
    const std::uint8_t code = opcode(use);
    if (code < 0x82 || code > 0x84) return false;
    return !extensions_.insert(render(use.target, heap)).second;
  }

  void on_call(const Use& use, const Heap& heap) {
    // INST and OBJ without arguments only make an instance of a class.
    const bool old = opcode(use) == 'i' || opcode(use) == 'o';
    const std::string target = render(use.target, heap);
    const std::size_t dot = target.rfind('.');
    const bool is_class = target.starts_with("g:") && dot + 1 < target.size() && target[dot + 1] >= 'A' &&
                          target[dot + 1] <= 'Z';
    const bool made = old && is_class && heap.size(use.arguments) == 0;
    const std::string_view how = made || use.how == How::kConstructed ? "new " : "call ";
    const std::string keywords = use.keywords.kind() == Kind::kNone ? "{}" : render(use.keywords, heap);
    events_.push_back(std::string(how) + target + " " + render(use.arguments, heap) + " " + keywords);
    names_.emplace(use.result.bits, "o" + std::to_string(made_++));
  }

  // An event for each call of a method: extend takes all items, __setitem__ a pair, add one.
  void on_fill(const Use& use, const Heap& heap) {
    const std::uint8_t code = opcode(use);
    const bool many = code == 'e' || code == 0x90;
    const bool one = code == 'a' || (many && (use.arguments.kind() != Kind::kTuple ||
                                              heap.offset(use.arguments) != use.offset));
    std::vector<Value> items{use.arguments};
    if (!one) items.assign(heap.elements(use.arguments).begin(), heap.elements(use.arguments).end());
    const std::size_t step = code == 'a' || code == 'e' ? items.size() : code == 0x90 ? 1 : 2;
    for (std::size_t i = 0; i + step <= items.size(); i += step) {
      const std::span<const Value> part = std::span(items).subspan(i, step);
      events_.push_back("fill " + render(use.target, heap) + " " + join(part, heap, 0));
    }
  }

  std::string join(std::span<const Value> values, const Heap& heap, int depth) const {
    std::string out;
    for (const Value& value : values) {
      if (&value != values.data()) out += ",";
      out += render(value, heap, depth);
    }
    return out;
  }

  std::string render(Value value, const Heap& heap, int depth = 0) const {
    switch (value.kind()) {
      case Kind::kNone:
        return "N";
      case Kind::kBool:
        return heap.integer(value) == 1 ? "b1" : "b0";
      case Kind::kInt: {
        const std::optional<std::int64_t> number = heap.integer(value);
        return number ? "i" + std::to_string(*number) : "i?";
      }
      case Kind::kFloat:
        return "f";
      case Kind::kText:
        return "s" + hex(heap.text(value).value_or(""));
      case Kind::kBytes:
        return "y" + hex(heap.text(value).value_or(""));
      case Kind::kByteArray:
        return "a" + hex(heap.text(value).value_or(""));
      case Kind::kBuffer:
        return "m";
      case Kind::kGlobal:
        return "g:" + without_blanks(global(value, heap));
      case Kind::kObject:
      case Kind::kPersistent: {
        const auto name = names_.find(value.bits);
        return name == names_.end() ? "unknown" : name->second;
      }
      default:
        return depth == kDepthMax ? "?" : render_container(value, heap, depth + 1);
    }
  }

  static std::string global(Value value, const Heap& heap) {
    const formats::pickle::Global& global = heap.global(value);
    constexpr std::string_view kCode = "<extension registry, code ";
    if (global.module != "copyreg" || !global.name.starts_with(kCode)) return global.text();
    const std::string_view digits = std::string_view(global.name).substr(kCode.size());
    std::uint32_t code = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), code);
    for (const Extension& known : kExtensions) {
      if (known.code == code) return std::string(known.module) + "." + std::string(known.name);
    }
    return global.text();
  }

  std::string render_container(Value value, const Heap& heap, int depth) const {
    const std::span<const Value> elements = heap.elements(value);
    const bool sequence = value.kind() == Kind::kTuple || value.kind() == Kind::kList;
    if (sequence && heap.size(value) > elements.size()) return "#" + std::to_string(heap.size(value));
    if (value.kind() == Kind::kTuple) return "(" + join(elements, heap, depth) + ")";
    if (value.kind() == Kind::kList) return "[" + join(elements, heap, depth) + "]";
    if (value.kind() == Kind::kDict) return render_dict(elements, heap, depth);
    std::set<std::string> distinct;
    std::multiset<std::string> members;
    for (const Value element : elements) {
      if (distinct.insert(in_full(element, heap)).second) members.insert(render(element, heap, depth));
    }
    std::string out;
    for (const std::string& member : members) out += (out.empty() ? "" : ",") + member;
    return value.kind() == Kind::kSet ? "<" + out + ">" : "|<" + out + ">|";
  }

  // What can be a key is not deep and holds nothing that holds it.
  std::string in_full(Value key, const Heap& heap) const {
    constexpr int kDeep = -20;
    return render(key, heap, kDeep);
  }

  // A key that is set again keeps its place and takes the new value.
  std::string render_dict(std::span<const Value> elements, const Heap& heap, int depth) const {
    std::map<std::string, std::size_t> places;
    std::vector<std::pair<std::string, std::string>> pairs;
    for (std::size_t i = 0; i + 1 < elements.size(); i += 2) {
      const auto [place, is_new] = places.emplace(in_full(elements[i], heap), pairs.size());
      if (is_new) pairs.emplace_back(render(elements[i], heap, depth), "");
      pairs[place->second].second = render(elements[i + 1], heap, depth);
    }
    std::string out;
    for (const auto& [key, item] : pairs) out += (out.empty() ? "" : ",") + key + ":" + item;
    return "{" + out + "}";
  }

  BytesView bytes_;
  std::vector<std::string>& events_;
  const Heap* heap_ = nullptr;
  std::map<std::uint64_t, std::string> names_;
  std::set<std::string> extensions_;
  std::uint64_t made_ = 0;
  std::uint64_t asked_ = 0;
};

}  // namespace

Journal journal_of(BytesView bytes) {
  Journal journal;
  Writer writer(bytes, journal.events);
  journal.outcome = formats::pickle::interpret(bytes, 0, writer);
  return journal;
}

}  // namespace sallyport::differential
