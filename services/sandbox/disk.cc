#include "services/sandbox/disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <string_view>
#include <utility>

#include "core/limits.h"
#include "services/sandbox/fd.h"

namespace sallyport::services::sandbox::detail {
namespace {

class Count {
 public:
  explicit Count(std::uint64_t enough) : enough_(enough) {}

  std::uint64_t bytes() const { return bytes_; }
  bool full() const { return bytes_ > enough_; }

  void add(const std::filesystem::path& top) {
    struct stat status {};
    if (::lstat(top.c_str(), &status) != 0) return;
    note(status);
    if (!S_ISDIR(status.st_mode)) return;
    const Fd root(::open(top.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    std::vector<std::filesystem::path> waiting{"."};
    while (root && !waiting.empty() && !full()) {
      const std::filesystem::path folder = std::move(waiting.back());
      waiting.pop_back();
      add_folder(root.get(), folder, waiting);
    }
  }

 private:
  // `folder` is relative to `root`, and no link on the way is followed: one that was put in the place of a
  // folder since it was listed leads nowhere.
  void add_folder(int root, const std::filesystem::path& folder,
                  std::vector<std::filesystem::path>& waiting) {
    open_how how{.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
                 .mode = 0,
                 .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    Fd fd(static_cast<int>(::syscall(SYS_openat2, root, folder.c_str(), &how, sizeof(how))));
    if (!fd) {
      // What was removed since it was listed holds nothing; what may not be read, or lies too deep, might.
      if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP) bytes_ = enough_ + 1;
      return;
    }
    DIR* const list = ::fdopendir(fd.get());
    if (list == nullptr) return;
    fd.release();
    while (const dirent* entry = ::readdir(list)) {
      const std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      struct stat status {};
      if (::fstatat(::dirfd(list), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
      note(status);
      if (S_ISDIR(status.st_mode)) waiting.push_back(folder / name);
      if (full()) break;
    }
    ::closedir(list);
  }

  void note(const struct stat& status) {
    if (++entries_ > limits::kManifestEntriesMax) bytes_ = enough_ + 1;
    if (!S_ISREG(status.st_mode)) return;
    if (status.st_nlink > 1 && !seen_.emplace(status.st_dev, status.st_ino).second) return;
    bytes_ += std::max(static_cast<std::uint64_t>(status.st_size),
                       static_cast<std::uint64_t>(status.st_blocks) * 512);
  }

  std::uint64_t enough_;
  std::uint64_t bytes_ = 0;
  std::size_t entries_ = 0;
  std::set<std::pair<dev_t, ino_t>> seen_;
};

}  // namespace

std::uint64_t bytes_under(const std::vector<std::filesystem::path>& folders, std::uint64_t enough) {
  Count count(enough);
  for (const std::filesystem::path& folder : folders) count.add(folder);
  return count.bytes();
}

}  // namespace sallyport::services::sandbox::detail
