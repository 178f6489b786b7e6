// export-loader-bug: a malformed model file trips the code that loads it.
//
// Strict readers stand in front of the loaders: every count, extent and offset is held against the file, and
// what different loaders would read differently is refused.
#include "core/guard.h"
#include "formats/inspect/inspect.h"

namespace sallyport::production::model_export {
namespace {

Result<Examination> check(const FileSubject& file, const Parameters&) {
  return formats::inspect::examine(file, formats::inspect::Topic::kStructure);
}

}  // namespace

extern const Guard loader_bug;
const Guard loader_bug{
    .id = "loader_bug",
    .threats = {"export-loader-bug"},
    .summary = "a model file whose tables lie about its bytes, or that loaders read differently",
    .looks_for =
        "counts, extents and offsets that overflow, overlap or leave the file, bytes that belong to "
        "nothing, names that stand twice, and files of two formats, in every layer that is parsed",
    .file = check};

}  // namespace sallyport::production::model_export
