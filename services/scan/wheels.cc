#include "services/scan/wheels.h"

#include "core/limits/packages.h"

namespace sallyport::services::scan {

Result<std::vector<RepositoryFile>> read_wheels(Env& env, const fs::path& folder) {
  std::vector<RepositoryFile> out;
  bool any = false;
  for (const std::string side : {"accepted", "proposed"}) {
    if (!env.exists(folder / side)) continue;
    any = true;
    for (const std::string& name : TRY(env.list(folder / side))) {
      if (!name.ends_with(".whl")) continue;
      out.push_back({.path = ".sallyport/packages/" + side + "/" + name,
                     .bytes = TRY(env.read_file(folder / side / name, limits::kWheelBytesMax))});
    }
  }
  if (any) return out;
  return fail(ErrorKind::kNotFound, folder.string() + ": holds neither accepted/ nor proposed/",
              "put the wheels of today's lock in the one, those of the change in the other");
}

}  // namespace sallyport::services::scan
