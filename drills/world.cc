#include "drills/drill.h"

namespace sallyport::drills {
namespace {

// A drill writes only below its own root, whatever path it was talked into.
Result<fs::path> inside(const fs::path& root, std::string_view path) {
  const fs::path relative = fs::path(path).lexically_normal();
  const bool leaves = relative.is_absolute() || relative.empty() || *relative.begin() == "..";
  if (leaves) return invalid("world: '" + std::string(path) + "' is not a path inside the drill's folder");
  return root / relative;
}

}  // namespace

Result<void> World::write(std::string_view path, BytesView bytes) {
  const fs::path target = TRY(inside(root_, path));
  Env& env = system_env();
  TRY(env.make_directories(target.parent_path()));
  if (env.exists(target)) TRY(env.remove(target));
  return env.write_new(target, bytes, 0644);
}

Result<Bytes> World::read(std::string_view path) const {
  return system_env().read_file(TRY(inside(root_, path)));
}

bool World::exists(std::string_view path) const {
  const auto target = inside(root_, path);
  return target && system_env().exists(*target);
}

}  // namespace sallyport::drills
