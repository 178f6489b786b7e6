// export-prompt-config-tamper: what formats a prompt decides what the model is told.
//
// Templates are parsed as Jinja, wherever they lie (GGUF keys, tokenizer configurations, files of their own),
// and held against what chat templates use; settings of generation and tokenizers against what samplers and
// normalisers take. An instruction that is there for every message is not told from an honest system prompt:
// that is for the signature over the bundle.
#include "core/guard.h"
#include "formats/inspect/inspect.h"

namespace sallyport::production::model_export {
namespace {

Result<Examination> check(const FileSubject& file, const Parameters&) {
  return formats::inspect::examine(file, formats::inspect::Topic::kTemplate);
}

}  // namespace

extern const Guard prompt_config;
const Guard prompt_config{
    .id = "prompt_config",
    .threats = {"export-prompt-config-tamper"},
    .summary = "a chat template or generation setting that does more than format and sample",
    .looks_for =
        "ways out of the template's sandbox, names that no chat template uses, instructions that "
        "wait for a word, hidden characters and addresses in templates; settings out of range, "
        "tokenizers that rewrite words",
    .file = check};

}  // namespace sallyport::production::model_export
