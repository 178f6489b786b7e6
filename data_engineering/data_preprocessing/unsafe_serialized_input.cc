// prep-pipeline-code-exec: what preprocessing reads runs code. A pickle names callables, a YAML document
// names objects to construct, a notebook cell evaluates what a file says.
//
// Pickles and YAML tags are held to what is allowed. Notebooks are code and do what they please, so only what
// turns data into code is refused there; what the sandbox denies them is not judged here.
#include "core/guard.h"
#include "formats/inspect/inspect.h"

namespace sallyport::data_engineering::data_preprocessing {
namespace {

Result<Examination> check(const FileSubject& file, const Parameters&) {
  return formats::inspect::examine(file, formats::inspect::Topic::kCode);
}

}  // namespace

extern const Guard unsafe_serialized_input;
const Guard unsafe_serialized_input{
    .id = "unsafe_serialized_input",
    .threats = {"prep-pipeline-code-exec"},
    .summary = "an input that runs code when preprocessing reads it: a pickle, a YAML tag, a notebook cell",
    .looks_for =
        "pickle globals outside the table of allowed ones; YAML tags beyond YAML's own types; in notebook "
        "cells "
        "eval, exec, imports and commands of what is no constant, and loaders of arbitrary objects; code "
        "that "
        "reaches eval by another name than its own, an import's alias or builtins is missed",
    .file = check};

}  // namespace sallyport::data_engineering::data_preprocessing
