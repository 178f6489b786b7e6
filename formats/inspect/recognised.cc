// Formats that are known by their mark and not read: the verdict says what the file is and that nobody could
// tell what it holds. ExecuTorch programs (a flatbuffer with the identifier ET12) and Core ML models (a
// protobuf whose first field is the version of the specification and whose second describes the model).
#include <string_view>

#include "formats/inspect/inspect.h"

namespace sallyport::formats::inspect {
namespace {

bool is_executorch(BytesView bytes) {
  constexpr std::size_t kIdentifier = 4;
  return bytes.size() > 12 && as_text(bytes).substr(kIdentifier).starts_with("ET1") && bytes[7] >= '0' &&
         bytes[7] <= '9';
}

// Versions of the specification are small numbers; the description's length follows.
bool is_core_ml(const Layer& layer) {
  constexpr std::uint8_t kVersionField = 0x08, kDescriptionField = 0x12, kVersionsMax = 32;
  const BytesView bytes = layer.bytes;
  return layer.name.ends_with(".mlmodel") && bytes.size() > 4 && bytes[0] == kVersionField && bytes[1] > 0 &&
         bytes[1] < kVersionsMax && bytes[2] == kDescriptionField;
}

bool plausible(const Layer& layer) {
  return layer.role != Role::kTyped && (is_executorch(layer.bytes) || is_core_ml(layer));
}

void inspect_recognised(Probe& probe) {
  const bool executorch = is_executorch(probe.bytes());
  probe.claim(executorch ? "executorch" : "core-ml");
  probe.unread(0, probe.bytes().size(),
               executorch ? "an ExecuTorch program, which is recognised and not read"
                          : "a Core ML model, which is recognised and not read");
}

}  // namespace

extern const Inspector recognised_inspector;
const Inspector recognised_inspector{
    .id = "recognised", .plausible = plausible, .inspect = inspect_recognised};

}  // namespace sallyport::formats::inspect
