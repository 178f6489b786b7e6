// The bytecode of a TorchScript package for devices, NAME/bytecode.pkl: functions as tables of instructions,
// operators, constants and types.
//
// The pickle itself is judged like any other. What the functions do, they do through the operators that they
// name, "aten::add", and the types that they make; every text of the pickle is read as such a name, whatever
// table it stands in.
#include "formats/inspect/inspect.h"
#include "formats/pickle_opcodes.h"
#include "formats/torch_operators.h"
#include "formats/utf8.h"

namespace sallyport::formats::inspect {
namespace {

constexpr std::string_view kClasses = "__torch__.torch.classes.";

bool plausible(const Layer& layer) {
  return layer.depth > 0 && layer.name.ends_with("bytecode.pkl") && layer.role != Role::kTyped;
}

void say(Probe& probe, std::string rule, Severity severity, std::uint64_t offset, std::string message) {
  probe.observe({.topic = Topic::kOperator,
                 .rule = std::move(rule),
                 .severity = severity,
                 .offset = offset,
                 .message = std::move(message),
                 .remedy = "export the model again with built-in operators alone, or load its weights only"});
}

void judge_text(Probe& probe, std::string_view text, std::uint64_t offset) {
  using torch_operators::Standing;
  if (const std::size_t at = text.find(kClasses); at != text.npos) {
    return say(probe, "torchscript-custom-class", Severity::kHigh, offset,
               "running the model would make " + printable(text.substr(at), 100) +
                   ", which is a class of a native library");
  }
  const std::size_t colons = text.find("::");
  if (colons == text.npos || colons == 0 || text.find(' ') != text.npos) return;
  const Standing standing = torch_operators::standing_of(text.substr(0, colons), text.substr(colons + 2));
  if (standing == Standing::kPlain) return;
  say(probe, standing == Standing::kCustom ? "torchscript-custom-operator" : "torchscript-file-operator",
      standing == Standing::kTouchesFiles ? Severity::kCritical : Severity::kHigh, offset,
      "running the model would call " + printable(text, 100) + ", which " +
          std::string(torch_operators::reason(standing)));
}

void inspect_mobile(Probe& probe) {
  pickle::Op op;
  for (std::size_t at = 0; pickle::decode(probe.bytes(), at, op) == pickle::Decoded::kOk; at = op.end) {
    const pickle::Layout layout = pickle::kLayouts[op.code];
    const bool counted = layout == pickle::Layout::kSized1 || layout == pickle::Layout::kSized4 ||
                         layout == pickle::Layout::kSized8 || layout == pickle::Layout::kLine;
    if (counted) judge_text(probe, op.data, op.at);
  }
}

}  // namespace

extern const Inspector mobile_inspector;
const Inspector mobile_inspector{.id = "mobile", .plausible = plausible, .inspect = inspect_mobile};

}  // namespace sallyport::formats::inspect
