#include "services/tools.h"

namespace sallyport::services {
namespace {

namespace fs = std::filesystem;

Result<fs::path> own_folder() {
  std::error_code code;
  const fs::path path = fs::read_symlink("/proc/self/exe", code);
  if (code) return fail(ErrorKind::kIo, "cannot find this executable: " + code.message());
  return path.parent_path();
}

}  // namespace

Result<fs::path> tool(const std::string& name) {
  const fs::path path = TRY(own_folder()) / name;
  std::error_code code;
  if (fs::exists(path, code)) return path;
  return fail(ErrorKind::kNotFound, path.string() + ": is not there",
              "build it with ./dev build; `sallyport doctor` says what still works without it");
}

Result<std::vector<sandbox::Bind>> tool_binds() {
  const fs::path folder = TRY(own_folder());
  std::vector<sandbox::Bind> out{{.host = folder, .inside = folder.string()}};
  std::error_code code;
  // The engines that are not Debian's stand under one folder, which the workers' run paths name.
  const fs::path engines(SALLYPORT_ENGINES);
  if (fs::exists(engines, code)) out.push_back({.host = engines, .inside = engines.string()});
  return out;
}

}  // namespace sallyport::services
