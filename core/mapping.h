// A regular file, mapped read-only: its bytes without a copy, whatever its size.
//
// Pages are read when they are touched. A file that another process cuts short meanwhile would end ours with
// SIGBUS; here the missing pages read as zeros and the mapping is marked as disturbed. `unchanged` holds what
// the operating system says of the file now against what it said when it was opened, so that bytes that moved
// under a reader are noticed. One mapping may be read from any number of threads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "core/bytes.h"
#include "core/result.h"

namespace sallyport {

class Mapping {
 public:
  // Refuses what is no regular file, and a symbolic link in the last part of the path, with one clear Error.
  static Result<Mapping> open(const std::filesystem::path& path);
  // The file that `fd` has open, which stays the caller's; `path` is for messages.
  static Result<Mapping> of(int fd, const std::filesystem::path& path);
  ~Mapping();
  Mapping(Mapping&&) noexcept;
  Mapping& operator=(Mapping&&) = delete;

  BytesView bytes() const;
  // Whether the file is still the one that was mapped: same size and times, and no page was missing.
  bool unchanged() const;

 private:
  struct State;
  explicit Mapping(std::unique_ptr<State> state);
  Result<void> map(const std::filesystem::path& path);
  std::unique_ptr<State> state_;
};

}  // namespace sallyport
