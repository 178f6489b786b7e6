// export-edge-operator-payload: a package for a device that carries more than builtin operators.
//
// TFLite's flatbuffers are verified table by table, TorchScript's source is held to a permitted call set;
// what no structure refers to is refused, because it is there for somebody else.
#include "core/guard.h"
#include "formats/inspect/inspect.h"

namespace sallyport::production::model_export {
namespace {

Result<Examination> check(const FileSubject& file, const Parameters&) {
  return formats::inspect::examine(file, formats::inspect::Topic::kOperator);
}

}  // namespace

extern const Guard edge_operator_payload;
const Guard edge_operator_payload{
    .id = "edge_operator_payload",
    .threats = {"export-edge-operator-payload"},
    .summary = "a device package with custom operators, script calls, bad offsets or unreferenced data",
    .looks_for =
        "TFLite operators outside the builtin table, Flex operators that are not pure, offsets outside the "
        "file, bytes that no table refers to, and calls of TorchScript source outside the permitted set",
    .file = check};

}  // namespace sallyport::production::model_export
