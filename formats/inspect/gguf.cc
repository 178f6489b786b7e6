// GGUF: tables and typed tensors; the chat templates in its keys are judged.
#include "formats/gguf.h"

#include "formats/inspect/inspect.h"
#include "formats/inspect/templates.h"

namespace sallyport::formats::inspect {
namespace {

constexpr std::uint32_t kString = 8;

bool plausible(const Layer& layer) { return is_gguf(layer.bytes); }

void inspect_gguf(Probe& probe) {
  probe.claim("gguf");
  const Gguf read = read_gguf(probe.bytes());
  for (const GgufValue& value : read.values) {
    if (value.type != kString) continue;
    if (value.key == "tokenizer.chat_template" || value.key.starts_with("tokenizer.chat_template.")) {
      judge_template(probe, value.text, std::string(value.key), value.offset, true);
    }
  }
  if (read.flaw) {
    probe.observe({.topic = Topic::kStructure,
                   .rule = read.flaw->rule,
                   .offset = read.flaw->offset,
                   .message = "a loader that believes the tables goes wrong: " + read.flaw->message,
                   .remedy = "ask the publisher for a file that ggml's own tools wrote"});
    probe.unread(read.flaw->offset, probe.bytes().size() - read.flaw->offset, read.flaw->message);
    return;
  }
  if (read.find("general.architecture") == nullptr) {
    probe.observe({.topic = Topic::kStructure,
                   .rule = "gguf-without-architecture",
                   .severity = Severity::kLow,
                   .message = "general.architecture is missing, so no loader knows what the tensors are"});
  }
  // The reader explains every byte: tables, tensors, and zeros that align them.
  probe.account(0, probe.bytes().size());
}

}  // namespace

extern const Inspector gguf_inspector;
const Inspector gguf_inspector{.id = "gguf", .plausible = plausible, .inspect = inspect_gguf};

}  // namespace sallyport::formats::inspect
