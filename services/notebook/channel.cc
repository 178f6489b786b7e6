#include "services/notebook/channel.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "core/limits/notebook.h"
#include "core/text.h"

namespace sallyport::services::notebook {
namespace {

// 0 at the end of the stream.
Result<std::size_t> read_some(int fd, std::uint8_t* to, std::size_t most) {
  while (true) {
    const ssize_t got = ::read(fd, to, most);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno == ECONNRESET) return 0;
    if (errno != EINTR) return fail(ErrorKind::kIo, std::string("egress: ") + std::strerror(errno));
  }
}

Result<void> write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t wrote = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return fail(ErrorKind::kIo, std::string("egress: ") + std::strerror(errno));
    text.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

struct Head {
  std::string destination;
  std::size_t bytes = 0;
};

std::optional<Head> head_of(std::string_view line) {
  constexpr std::string_view kSend = "SEND ";
  if (!line.starts_with(kSend)) return std::nullopt;
  line.remove_prefix(kSend.size());
  const std::size_t blank = line.rfind(' ');
  if (blank == std::string_view::npos || blank == 0) return std::nullopt;
  const std::string_view destination = line.substr(0, blank);
  const auto bytes = parsed_number<std::size_t>(line.substr(blank + 1));
  if (!bytes || destination.find_first_of(std::string_view(" \t\r\0", 4)) != std::string_view::npos) {
    return std::nullopt;
  }
  return Head{.destination = std::string(destination), .bytes = *bytes};
}

// The line without its end; nothing when the stream ended before it began.
Result<std::optional<std::string>> read_line(int fd) {
  std::string out;
  while (true) {
    std::uint8_t byte = 0;
    if (TRY(read_some(fd, &byte, 1)) == 0) {
      if (out.empty()) return std::nullopt;
      return invalid("egress: the stream ended within a head");
    }
    if (byte == '\n') return std::optional(std::move(out));
    out += static_cast<char>(byte);
    if (out.size() > limits::kEgressHeadBytesMax)
      return fail(ErrorKind::kLimit, "egress: a head is longer than kEgressHeadBytesMax");
  }
}

}  // namespace

Result<void> serve(int fd, const std::string& notebook, Broker& broker, const Forward& forward,
                   const OnBody& on_body) {
  while (const std::optional<std::string> line = TRY(read_line(fd))) {
    const std::optional<Head> head = head_of(*line);
    if (!head) return invalid("egress: no head of the form SEND <destination> <bytes>");
    if (head->bytes > limits::kEgressBodyBytesMax)
      return fail(ErrorKind::kLimit, "egress: a body is longer than kEgressBodyBytesMax");
    Bytes body(head->bytes);
    for (std::size_t at = 0; at < body.size();) {
      const std::size_t got = TRY(read_some(fd, body.data() + at, body.size() - at));
      if (got == 0) return invalid("egress: the stream ended within a body");
      at += got;
    }
    const Release release = broker.offer(notebook, head->destination, body);
    std::string refused = release.released ? "" : release.why;
    if (release.released) {
      if (const Result<void> sent = forward(head->destination, body); !sent) refused = sent.error().message;
    }
    if (on_body) on_body(head->destination, body.size(), refused);
    TRY(write_all(fd, refused.empty() ? "OK\n" : "NO " + refused + "\n"));
  }
  return {};
}

}  // namespace sallyport::services::notebook
