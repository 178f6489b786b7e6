// An archive of torch.package: pickles, and the Python modules that its importer runs when they are loaded.
// Internal to formats/inspect.
#pragma once

#include "formats/inspect/inspect.h"
#include "formats/zip.h"

namespace sallyport::formats::inspect {

void judge_torch_package(Probe& probe, const zip::Archive& archive);

}  // namespace sallyport::formats::inspect
