// export-deserialize-exec: loading a pickle runs whatever callable it names.
//
// The stream is interpreted over symbols and never unpickled. What it would import, call, construct or change
// is held against a table of exact globals, because a list of forbidden ones loses to the next gadget.
#include "core/guard.h"
#include "formats/inspect/inspect.h"

namespace sallyport::production::model_export {
namespace {

Result<Examination> check(const FileSubject& file, const Parameters&) {
  return formats::inspect::examine(file, formats::inspect::Topic::kCode);
}

}  // namespace

extern const Guard pickle_code_execution;
const Guard pickle_code_execution{
    .id = "pickle_code_execution",
    .threats = {"export-deserialize-exec"},
    .summary =
        "a model file that would import, call or change anything but known data types when it is loaded",
    .looks_for =
        "globals outside the table of allowed ones, and allowed ones with other arguments, in every pickle "
        "of "
        "the file: in zip, tar, 7z and compressed streams, in object arrays, one after another, behind "
        "joblib's arrays; rar archives, and 7z's that are encrypted or packed by BCJ2, PPMd or deflate64, "
        "are "
        "not opened and make the file one that could not be judged",
    .file = check};

}  // namespace sallyport::production::model_export
