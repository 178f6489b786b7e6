// Compiled Python: nobody can read what it does, and importing or unmarshalling it is how it is run.
#include "formats/bytecode.h"

#include "formats/inspect/inspect.h"

namespace sallyport::formats::inspect {
namespace {

bool plausible(const Layer& layer) {
  return is_compiled_module(layer.bytes) || is_marshalled_code(layer.bytes);
}

void inspect_bytecode(Probe& probe) {
  const bool module = is_compiled_module(probe.bytes());
  // A block of numbers of known type may begin with anything at all.
  if (!module && probe.layer().role == Role::kTyped) return;
  probe.claim(module ? "python-bytecode" : "python-marshal");
  probe.account(0, probe.bytes().size());
  probe.observe({.topic = Topic::kCode,
                 .rule = "compiled-python",
                 .severity = module ? Severity::kMedium : Severity::kHigh,
                 .length = probe.bytes().size(),
                 .message = module ? "importing this compiled module runs code that cannot be read as source"
                                   : "holds a marshalled code object, which its loader would run",
                 .remedy = "ask the publisher for the source, or for a model that needs no code"});
}

}  // namespace

extern const Inspector bytecode_inspector;
const Inspector bytecode_inspector{.id = "bytecode", .plausible = plausible, .inspect = inspect_bytecode};

}  // namespace sallyport::formats::inspect
