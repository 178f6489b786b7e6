#include "bench/slow_clients.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string_view>
#include <utility>

namespace sallyport::bench {
namespace {

constexpr std::string_view kBegun = "GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: ";
constexpr rlim_t kOtherFilesMax = 1'000;

}  // namespace

Result<SlowClients> SlowClients::connect(std::uint16_t port, std::size_t count) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  if (limit.rlim_cur < count + kOtherFilesMax) {
    return fail(ErrorKind::kLimit, "bench: this process may not hold " + std::to_string(count) + " files");
  }
  SlowClients out;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (std::size_t i = 0; i < count; ++i) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return fail(ErrorKind::kIo, "bench: no socket");
    out.fds_.push_back(fd);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::send(fd, kBegun.data(), kBegun.size(), MSG_NOSIGNAL) < 0) {
      return fail(ErrorKind::kIo, "bench: slow client " + std::to_string(i) + " was not let in");
    }
  }
  return out;
}

SlowClients::~SlowClients() {
  for (const int fd : fds_) ::close(fd);
}
SlowClients::SlowClients(SlowClients&& other) noexcept : fds_(std::exchange(other.fds_, {})) {}

}  // namespace sallyport::bench
