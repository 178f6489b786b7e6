#include "bench/http_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace sallyport::bench {
namespace {

constexpr timeval kPatience{.tv_sec = 60, .tv_usec = 0};
constexpr std::size_t kLineBytesMax = 16 * 1024;

std::unexpected<Error> broken(const char* what) {
  return fail(ErrorKind::kIo, std::string("bench: the server ") + what);
}

// The value of a header in lower case, or nothing.
bool has_header(std::string line, std::string_view name, std::string& value) {
  const std::size_t colon = line.find(':');
  if (colon == std::string::npos) return false;
  std::ranges::transform(line, line.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  if (line.substr(0, colon) != name) return false;
  value = line.substr(std::min(line.find_first_not_of(' ', colon + 1), line.size()));
  return true;
}

Result<std::uint64_t> number(std::string_view text, int base) {
  std::uint64_t out = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  if (code != std::errc() || end == text.data()) return broken("sent no length where one was due");
  return out;
}

}  // namespace

Result<HttpClient> HttpClient::connect(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return broken("could not be reached: no socket");
  HttpClient out(fd);
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return broken("does not listen yet");
  }
  return out;
}

HttpClient::~HttpClient() {
  if (fd_ >= 0) ::close(fd_);
}
HttpClient::HttpClient(HttpClient&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      buffer_(std::move(other.buffer_)),
      at_(other.at_),
      end_(other.end_) {}

Result<void> HttpClient::send(std::string_view head, BytesView body) {
  iovec pieces[2] = {{const_cast<char*>(head.data()), head.size()},
                     {const_cast<std::uint8_t*>(body.data()), body.size()}};
  msghdr message{};
  message.msg_iov = pieces;
  message.msg_iovlen = 2;
  while (pieces[0].iov_len + pieces[1].iov_len > 0) {
    const ssize_t sent = ::sendmsg(fd_, &message, MSG_NOSIGNAL);
    if (sent <= 0) return broken("took no more of a request");
    auto left = static_cast<std::size_t>(sent);
    for (iovec& piece : pieces) {
      const std::size_t taken = std::min(left, piece.iov_len);
      piece.iov_base = static_cast<char*>(piece.iov_base) + taken;
      piece.iov_len -= taken;
      left -= taken;
    }
  }
  return {};
}

Result<void> HttpClient::fill() {
  at_ = 0;
  const ssize_t got = ::recv(fd_, buffer_.data(), buffer_.size(), 0);
  if (got <= 0) return broken(got == 0 ? "closed the connection" : "did not answer within a minute");
  end_ = static_cast<std::size_t>(got);
  return {};
}

Result<std::string> HttpClient::line() {
  std::string out;
  while (!out.ends_with("\r\n")) {
    if (at_ == end_) TRY(fill());
    if (out.size() == kLineBytesMax) return broken("sent a line without end");
    out += static_cast<char>(buffer_[at_++]);
  }
  out.resize(out.size() - 2);
  return out;
}

Result<void> HttpClient::body(std::uint64_t bytes, Reply& reply, const Take& take) {
  while (bytes > 0) {
    if (at_ == end_) TRY(fill());
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, end_ - at_));
    const BytesView piece(buffer_.data() + at_, count);
    if (take) {
      take(piece);
    } else {
      reply.body += as_text(piece);
    }
    at_ += count;
    reply.bytes += count;
    bytes -= count;
  }
  return {};
}

Result<void> HttpClient::chunks(Reply& reply, const Take& take) {
  while (true) {
    const std::uint64_t size = TRY(number(TRY(line()), 16));
    TRY(body(size, reply, take));
    TRY(line());
    if (size == 0) return {};
  }
}

Result<Reply> HttpClient::ask(std::string_view method, std::string_view target, BytesView content,
                              std::string_view content_type, const Take& take) {
  std::string head(method);
  head += " " + std::string(target) + " HTTP/1.1\r\nHost: 127.0.0.1\r\n";
  if (method != "GET") {
    head += "Content-Type: " + std::string(content_type) +
            "\r\nContent-Length: " + std::to_string(content.size()) + "\r\n";
  }
  TRY(send(head + "\r\n", content));
  const std::string status = TRY(line());
  if (status.size() < 12) return broken("did not answer in HTTP");
  Reply reply;
  reply.status = static_cast<int>(TRY(number(std::string_view(status).substr(9), 10)));
  std::string value;
  std::string length = "0";
  bool chunked = false;
  for (std::string header = TRY(line()); !header.empty(); header = TRY(line())) {
    if (has_header(header, "content-length", value)) length = value;
    if (has_header(header, "transfer-encoding", value)) chunked = value == "chunked";
  }
  TRY(chunked ? chunks(reply, take) : body(TRY(number(length, 10)), reply, take));
  return reply;
}

}  // namespace sallyport::bench
