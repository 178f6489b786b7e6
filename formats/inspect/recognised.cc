// Formats that are known by their mark and not read: the verdict says what the file is and that nobody could
// tell what it holds. ExecuTorch programs (a flatbuffer with the identifier ET12) and Core ML models (a
// protobuf whose first field is the version of the specification and whose second describes the model), and
// R's objects.
#include <string>
#include <string_view>

#include "formats/inspect/inspect.h"

namespace sallyport::formats::inspect {
namespace {

using namespace std::string_view_literals;

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

// R's objects: the letter of the encoding and a line end, then the version 2 or 3; RData has a line of its
// own before. They may hold promises, which are evaluated when the object is looked at.
bool is_r_object(BytesView bytes) {
  const std::string_view text = as_text(bytes);
  return text.starts_with("X\n\0\0\0\2"sv) || text.starts_with("X\n\0\0\0\3"sv) ||
         text.starts_with("RDX2\n") || text.starts_with("RDX3\n") || text.starts_with("RDA2\n") ||
         text.starts_with("RDA3\n");
}

bool plausible(const Layer& layer) {
  return layer.role != Role::kTyped &&
         (is_executorch(layer.bytes) || is_core_ml(layer) || is_r_object(layer.bytes));
}

void inspect_recognised(Probe& probe) {
  const bool r = is_r_object(probe.bytes());
  const bool executorch = is_executorch(probe.bytes());
  probe.claim(r ? "r-object" : executorch ? "executorch" : "core-ml");
  const std::string_view what = r            ? "an R object, which may hold code"
                                : executorch ? "an ExecuTorch program"
                                             : "a Core ML model";
  probe.unread(0, probe.bytes().size(), std::string(what) + ", which is recognised and not read");
}

}  // namespace

extern const Inspector recognised_inspector;
const Inspector recognised_inspector{
    .id = "recognised", .plausible = plausible, .inspect = inspect_recognised};

}  // namespace sallyport::formats::inspect
