// export-hidden-weight-logic: logic in a model file that answers a trigger; by structure, for known families.
//
// Behaviour (probe logits, deltas against the checkpoint, inversion of triggers) is not looked at here.
#include "core/guard.h"
#include "formats/inspect/inspect.h"

namespace sallyport::production::model_export {
namespace {

Result<Examination> check(const FileSubject& file, const Parameters&) {
  return formats::inspect::examine(file, formats::inspect::Topic::kLogic);
}

}  // namespace

extern const Guard hidden_weight_logic;
const Guard hidden_weight_logic{
    .id = "hidden_weight_logic",
    .threats = {"export-hidden-weight-logic"},
    .summary = "a model file whose structure answers a trigger of a known family",
    .looks_for =
        "comparisons of the input, its digest or chosen values with constants whose one bit chooses a result "
        "near an output of an ONNX graph; weights are not compared with a checkpoint, and behaviour is not "
        "probed",
    .file = check};

}  // namespace sallyport::production::model_export
