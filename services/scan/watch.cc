#include "services/scan/watch.h"

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/limits.h"

namespace sallyport::services::scan {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kEvents =
    IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK;
// What is written in one go is reported in one go.
constexpr int kSettleMs = 50;

Error os_failure(const fs::path& path, std::string_view what) {
  Error out{ErrorKind::kIo, path.string() + ": cannot " + std::string(what) + ": " + std::strerror(errno)};
  if (errno == ENOSPC) out.hint = "raise fs.inotify.max_user_watches, or watch fewer folders";
  if (errno == ENOTDIR) out.hint = "name the folder that the file is in";
  return out;
}

}  // namespace

Watch::Watch(Watch&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      roots_(std::move(other.roots_)),
      folders_(std::move(other.folders_)) {}

Watch::~Watch() {
  if (fd_ >= 0) ::close(fd_);
}

Result<Watch> Watch::open(const std::vector<fs::path>& folders) {
  Watch out(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (out.fd_ < 0) return std::unexpected(os_failure("inotify", "start"));
  for (const fs::path& folder : folders) TRY(out.add(folder, nullptr));
  out.roots_ = folders;
  return out;
}

// The watch stands before the folder is listed, so that what appears meanwhile is seen by one or the other.
Result<void> Watch::add(const fs::path& root, std::vector<fs::path>* files) {
  std::vector<std::pair<fs::path, int>> left{{root, 0}};
  while (!left.empty()) {
    const auto [folder, depth] = std::move(left.back());
    left.pop_back();
    const int watch = ::inotify_add_watch(fd_, folder.c_str(), kEvents);
    if (watch < 0) {
      // A folder below that is gone again is no failure.
      if (depth > 0 && (errno == ENOENT || errno == ENOTDIR)) continue;
      return std::unexpected(os_failure(folder, "watch"));
    }
    folders_[watch] = folder;
    if (folders_.size() > limits::kManifestEntriesMax || depth >= limits::kDirectoryDepthMax) {
      return fail(ErrorKind::kLimit, folder.string() + ": too many folders, or too deep, to watch");
    }
    std::error_code failure;
    for (fs::directory_iterator at(folder, failure); !failure && at != fs::directory_iterator();
         at.increment(failure)) {
      const fs::file_status status = at->symlink_status(failure);
      if (fs::is_directory(status)) left.emplace_back(at->path(), depth + 1);
      if (files != nullptr && fs::is_regular_file(status)) files->push_back(at->path());
    }
  }
  return {};
}

Result<void> Watch::take_event(int watch, unsigned mask, const char* name, std::vector<fs::path>& files) {
  if ((mask & IN_Q_OVERFLOW) != 0) {
    for (const fs::path& root : roots_) TRY(add(root, &files));
    return {};
  }
  if ((mask & IN_IGNORED) != 0) {
    folders_.erase(watch);
    return {};
  }
  const auto folder = folders_.find(watch);
  if (folder == folders_.end() || name[0] == '\0') return {};
  const fs::path path = folder->second / name;
  if ((mask & IN_ISDIR) != 0) return add(path, &files);
  // A link has no contents of its own, and a file that was just created is not written yet.
  if ((mask & (IN_CLOSE_WRITE | IN_MOVED_TO)) != 0) files.push_back(path);
  return {};
}

Result<void> Watch::read_events(std::vector<fs::path>& files) {
  alignas(inotify_event) std::array<char, 64 * 1024> buffer;
  while (true) {
    const ssize_t got = ::read(fd_, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return {};
    if (got <= 0) return std::unexpected(os_failure("inotify", "read"));
    for (ssize_t at = 0; at < got;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
      TRY(take_event(event->wd, event->mask, event->len > 0 ? event->name : "", files));
      at += static_cast<ssize_t>(sizeof *event + event->len);
    }
  }
}

Result<std::vector<fs::path>> Watch::next(int timeout_ms) {
  std::vector<fs::path> files;
  pollfd waiting{.fd = fd_, .events = POLLIN, .revents = 0};
  int wait_ms = timeout_ms;
  while (::poll(&waiting, 1, wait_ms) > 0) {
    TRY(read_events(files));
    if (files.size() >= limits::kManifestEntriesMax) break;
    wait_ms = kSettleMs;
  }
  std::sort(files.begin(), files.end());
  files.erase(std::unique(files.begin(), files.end()), files.end());
  return files;
}

}  // namespace sallyport::services::scan
