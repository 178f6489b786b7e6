// export-archive-bomb: a small file that unpacks, nests or declares without end.
//
// The walk over the layers counts as it unpacks and stops early; what was declared is compared and never
// allocated. A ratio alone says nothing, because zeros pack well: it counts beyond limits::kExpansionFree.
#include "core/guard.h"
#include "formats/inspect/inspect.h"

namespace sallyport::production::model_export {
namespace {

Result<Examination> check(const FileSubject& file, const Parameters&) {
  return formats::inspect::examine(file, formats::inspect::Topic::kArchive);
}

}  // namespace

extern const Guard archive_bomb;
const Guard archive_bomb{
    .id = "archive_bomb",
    .threats = {"export-archive-bomb"},
    .summary = "a model file that expands, nests or declares until its loader has no memory or time left",
    .looks_for =
        "streams that unpack to more than 256 MiB at over 250 times their size, by themselves or together "
        "with what lies around them; more than 8 layers in one another; more than 200,000 members; members "
        "of a zip that share their bytes; array shapes whose product overflows",
    .file = check};

}  // namespace sallyport::production::model_export
