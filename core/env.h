// Env: the only door to the clock, randomness and the file system.
//
// Code below the services takes an Env, so that a test can set the clock, fix the randomness, fill the disk
// or cut the power at any write. Implementations are safe from any thread. Paths are taken as given; nothing
// is expanded.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "core/digest.h"
#include "core/limits.h"
#include "core/result.h"

namespace sallyport {

namespace fs = std::filesystem;

// What stands at a path. A symbolic link is reported as itself, never followed.
struct FileStatus {
  enum class Kind : std::uint8_t { kFile, kDirectory, kSymlink, kOther };
  Kind kind = Kind::kOther;
  std::uint64_t size = 0;
  unsigned mode = 0;  // permission bits
};

// A regular file, open for reading from its start. For one thread at a time.
class InputFile {
 public:
  virtual ~InputFile() = default;
  // Fills `out` from the current position; fewer bytes than asked for, or none, mean the end.
  virtual Result<std::size_t> read(std::span<std::uint8_t> out) = 0;
};

// A new file, open for writing. Durable only after sync. For one thread at a time.
class OutputFile {
 public:
  virtual ~OutputFile() = default;
  virtual Result<void> write(BytesView bytes) = 0;
  virtual Result<void> sync() = 0;
  // A hint: the file is synced once it is written, so the disk may begin while the rest is still being made.
  // Whoever does not wait for the disk would only be held up by that.
  virtual void expect_sync() {}
};

// Held until destroyed; the operating system drops it when the process ends.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

class Env {
 public:
  virtual ~Env() = default;

  virtual std::int64_t now_unix_s() = 0;
  virtual void random(std::span<std::uint8_t> out) = 0;

  // A regular file, whole. Refuses FIFOs, devices and directories, and files over `bytes_max`.
  virtual Result<Bytes> read_file(const fs::path& path, std::size_t bytes_max = limits::kFileBytesMax) = 0;
  // SHA-256 and size of a regular file, in bounded memory.
  struct FileDigest {
    Digest digest;
    std::uint64_t size = 0;
  };
  virtual Result<FileDigest> digest_file(const fs::path& path) = 0;
  // As read_file and write_new, piece by piece.
  virtual Result<std::unique_ptr<InputFile>> open_input(const fs::path& path) = 0;
  virtual Result<std::unique_ptr<OutputFile>> create_output(const fs::path& path, unsigned mode) = 0;
  virtual Result<FileStatus> status(const fs::path& path) = 0;
  // Waits for the exclusive lock that the file at `path` stands for, and makes the file if need be.
  virtual Result<std::unique_ptr<FileLock>> lock(const fs::path& path) = 0;
  // Creates a file that must not exist yet and writes `bytes`. Durable only after sync_file.
  virtual Result<void> write_new(const fs::path& path, BytesView bytes, unsigned mode) = 0;
  // Appends to an existing or new file. Durable only after sync_file.
  virtual Result<void> append(const fs::path& path, BytesView bytes) = 0;
  virtual Result<void> sync_file(const fs::path& path) = 0;
  virtual Result<void> sync_directory(const fs::path& path) = 0;
  // Many at once: a journalling file system commits syncs that overlap together. The base does one after the
  // other.
  virtual Result<void> sync_files(std::span<const fs::path> paths);
  virtual Result<void> sync_directories(std::span<const fs::path> paths);
  virtual Result<void> rename(const fs::path& from, const fs::path& to) = 0;
  // A file, a link or an empty directory.
  virtual Result<void> remove(const fs::path& path) = 0;
  virtual Result<void> make_directories(const fs::path& path) = 0;
  virtual bool exists(const fs::path& path) = 0;
  // Names of the entries of a directory, sorted.
  virtual Result<std::vector<std::string>> list(const fs::path& directory) = 0;
};

// The operating system's own.
Env& system_env();

// All or nothing: a temporary beside `path`, written and synced, then renamed, then the directory synced.
// After a power cut `path` holds the old bytes or the new ones.
Result<void> write_durably(Env& env, const fs::path& path, BytesView bytes, unsigned mode = 0644);

// The same for many files, each of which is all or nothing, with few waits for the disk. Missing directories
// are made, durably too.
struct PendingFile {
  fs::path path;
  Bytes bytes;
  unsigned mode = 0644;
};
Result<void> write_durably(Env& env, std::span<const PendingFile> files);

// Makes `path` and its missing parents so that they survive a power cut.
Result<void> make_directories_durably(Env& env, const fs::path& path);

// Removes what is at `path` and below it, following no links. Nothing there is no error.
Result<void> remove_tree(Env& env, const fs::path& path);

// "2026-11-23T13:05:00Z" (RFC 3339, UTC, whole seconds), and back; parsing also takes "2026-11-23".
std::string format_time(std::int64_t unix_s);
Result<std::int64_t> parse_time(std::string_view text);

}  // namespace sallyport
