#include "core/env.h"

#include <fcntl.h>
#include <openssl/rand.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <set>
#include <utility>

#include "core/mapping.h"
#include "core/parallel.h"

namespace sallyport {
namespace {

std::unexpected<Error> os_error(const fs::path& path, const char* action) {
  const int code = errno;
  const ErrorKind kind = code == ENOENT ? ErrorKind::kNotFound : ErrorKind::kIo;
  std::string hint;
  if (code == ENOSPC || code == EDQUOT) {
    hint = "free some space and run the command again; nothing was changed";
  }
  if (code == EROFS || code == EACCES || code == EPERM) hint = "check the permissions of the path";
  return fail(kind, path.string() + ": cannot " + action + ": " + std::strerror(code), hint);
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

Result<void> write_all(int fd, BytesView bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t done = ::write(fd, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return os_error(path, "write");
    bytes = bytes.subspan(static_cast<std::size_t>(done));
  }
  return {};
}

// O_NONBLOCK keeps a FIFO from hanging us before fstat can refuse it.
Result<int> open_regular(const fs::path& path, struct stat& status) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return os_error(path, "open");
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(fd);
    return invalid(path.string() + ": not a regular file");
  }
  return fd;
}

// Until `out` is full or the file ends.
Result<std::size_t> read_some(int fd, std::span<std::uint8_t> out, const fs::path& path) {
  std::size_t have = 0;
  while (have < out.size()) {
    const ssize_t got = ::read(fd, out.data() + have, out.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return os_error(path, "read");
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  return have;
}

class SystemInput final : public InputFile {
 public:
  SystemInput(int fd, fs::path path) : fd_(fd), path_(std::move(path)) {}
  Result<std::size_t> read(std::span<std::uint8_t> out) override { return read_some(fd_.get(), out, path_); }

 private:
  Descriptor fd_;
  fs::path path_;
};

class SystemOutput final : public OutputFile {
 public:
  SystemOutput(int fd, fs::path path) : fd_(fd), path_(std::move(path)) {}
  Result<void> write(BytesView bytes) override {
    TRY(write_all(fd_.get(), bytes, path_));
    size_ += bytes.size();
    // Where this fails, sync() does it all.
    if (sync_follows_ && size_ - begun_ >= kWriteBackBytes) {
      ::sync_file_range(fd_.get(), static_cast<off64_t>(begun_), static_cast<off64_t>(size_ - begun_),
                        SYNC_FILE_RANGE_WRITE);
      begun_ = size_;
    }
    return {};
  }
  Result<void> sync() override {
    if (::fsync(fd_.get()) != 0) return os_error(path_, "sync");
    return {};
  }
  void expect_sync() override { sync_follows_ = true; }

 private:
  static constexpr std::uint64_t kWriteBackBytes = 4 * limits::kMiB;

  Descriptor fd_;
  fs::path path_;
  std::uint64_t size_ = 0;
  std::uint64_t begun_ = 0;
  bool sync_follows_ = false;
};

// Closing the descriptor drops the lock.
class SystemLock final : public FileLock {
 public:
  explicit SystemLock(Descriptor fd) : fd_(std::move(fd)) {}

 private:
  Descriptor fd_;
};

constexpr std::size_t kDigestMappedMin = limits::kMiB;

Result<Env::FileDigest> digest_stream(int fd, const fs::path& path) {
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
  // 128 KiB stays in the second-level cache between the copy out of the page cache and the hash.
  Bytes buffer(128 * limits::kKiB);
  Hasher hasher;
  Env::FileDigest out;
  while (true) {
    const std::size_t got = TRY(read_some(fd, buffer, path));
    if (got == 0) break;
    hasher.add(BytesView(buffer).first(got));
    out.size += got;
  }
  out.digest = hasher.finish();
  return out;
}

class SystemEnv final : public Env {
 public:
  std::int64_t now_unix_s() override { return static_cast<std::int64_t>(std::time(nullptr)); }

  void random(std::span<std::uint8_t> out) override {
    SP_CHECK(RAND_bytes(out.data(), static_cast<int>(out.size())) == 1);
  }

  Result<Bytes> read_file(const fs::path& path, std::size_t bytes_max) override {
    struct stat status {};
    const Descriptor fd(TRY(open_regular(path, status)));
    const auto size = static_cast<std::size_t>(status.st_size);
    if (size > bytes_max) {
      return fail(ErrorKind::kLimit, path.string() + ": " + std::to_string(size) + " bytes, the limit is " +
                                         std::to_string(bytes_max));
    }
    Bytes out(size);
    if (TRY(read_some(fd.get(), out, path)) != size) {
      return fail(ErrorKind::kIo, path.string() + ": shrank while it was read");
    }
    return out;
  }

  Result<std::unique_ptr<InputFile>> open_input(const fs::path& path) override {
    struct stat status {};
    const int fd = TRY(open_regular(path, status));
    ::posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return std::make_unique<SystemInput>(fd, path);
  }

  Result<std::unique_ptr<OutputFile>> create_output(const fs::path& path, unsigned mode) override {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0) return os_error(path, "create");
    return std::make_unique<SystemOutput>(fd, path);
  }

  Result<FileStatus> status(const fs::path& path) override {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) return os_error(path, "look at");
    FileStatus out{.size = static_cast<std::uint64_t>(status.st_size), .mode = status.st_mode & 07777U};
    if (S_ISREG(status.st_mode)) out.kind = FileStatus::Kind::kFile;
    if (S_ISDIR(status.st_mode)) out.kind = FileStatus::Kind::kDirectory;
    if (S_ISLNK(status.st_mode)) out.kind = FileStatus::Kind::kSymlink;
    return out;
  }

  Result<std::unique_ptr<FileLock>> lock(const fs::path& path) override {
    Descriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
    if (fd.get() < 0) return os_error(path, "open");
    while (::flock(fd.get(), LOCK_EX) != 0) {
      if (errno != EINTR) return os_error(path, "lock");
    }
    return std::make_unique<SystemLock>(std::move(fd));
  }

  // A large file is mapped: the copy out of the page cache would cost an eighth of the time. If it moves
  // meanwhile, what a reader would get is asked for again by reading.
  Result<FileDigest> digest_file(const fs::path& path) override {
    struct stat status {};
    const Descriptor fd(TRY(open_regular(path, status)));
    if (static_cast<std::size_t>(status.st_size) >= kDigestMappedMin) {
      const Result<Mapping> mapping = Mapping::of(fd.get(), path);
      if (mapping) {
        const FileDigest out{.digest = sha256(mapping->bytes()), .size = mapping->bytes().size()};
        if (mapping->unchanged()) return out;
      }
    }
    return digest_stream(fd.get(), path);
  }

  Result<void> write_new(const fs::path& path, BytesView bytes, unsigned mode) override {
    const Descriptor fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (fd.get() < 0) return os_error(path, "create");
    return write_all(fd.get(), bytes, path);
  }

  Result<void> append(const fs::path& path, BytesView bytes) override {
    const Descriptor fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    if (fd.get() < 0) return os_error(path, "open");
    return write_all(fd.get(), bytes, path);
  }

  Result<void> sync_file(const fs::path& path) override { return sync(path, O_RDONLY); }
  Result<void> sync_directory(const fs::path& path) override { return sync(path, O_RDONLY | O_DIRECTORY); }

  Result<void> sync_files(std::span<const fs::path> paths) override { return sync_all(paths, O_RDONLY); }
  Result<void> sync_directories(std::span<const fs::path> paths) override {
    return sync_all(paths, O_RDONLY | O_DIRECTORY);
  }

  Result<void> rename(const fs::path& from, const fs::path& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return os_error(to, "rename to");
    return {};
  }
  Result<void> remove(const fs::path& path) override {
    if (::remove(path.c_str()) != 0) return os_error(path, "remove");
    return {};
  }
  Result<void> make_directories(const fs::path& path) override {
    std::error_code code;
    fs::create_directories(path, code);
    if (code) return fail(ErrorKind::kIo, path.string() + ": cannot create directory: " + code.message());
    return {};
  }
  bool exists(const fs::path& path) override {
    std::error_code code;
    return fs::exists(fs::symlink_status(path, code));
  }
  Result<std::vector<std::string>> list(const fs::path& directory) override {
    std::error_code code;
    std::vector<std::string> out;
    for (fs::directory_iterator it(directory, code), end; !code && it != end; it.increment(code)) {
      out.push_back(it->path().filename().string());
    }
    if (code) {
      const ErrorKind kind =
          code == std::errc::no_such_file_or_directory ? ErrorKind::kNotFound : ErrorKind::kIo;
      return fail(kind, directory.string() + ": cannot list: " + code.message());
    }
    std::sort(out.begin(), out.end());
    return out;
  }

 private:
  static Result<void> sync(const fs::path& path, int flags) {
    const Descriptor fd(::open(path.c_str(), flags | O_CLOEXEC));
    if (fd.get() < 0) return os_error(path, "open");
    if (::fsync(fd.get()) != 0) return os_error(path, "sync");
    return {};
  }

  // Threads that wait for the disk together share its journal commits; they cost no processor time.
  static Result<void> sync_all(std::span<const fs::path> paths, int flags) {
    std::vector<Result<void>> done(paths.size());
    parallel_for(
        paths.size(), [&](std::size_t i) { done[i] = sync(paths[i], flags); }, kSyncThreads);
    for (Result<void>& one : done) TRY(std::move(one));
    return {};
  }
  static constexpr unsigned kSyncThreads = 16;
};

fs::path directory_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

fs::path temporary_beside(Env& env, const fs::path& path) {
  std::array<std::uint8_t, 8> salt{};
  env.random(salt);
  return directory_of(path) / ("." + path.filename().string() + "." + to_hex(salt) + ".tmp");
}

// Makes `path` and notes each directory that a new name went into.
Result<void> make_missing(Env& env, const fs::path& path, std::set<fs::path>& touched) {
  std::vector<fs::path> missing;
  for (fs::path at = path; !at.empty() && !env.exists(at); at = at.parent_path()) {
    missing.push_back(at);
    if (at == at.parent_path()) break;
  }
  if (missing.empty()) return {};
  TRY(env.make_directories(path));
  for (const fs::path& made : missing) touched.insert(directory_of(made));
  return {};
}

}  // namespace

Result<void> Env::sync_files(std::span<const fs::path> paths) {
  for (const fs::path& path : paths) TRY(sync_file(path));
  return {};
}
Result<void> Env::sync_directories(std::span<const fs::path> paths) {
  for (const fs::path& path : paths) TRY(sync_directory(path));
  return {};
}

Env& system_env() {
  static SystemEnv env;
  return env;
}

Result<void> write_durably(Env& env, const fs::path& path, BytesView bytes, unsigned mode) {
  const fs::path temporary = temporary_beside(env, path);
  const auto steps = [&]() -> Result<void> {
    TRY(env.write_new(temporary, bytes, mode));
    TRY(env.sync_file(temporary));
    TRY(env.rename(temporary, path));
    return env.sync_directory(directory_of(path));
  };
  Result<void> done = steps();
  // Best effort: the temporary is only in the way, and the error worth telling is the one above.
  if (!done) std::ignore = env.remove(temporary);
  return done;
}

Result<void> write_durably(Env& env, std::span<const PendingFile> files) {
  std::vector<fs::path> temporaries;
  const auto steps = [&]() -> Result<void> {
    std::set<fs::path> touched;
    for (const PendingFile& file : files) {
      TRY(make_missing(env, directory_of(file.path), touched));
      temporaries.push_back(temporary_beside(env, file.path));
      TRY(env.write_new(temporaries.back(), file.bytes, file.mode));
    }
    TRY(env.sync_files(temporaries));
    for (std::size_t i = 0; i < files.size(); ++i) {
      TRY(env.rename(temporaries[i], files[i].path));
      touched.insert(directory_of(files[i].path));
    }
    const std::vector<fs::path> directories(touched.begin(), touched.end());
    return env.sync_directories(directories);
  };
  Result<void> done = steps();
  if (!done) {
    for (const fs::path& temporary : temporaries) std::ignore = env.remove(temporary);
  }
  return done;
}

Result<void> make_directories_durably(Env& env, const fs::path& path) {
  std::set<fs::path> touched;
  TRY(make_missing(env, path, touched));
  const std::vector<fs::path> directories(touched.begin(), touched.end());
  return env.sync_directories(directories);
}

Result<void> remove_tree(Env& env, const fs::path& path) {
  if (!env.exists(path)) return {};
  std::vector<fs::path> left{path};
  while (!left.empty()) {
    const fs::path at = left.back();
    const FileStatus status = TRY(env.status(at));
    std::vector<std::string> names;
    if (status.kind == FileStatus::Kind::kDirectory) names = TRY(env.list(at));
    if (names.empty()) {
      TRY(env.remove(at));
      left.pop_back();
    }
    for (const std::string& name : names) left.push_back(at / name);
  }
  return {};
}

std::string format_time(std::int64_t unix_s) {
  const std::time_t seconds = unix_s;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char buffer[32];
  const std::size_t size = std::strftime(buffer, sizeof buffer, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {buffer, size};
}

Result<std::int64_t> parse_time(std::string_view text) {
  std::string whole(text);
  if (whole.size() == 10) whole += "T00:00:00Z";
  std::tm parts{};
  const char* end = ::strptime(whole.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  if (end == nullptr || *end != '\0') {
    return invalid("time: '" + std::string(text) + "' is not like 2026-11-23 or 2026-11-23T13:05:00Z");
  }
  const std::int64_t unix_s = ::timegm(&parts);
  if (format_time(unix_s) != whole) return invalid("time: '" + std::string(text) + "' is not a date");
  return unix_s;
}

}  // namespace sallyport
