// Programs of torch.export: a graph as JSON, in an archive of its own (.pt2) or alone.
//
// The loader resolves each node's target from the modules torch, operator and math, attribute by attribute,
// so that a name may reach anything that those import; sizes are texts that SymPy evaluates, and guards are
// lines of Python. Targets are held to PyTorch's own operators and to arithmetic, expressions to calls of
// SymPy's classes on plain names and numbers, guards to comparisons. Sources: torch/export and
// torch/_export/serde of PyTorch 2.15.
#include <algorithm>
#include <array>
#include <optional>

#include "core/json.h"
#include "formats/inspect/inspect.h"
#include "formats/pickle_policy.h"
#include "formats/python.h"
#include "formats/torch_operators.h"
#include "formats/utf8.h"

namespace sallyport::formats::inspect {
namespace {

constexpr std::string_view kRemedy =
    "export the model again with built-in operators alone, or load its weights only";
constexpr std::array<std::string_view, 29> kArithmetic{
    "add", "sub",    "mul",    "truediv", "floordiv", "mod",    "pow",   "neg",   "pos",     "abs",
    "eq",  "ne",     "lt",     "le",      "gt",       "ge",     "and_",  "or_",   "xor",     "not_",
    "inv", "invert", "lshift", "rshift",  "getitem",  "matmul", "index", "truth", "contains"};
constexpr std::array<std::string_view, 12> kFunctions{"floor", "ceiling", "sqrt", "exp", "log", "sin",
                                                      "cos",   "tan",     "abs",  "min", "max", "sign"};
constexpr std::array<std::string_view, 8> kGuards{"len",   "isinstance", "type", "int",
                                                  "float", "bool",       "hash", "id"};

template <std::size_t kCount>
bool is_one_of(const std::array<std::string_view, kCount>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}
bool is_name_part(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Graphs of this kind stand below a member of this name.
constexpr std::string_view kGraph = "\"graph_module\"";

bool plausible(const Layer& layer) {
  const std::string_view text = as_text(layer.bytes);
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return layer.role != Role::kTyped && first != text.npos && text[first] == '{' &&
         text.find(kGraph) != text.npos;
}

class Judge {
 public:
  explicit Judge(Probe& probe) : probe_(probe), text_(as_text(probe.bytes())) {}

  void run() {
    const Result<Json> read = parse_json(text_);
    if (!read) {
      return probe_.unread(0, text_.size(), "an exported program: " + printable(read.error().message));
    }
    std::vector<const Json*> open{&*read};
    while (!open.empty()) {
      const Json& node = *open.back();
      open.pop_back();
      if (node.is_object()) object(node);
      for (const Json& child : node) {
        if (child.is_structured()) open.push_back(&child);
      }
    }
  }

 private:
  void say(std::string rule, Severity severity, std::string_view text, std::string message) {
    constexpr std::size_t kSearchesMax = 64;  // each goes through the whole text
    const std::size_t at = searches_++ < kSearchesMax ? text_.find(text) : text_.npos;
    probe_.observe({.topic = Topic::kOperator,
                    .rule = std::move(rule),
                    .severity = severity,
                    .offset = at == text_.npos ? 0 : at,
                    .length = at == text_.npos ? 0 : text.size(),
                    .message = std::move(message),
                    .remedy = std::string(kRemedy)});
  }

  void object(const Json& node) {
    for (const auto& [name, value] : node.items()) {
      if (name == "guards_code" && value.is_array()) guards(value);
      if (!value.is_string()) continue;
      const std::string& text = value.get_ref<const std::string&>();
      if (name == "target" && node.contains("inputs")) target(text);
      if (name == "expr_str") expression(text);
      if (name == "class_fqn") custom_class(text);
    }
  }

  void target(std::string_view name) {
    constexpr std::string_view kOperators = "torch.ops.", kOperator = "_operator.", kMath = "math.",
                               kSymbolic = "torch.sym_";
    if (name.starts_with(kOperators)) return tensor_operator(name, name.substr(kOperators.size()));
    if (name.starts_with(kOperator) && is_one_of(kArithmetic, name.substr(kOperator.size()))) return;
    const bool plain = std::ranges::all_of(name, is_name_part_or_dot);
    if (name.starts_with(kMath) && plain && name.find('.', kMath.size()) == name.npos) return;
    if (name.starts_with(kSymbolic) && plain && name.find('.', kSymbolic.size()) == name.npos) return;
    const std::size_t dot = name.rfind('.');
    std::string_view module = name.substr(0, dot == name.npos ? 0 : dot);
    if (module.starts_with("torch.")) module.remove_prefix(6);
    const std::string_view danger = pickle::danger_of(
        {.module = std::string(module), .name = std::string(dot == name.npos ? name : name.substr(dot + 1))});
    say("exported-program-call", danger.empty() ? Severity::kHigh : Severity::kCritical, name,
        "running the program would call " + shown(std::string(name)) + ", which " +
            (danger.empty() ? "is no operator that is known" : std::string(danger)));
  }

  void tensor_operator(std::string_view whole, std::string_view rest) {
    using torch_operators::Standing;
    const std::size_t dot = std::min(rest.find('.'), rest.size());
    const std::string_view name = rest.substr(std::min(dot + 1, rest.size()));
    const Standing standing =
        torch_operators::standing_of(rest.substr(0, dot), name.substr(0, name.find('.')));
    if (standing == Standing::kPlain) return;
    say(standing == Standing::kCustom ? "exported-program-custom-operator" : "exported-program-file-operator",
        standing == Standing::kTouchesFiles ? Severity::kCritical : Severity::kHigh, whole,
        "running the program would call " + shown(std::string(whole)) + ", which " +
            std::string(torch_operators::reason(standing)));
  }

  static bool is_name_part_or_dot(char c) { return is_name_part(c) || c == '.'; }

  void custom_class(const std::string& text) {
    say("exported-program-custom-class", Severity::kHigh, text,
        "loading the program would make " + shown(text) + ", which is a class of a native library");
  }

  // Why evaluating the text would do more than arithmetic; nothing when it would not.
  static std::optional<std::string> beyond_arithmetic(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
      const char c = text[at];
      if (c == '\'') {
        const std::size_t end = text.find('\'', at + 1);
        const std::string_view inner = text.substr(at + 1, end == text.npos ? text.npos : end - at - 1);
        if (end == text.npos || !std::ranges::all_of(inner, is_name_part)) {
          return "holds a text that is no name";
        }
        at = end + 1;
      } else if (is_name_part(c)) {
        std::size_t end = at;
        while (end < text.size() && is_name_part(text[end])) ++end;
        const std::string_view word = text.substr(at, end - at);
        if (word.find("__") != word.npos || word == "lambda") return "names " + printable(word, 60);
        const bool called = end < text.size() && text[end] == '(';
        const bool is_class = c >= 'A' && c <= 'Z';
        if (called && !is_class && !is_one_of(kFunctions, word)) return "calls " + printable(word, 60);
        at = end;
      } else {
        const bool reaches = c == '.' && at + 1 < text.size() && is_name_part(text[at + 1]) &&
                             !(text[at + 1] >= '0' && text[at + 1] <= '9');
        if (reaches || std::string_view("+-*/%()<>=!&|~^,. ").find(c) == std::string_view::npos) {
          return "holds '" + printable(text.substr(at, 1)) + "'";
        }
        ++at;
      }
    }
    return std::nullopt;
  }

  void expression(const std::string& text) {
    const std::optional<std::string> why = beyond_arithmetic(text);
    if (!why) return;
    say("exported-program-expression", Severity::kCritical, text.substr(0, 60),
        "loading the program would evaluate " + shown(text) + " as Python, which " + *why);
  }

  void guards(const Json& lines) {
    for (const Json& line : lines) {
      if (!line.is_string()) continue;
      const std::string& text = line.get_ref<const std::string&>();
      std::string why;
      if (text.find("__") != text.npos) why = "reaches for Python's own attributes";
      for (const python::Call& call : python::calls(python::tokenize(text))) {
        const std::string_view callee = call.callee;
        const bool harmless = is_one_of(kGuards, callee) || callee.ends_with(".size") ||
                              callee.ends_with(".stride") || callee.ends_with(".storage_offset") ||
                              callee == "torch._check" || callee.starts_with("math.");
        if (call.only_named || !harmless) why = "calls " + printable(callee, 60);
      }
      if (why.empty()) continue;
      say("exported-program-guard", Severity::kCritical, text.substr(0, 60),
          "running the program would run the guard " + shown(text) + ", which " + why);
    }
  }

  Probe& probe_;
  std::string_view text_;
  std::size_t searches_ = 0;
};

void inspect_exported(Probe& probe) { Judge(probe).run(); }

}  // namespace

extern const Inspector exported_inspector;
const Inspector exported_inspector{.id = "exported", .plausible = plausible, .inspect = inspect_exported};

}  // namespace sallyport::formats::inspect
