#include "services/server/engine_plan.h"

#include "services/tools.h"

namespace sallyport::services::server {
namespace {

// A worker that serves for days must not be ended by a limit that is meant for a step.
constexpr double kForeverS = 1e9;

}  // namespace

Result<worker::Plan> engine_plan() {
  worker::Plan plan{.name = "sallyport-openvino", .confinement = {}};
  plan.confinement.command = {TRY(tool("sallyport-openvino")).string()};
  plan.confinement.environment = {{"PATH", "/usr/bin:/bin"}, {"LANG", "C.UTF-8"}, {"HOME", "/tmp"}};
  plan.confinement.binds = TRY(tool_binds());
  plan.confinement.executes = std::vector<std::string>{};
  plan.confinement.new_code = sandbox::NewCode::kInMemory;
  plan.confinement.limits.wall_s = kForeverS;
  plan.confinement.limits.cpu_s = kForeverS;
  return plan;
}

}  // namespace sallyport::services::server
