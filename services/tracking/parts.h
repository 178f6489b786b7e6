// What the handlers of the server work with: built once by the Service, shared by all calls.
//
// Each part says itself which threads may use it; all of them any.
#pragma once

#include "core/policy.h"
#include "services/tracking/access.h"
#include "services/tracking/blobs.h"
#include "services/tracking/notary.h"
#include "services/tracking/store.h"

namespace sallyport::services::tracking {

class Gatekeeper;

struct Parts {
  Env& env;
  Store& store;
  Access& access;
  Blobs& blobs;
  Notary& notary;
  Gatekeeper& gatekeeper;
  const Policy& policy;
};

}  // namespace sallyport::services::tracking
