// How the inference worker is confined: no files but its own libraries, no network, code only from its
// compiler.
#pragma once

#include "core/result.h"
#include "services/worker/worker_host.h"

namespace sallyport::services::server {

Result<worker::Plan> engine_plan();

}  // namespace sallyport::services::server
