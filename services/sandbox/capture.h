// One output stream of a command: into a file up to a limit, and line by line to whoever watches.
//
// For one thread at a time. Beyond the limit the stream is read and dropped, so that the command does not
// stall.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "core/result.h"
#include "services/sandbox/fd.h"
#include "services/sandbox/sandbox.h"

namespace sallyport::services::sandbox::detail {

class Capture {
 public:
  // `file` may be empty. The pipe's writing end is for the command alone.
  static Result<Capture> open(Stream stream, const std::filesystem::path& file, std::uint64_t bytes_max);

  int reading() const { return reader_.get(); }
  int writing() const { return writer_.get(); }
  void close_writing() { writer_.reset(); }
  // Takes what the pipe holds, up to 1 MiB; false at its end. Error when the file cannot be written.
  Result<bool> take(const Watch& watch);
  // The last line, when it did not end.
  void finish(const Watch& watch);
  bool cut() const { return cut_; }

 private:
  void lines(std::string_view text, const Watch& watch);

  Stream stream_ = Stream::kOut;
  Fd reader_;
  Fd writer_;
  Fd file_;
  std::string place_;
  std::string line_;
  std::uint64_t left_ = 0;
  bool cut_ = false;
};

}  // namespace sallyport::services::sandbox::detail
