#include "trust/publish.h"

#include <array>
#include <set>

namespace sallyport::trust {
namespace {

fs::path temporary_of(Env& env, const fs::path& path) {
  std::array<std::uint8_t, 8> salt{};
  env.random(salt);
  return path.parent_path() / ("." + path.filename().string() + "." + to_hex(salt) + ".tmp");
}

class Publication {
 public:
  explicit Publication(Env& env) : env_(env) {}

  Result<void> run(std::span<const PendingFile> files, const PendingFile& last) {
    for (const PendingFile& file : files) TRY(write(file));
    TRY(write(last));
    TRY(env_.sync_files(temporaries_));
    for (std::size_t i = 0; i < files.size(); ++i) TRY(env_.rename(temporaries_[i], files[i].path));
    const std::vector<fs::path> directories(touched_.begin(), touched_.end());
    TRY(env_.sync_directories(directories));
    TRY(env_.rename(temporaries_.back(), last.path));
    return env_.sync_directory(last.path.parent_path());
  }
  // Best effort: what is left is only in the way.
  void clean_up() {
    for (const fs::path& temporary : temporaries_) std::ignore = env_.remove(temporary);
  }

 private:
  Result<void> write(const PendingFile& file) {
    const fs::path folder = file.path.parent_path();
    for (fs::path at = folder; !env_.exists(at) && at != at.parent_path(); at = at.parent_path())
      touched_.insert(at.parent_path());
    if (!env_.exists(folder)) TRY(env_.make_directories(folder));
    touched_.insert(folder);
    temporaries_.push_back(temporary_of(env_, file.path));
    return env_.write_new(temporaries_.back(), file.bytes, file.mode);
  }

  Env& env_;
  std::vector<fs::path> temporaries_;
  std::set<fs::path> touched_;
};

}  // namespace

Result<void> publish(Env& env, std::span<const PendingFile> files, const PendingFile& last) {
  Publication publication(env);
  Result<void> done = publication.run(files, last);
  if (!done) publication.clean_up();
  return done;
}

}  // namespace sallyport::trust
