#include "services/sandbox/capture.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "core/limits.h"

namespace sallyport::services::sandbox::detail {

Result<Capture> Capture::open(Stream stream, const std::filesystem::path& file, std::uint64_t bytes_max) {
  Capture capture;
  capture.stream_ = stream;
  capture.left_ = bytes_max;
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return fail(ErrorKind::kIo, "sandbox: cannot make a pipe: " + std::string(std::strerror(errno)));
  }
  capture.reader_ = Fd(ends[0]);
  capture.writer_ = Fd(ends[1]);
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  if (file.empty()) return capture;
  capture.place_ = file.string();
  capture.file_ = Fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!capture.file_) {
    return fail(ErrorKind::kIo, capture.place_ + ": cannot open: " + std::string(std::strerror(errno)));
  }
  return capture;
}

Result<bool> Capture::take(const Watch& watch) {
  std::array<char, 65536> buffer;
  for (int round = 0; round < 16; ++round) {
    const ssize_t got = ::read(reader_.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return true;
    if (got == 0) return false;
    std::string_view text(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > left_) cut_ = true;
    text = text.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, text.size())));
    left_ -= text.size();
    lines(text, watch);
    while (file_ && !text.empty()) {
      const ssize_t done = ::write(file_.get(), text.data(), text.size());
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) return fail(ErrorKind::kIo, place_ + ": cannot write: " + std::strerror(errno));
      text.remove_prefix(static_cast<std::size_t>(done));
    }
  }
  return true;
}

void Capture::lines(std::string_view text, const Watch& watch) {
  if (!watch.on_line) return;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::size_t room = limits::kOutputLineBytesMax - line_.size();
    const std::size_t length = std::min({end, text.size(), room});
    line_.append(text.substr(0, length));
    if (length < text.size() || line_.size() == limits::kOutputLineBytesMax) {
      watch.on_line(stream_, line_);
      line_.clear();
    }
    text.remove_prefix(length + (end == length ? 1 : 0));
  }
}

void Capture::finish(const Watch& watch) {
  if (watch.on_line && !line_.empty()) watch.on_line(stream_, line_);
  line_.clear();
}

}  // namespace sallyport::services::sandbox::detail
