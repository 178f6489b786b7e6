// What stands beside an exported model: label map, preprocessing, golden samples, bill of materials, the
// description of the data, and bundle.json, which binds them all. Internal to services/pipeline.
#pragma once

#include "services/pipeline/context.h"

namespace sallyport::services::pipeline {

// Completes out()/exported after its step has ended. What the step left out is written from the trained
// network; a label map, a preprocessing or golden samples that it did write must be the network's, or the
// export is refused (kDenied). bundle.json is the runner's alone.
Result<void> pack_export(StageContext& context);

}  // namespace sallyport::services::pipeline
