// Artifacts: a path to each blob, and who may put, read and remove what is below it.
//
//   EXPERIMENT/RUN/artifacts/...            of a run
//   EXPERIMENT/models/MODEL/artifacts/...   of a logged model
//   versions/NAME/NUMBER/...                of a registered version: read-only, its bytes as they were sealed
//
// What was registered is write-once: a path at or below a seal takes no more changes. For the thread of the
// call.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "services/tracking/call.h"
#include "services/tracking/entities.h"

namespace sallyport::services::tracking {

inline constexpr std::string_view kArtifactRoute = "/api/2.0/mlflow-artifacts/artifacts";

Result<http::Answer> list_artifacts(Call& call, const std::string& path);
Result<http::Answer> get_artifact(Call& call, const std::string& path);
Result<http::Answer> delete_artifacts(Call& call, const std::string& path);
// Leave is asked for here, before the first byte is taken, and again when the last one has arrived.
Result<std::unique_ptr<Upload>> begin_artifact(Call& call, const std::string& path);
Result<http::Answer> finish_artifact(Call& call, const std::string& path, Upload& upload);

// The files below `prefix`, with their paths relative to it.
Result<trust::Manifest> manifest_below(Session& session, const std::string& prefix);
// From now on nothing at or below `prefix` changes.
Result<void> seal_prefix(Session& session, const std::string& prefix, const std::string& reason);

}  // namespace sallyport::services::tracking
