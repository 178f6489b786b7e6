// What a client needs that believes no server: the registry's whole log, and the manifest of a version.
#include "services/tracking/registry.h"
#include "services/tracking/routes.h"

namespace sallyport::services::tracking {

// The log names every model, so it is for those who may read every model.
Result<Json> get_registry_log(Call& call) {
  TRY(call.require(Verb::kRead, {Kind::kModel, "*"}));
  return call.parts().notary.published();
}

Result<Json> get_version_manifest(Call& call) {
  return reading(call.store(), [&](Session& session) -> Result<Json> {
    const Version version = TRY(required_version(call, session, Verb::kRead));
    return Json{{"manifest", trust::serialize(TRY(ready_manifest(call, session, version.name())))}};
  });
}

}  // namespace sallyport::services::tracking
