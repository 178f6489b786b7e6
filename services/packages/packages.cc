#include "services/packages/packages.h"

#include <algorithm>
#include <map>
#include <optional>

#include "core/limits/packages.h"
#include "core/mapping.h"
#include "formats/hash_lock.h"
#include "formats/wheel.h"

namespace sallyport::services::packages {
namespace {

namespace fs = std::filesystem;
using formats::HashLocked;

// The wheels of the folder by name and version, with their digests.
Result<std::multimap<std::pair<std::string, std::string>, fs::path>> wheels_in(Env& env,
                                                                               const fs::path& folder) {
  std::multimap<std::pair<std::string, std::string>, fs::path> out;
  for (const std::string& name : TRY(env.list(folder))) {
    const auto parsed = formats::parse_wheel_name(name);
    if (parsed) out.emplace(std::pair(parsed->name, parsed->version), folder / name);
  }
  return out;
}

class Layout {
 public:
  Layout(Env& env, fs::path target) : env_(env), target_(std::move(target)) {}

  Result<void> add(const HashLocked& package, const fs::path& path) {
    const Mapping mapping = TRY(Mapping::open(path));
    const Digest digest = sha256(mapping.bytes());
    // What is unpacked is what was hashed: the mapping tells when the file changes beneath it.
    if (std::find(package.digests.begin(), package.digests.end(), digest) == package.digests.end()) {
      return fail(ErrorKind::kDenied,
                  path.filename().string() + ": sha256:" + digest.brief() + "... is none of the bytes that " +
                      package.name + " is locked to",
                  "find out who changed it; a new release enters the lock by review");
    }
    Result<std::vector<formats::WheelFile>> files = formats::read_wheel(mapping.bytes());
    if (!files) {
      return fail(ErrorKind::kDenied, path.filename().string() + ": " + files.error().message,
                  files.error().hint);
    }
    for (const formats::WheelFile& file : *files) {
      if (formats::runs_at_start(file.path) || formats::is_compiled_python(file.path)) continue;
      const auto [known, fresh] = files_.emplace(file.path, file.digest);
      if (!fresh) {
        return fail(ErrorKind::kDenied,
                    path.filename().string() + ": " + file.path + " is another package's file too");
      }
      const fs::path place = target_ / "site" / file.path;
      TRY(env_.make_directories(place.parent_path()));
      TRY(env_.write_new(place, file.bytes, 0644));
    }
    return {};
  }

  Result<Digest> finish() {
    Json list = Json::object();
    for (const auto& [path, digest] : files_) list[path] = digest.hex();
    const std::string text = canonical(list);
    TRY(env_.make_directories(target_ / "site"));
    TRY(env_.make_directories(target_ / "check"));
    TRY(env_.write_new(target_ / "check/files.json", as_bytes(text), 0644));
    TRY(env_.write_new(target_ / "check/sitecustomize.py", as_bytes(import_check()), 0644));
    return sha256(text);
  }

  std::size_t files() const { return files_.size(); }

 private:
  Env& env_;
  fs::path target_;
  std::map<std::string, Digest> files_;
};

// The one wheel for the package: that whose bytes are locked; else any, so that it is told what is wrong with
// it.
Result<std::optional<fs::path>> wheel_of(const HashLocked& package, auto begin, auto end) {
  std::optional<fs::path> locked;
  for (auto at = begin; at != end; ++at) {
    const Mapping mapping = TRY(Mapping::open(at->second));
    const Digest digest = sha256(mapping.bytes());
    if (std::find(package.digests.begin(), package.digests.end(), digest) == package.digests.end()) continue;
    if (locked) {
      return fail(ErrorKind::kInvalid,
                  package.name + ": two wheels are locked and lie there: " + locked->filename().string() +
                      " and " + at->second.filename().string(),
                  "leave the one for this platform");
    }
    locked = at->second;
  }
  if (!locked && begin != end) return std::optional(begin->second);
  return locked;
}

}  // namespace

Json to_json(const LaidOut& laid) {
  return {{"packages", laid.packages},
          {"files", laid.files},
          {"lock", laid.lock.hex()},
          {"tree", laid.tree.hex()}};
}

Result<LaidOut> lay_out(Env& env, const fs::path& lock, const fs::path& wheels, const fs::path& target) {
  const Bytes text = TRY(env.read_file(lock, limits::kHashLockBytesMax));
  Result<std::vector<HashLocked>> locked = formats::read_hash_lock(as_text(text));
  if (!locked) return within(lock.filename().string(), locked.error());
  const auto found = TRY(wheels_in(env, wheels));
  Layout layout(env, target);
  LaidOut out{.lock = sha256(text)};
  for (const HashLocked& package : *locked) {
    const auto [begin, end] = found.equal_range(std::pair(package.name, package.version));
    const std::optional<fs::path> wheel = TRY(wheel_of(package, begin, end));
    if (!wheel && package.conditional) continue;
    if (!wheel) {
      return fail(ErrorKind::kNotFound,
                  package.name + " " + package.version + ": no wheel in " + wheels.string(),
                  "pip download --require-hashes --only-binary :all: -r " + lock.filename().string() +
                      " -d " + wheels.filename().string());
    }
    TRY(layout.add(package, *wheel));
    ++out.packages;
  }
  out.tree = TRY(layout.finish());
  out.files = layout.files();
  return out;
}

std::vector<std::pair<std::string, std::string>> environment() {
  const std::string inside(kInside);
  return {{"PYTHONPATH", inside + "/check:" + inside + "/site"},
          {"PYTHONNOUSERSITE", "1"},
          {"PYTHONDONTWRITEBYTECODE", "1"}};
}

}  // namespace sallyport::services::packages
