#include "drills/victims/python.h"

#include "services/sandbox/sandbox.h"

namespace sallyport::drills::victims {

Result<void> run_python(World& world, std::string_view script, const std::vector<std::string>& arguments) {
  namespace sandbox = services::sandbox;
  TRY(world.write("victim.py", script));
  sandbox::Confinement confinement;
  // Neither site packages nor the environment: the same interpreter on every host, started in little time.
  confinement.command = {"python3", "-I", "-S", "-B", "victim.py"};
  confinement.command.insert(confinement.command.end(), arguments.begin(), arguments.end());
  confinement.environment = {{"PATH", "/usr/bin:/bin"}, {"LC_ALL", "C.UTF-8"}};
  confinement.cwd = "/work";
  confinement.binds = {{.host = world.root(), .inside = "/work", .access = sandbox::Access::kWrite}};
  constexpr double kSecondsMax = 60;
  confinement.limits.wall_s = kSecondsMax;
  confinement.limits.cpu_s = kSecondsMax;
  confinement.limits.memory_bytes = 1ULL << 30U;
  confinement.limits.processes = 16;
  TRY(sandbox::run(confinement));
  return {};
}

}  // namespace sallyport::drills::victims
