// The code of a TorchScript archive, NAME/code/**.py: functions that torch.jit.load compiles and that run
// when the model is called.
//
// Its language has neither imports nor files of its own; what it does, it does through operators. So every
// call is held to what operators may be named: torch.* and ops.aten, ops.prim and their like, but those that
// touch files; constructors of the archive's own classes; methods of values; and a few builtins. Custom
// operators and classes come from native libraries that nobody here has seen.
#include <algorithm>
#include <array>
#include <set>

#include "formats/inspect/inspect.h"
#include "formats/python.h"
#include "formats/torch_operators.h"
#include "formats/utf8.h"

namespace sallyport::formats::inspect {
namespace {

constexpr std::string_view kRemedy =
    "export the model again with built-in operators alone, or load its weights only";

constexpr std::array<std::string_view, 29> kBuiltins{
    "annotate", "unchecked_cast", "uninitialized", "isinstance", "getattr", "setattr",   "hasattr", "int",
    "float",    "bool",           "str",           "complex",    "len",     "range",     "print",   "min",
    "max",      "abs",            "sum",           "round",      "sorted",  "zip",       "list",    "dict",
    "tuple",    "enumerate",      "ord",           "chr",        "fork"};

template <std::size_t kCount>
bool is_one_of(const std::array<std::string_view, kCount>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

struct Verdict {
  std::string_view rule = {};  // empty: nothing to say
  Severity severity = Severity::kHigh;
  std::string_view what = {};
};

Verdict judge_operator(std::string_view space, std::string_view name) {
  using torch_operators::Standing;
  const Standing standing = torch_operators::standing_of(space, name);
  const std::string_view what = torch_operators::reason(standing);
  switch (standing) {
    case Standing::kPlain: return {};
    case Standing::kTouchesFiles: return {"torchscript-file-operator", Severity::kCritical, what};
    case Standing::kReadsMedia: return {"torchscript-file-operator", Severity::kHigh, what};
    case Standing::kCustom: break;
  }
  return {"torchscript-custom-operator", Severity::kHigh, what};
}

// Names that the source itself defines: functions, classes, and short names for those of other files.
std::set<std::string_view> defined_in(const std::vector<python::Token>& tokens) {
  std::set<std::string_view> out;
  for (std::size_t i = 0; i + 2 < tokens.size(); ++i) {
    const std::string_view word = tokens[i].text;
    if ((word == "def" || word == "class") && tokens[i + 1].kind == python::TokenKind::kName) {
      out.insert(tokens[i + 1].text);
    }
    const bool names = tokens[i].kind == python::TokenKind::kName && tokens[i + 1].text == "=";
    if (names && tokens[i + 2].text.starts_with("__torch__")) out.insert(word);
  }
  return out;
}

Verdict judge_call(std::string_view callee) {
  const auto after = [&](std::string_view prefix) { return callee.substr(prefix.size()); };
  if (callee.starts_with("torch.classes.") || callee.starts_with("__torch__.torch.classes.")) {
    return {"torchscript-custom-class", Severity::kHigh, "is a class of a native library"};
  }
  for (const std::string_view prefix : {"torch.ops.", "ops."}) {
    if (!callee.starts_with(prefix)) continue;
    const std::string_view rest = after(prefix);
    const std::size_t dot = rest.find('.');
    return judge_operator(rest.substr(0, dot), dot == rest.npos ? "" : rest.substr(dot + 1));
  }
  if (callee.starts_with("torch.")) return judge_operator("aten", callee.substr(callee.rfind('.') + 1));
  // A method of a value, a class of the archive, or a function that is defined beside it.
  if (callee.starts_with('.') || callee.starts_with("self.") || callee.starts_with("__torch__.")) return {};
  if (callee.find('.') != callee.npos || is_one_of(kBuiltins, callee)) return {};
  return {"torchscript-unknown-call", Severity::kMedium, "is no operator that is known"};
}

bool plausible(const Layer& layer) {
  return layer.depth > 0 && layer.name.ends_with(".py") &&
         layer.path.find("code/__torch__") != std::string::npos;
}

void inspect_torchscript(Probe& probe) {
  const std::string_view source = as_text(probe.bytes());
  if (!is_utf8(source)) {
    probe.unread(0, source.size(), "TorchScript code that is no UTF-8");
    return;
  }
  const std::vector<python::Token> tokens = python::tokenize(source);
  const std::set<std::string_view> defined = defined_in(tokens);
  for (const python::Call& call : python::calls(tokens)) {
    if (defined.contains(call.callee)) continue;
    const Verdict verdict = call.only_named
                                ? Verdict{"torchscript-unknown-call", Severity::kHigh, "evaluates text"}
                                : judge_call(call.callee);
    if (verdict.rule.empty()) continue;
    probe.observe({.topic = Topic::kOperator,
                   .rule = std::string(verdict.rule),
                   .severity = verdict.severity,
                   .message = "line " + std::to_string(call.line) + ": running the model would call " +
                              printable(call.callee, 100) + ", which " + std::string(verdict.what),
                   .remedy = std::string(kRemedy)});
  }
}

}  // namespace

extern const Inspector torchscript_inspector;
const Inspector torchscript_inspector{
    .id = "torchscript", .plausible = plausible, .inspect = inspect_torchscript};

}  // namespace sallyport::formats::inspect
