#include "drills/feed.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <thread>

#include "formats/inflate.h"

namespace sallyport::drills {
namespace {

constexpr int kAttempts = 3;
constexpr std::chrono::milliseconds kPause{10};
constexpr std::size_t kRequestBytesMax = 8192;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

bool readable(int fd) {
  pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
  return poll(&entry, 1, kFeedWaitMs) == 1;
}

bool send_all(int fd, BytesView bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
  return true;
}

// Until `enough` says so, the peer closes, or the limit is reached.
template <class Enough>
std::string receive(int fd, std::size_t bytes_max, Enough enough) {
  std::string out;
  char buffer[16384];
  while (out.size() < bytes_max && !enough(out) && readable(fd)) {
    const ssize_t got = recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0) break;
    out.append(buffer, static_cast<std::size_t>(got));
  }
  return out;
}

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

std::unexpected<Error> feed_error(const std::string& what) { return fail(ErrorKind::kIo, "feed: " + what); }

Bytes gzipped(BytesView bytes) {
  z_stream stream{};
  SP_CHECK(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  Bytes out(deflateBound(&stream, bytes.size()));
  stream.next_in = const_cast<Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  SP_CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

Result<Bytes> gunzipped(BytesView bytes) {
  formats::Inflated inflated = formats::inflate(bytes, formats::Wrapper::kGzip, kFeedBytesMax);
  if (inflated.error) return within("feed: gzip body", *inflated.error);
  if (inflated.over_budget) return fail(ErrorKind::kLimit, "feed: the gzip body inflates beyond the limit");
  return std::move(inflated.bytes);
}

Result<Bytes> unchunked(std::string_view text) {
  Bytes out;
  for (;;) {
    const std::size_t line = text.find("\r\n");
    std::size_t size = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + std::min(line, text.size()), size, 16);
    if (line == std::string_view::npos || parsed.ec != std::errc{})
      return feed_error("the last chunk is missing");
    text.remove_prefix(line + 2);
    if (size == 0) return out;
    if (text.size() < size + 2) return feed_error("a chunk is cut short");
    const BytesView chunk = as_bytes(text.substr(0, size));
    out.insert(out.end(), chunk.begin(), chunk.end());
    text.remove_prefix(size + 2);
  }
}

Result<Bytes> body_of(const std::string& response) {
  const std::size_t end = response.find("\r\n\r\n");
  if (end == std::string::npos) return feed_error("the head of the response is cut short");
  const std::string_view head = std::string_view(response).substr(0, end + 2);
  const std::string_view rest = std::string_view(response).substr(end + 4);
  if (!head.starts_with("HTTP/1.1 200 "))
    return feed_error("the answer is " + std::string(head.substr(0, 15)));
  Bytes body = to_bytes(rest);
  if (head.contains("\r\nTransfer-Encoding: chunked\r\n")) {
    body = TRY(unchunked(rest));
  } else if (const std::size_t at = head.find("\r\nContent-Length: "); at != std::string_view::npos) {
    std::size_t size = 0;
    std::from_chars(head.data() + at + 18, head.data() + head.size(), size);
    if (body.size() != size) return feed_error("the body is cut short");
  }
  return head.contains("\r\nContent-Encoding: gzip\r\n") ? gunzipped(body) : Result<Bytes>(std::move(body));
}

Result<Bytes> fetch_once(int port, std::string_view path) {
  const Descriptor fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = loopback(port);
  if (fd.get() < 0 || connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return feed_error("nobody listens on port " + std::to_string(port));
  }
  const std::string request =
      "GET " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  if (!send_all(fd.get(), as_bytes(request))) return feed_error("the connection died");
  return body_of(receive(fd.get(), kFeedBytesMax, [](const std::string&) { return false; }));
}

}  // namespace

struct FeedServer::Running {
  Descriptor listener;
  Descriptor stop;
  int port;
  Answer answer;
  std::thread thread = {};

  void serve() const {
    for (;;) {
      pollfd entries[] = {{.fd = listener.get(), .events = POLLIN, .revents = 0},
                          {.fd = stop.get(), .events = POLLIN, .revents = 0}};
      if (poll(entries, 2, -1) < 0 || entries[1].revents != 0) return;
      const Descriptor connection(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (connection.get() >= 0) respond(connection.get());
    }
  }

  void respond(int fd) const {
    const std::string request =
        receive(fd, kRequestBytesMax, [](const std::string& text) { return text.contains("\r\n\r\n"); });
    const std::size_t begin = request.find(' ') + 1;
    for (const Bytes& piece : answer(request.substr(begin, request.find(' ', begin) - begin))) {
      if (piece.empty()) std::this_thread::sleep_for(kPause);
      if (!send_all(fd, piece)) return;
    }
  }
};

FeedServer::FeedServer(std::unique_ptr<Running> running) : running_(std::move(running)) {
  running_->thread = std::thread([server = running_.get()] { server->serve(); });
}

FeedServer::~FeedServer() {
  const std::uint64_t one = 1;
  SP_CHECK(write(running_->stop.get(), &one, sizeof one) == sizeof one);
  running_->thread.join();
}

int FeedServer::port() const { return running_->port; }

Result<std::unique_ptr<FeedServer>> FeedServer::start(Answer answer) {
  Descriptor listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (listener.get() < 0 || bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(listener.get(), 8) != 0 ||
      getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return feed_error("cannot listen on the loopback");
  }
  Descriptor stop(eventfd(0, EFD_CLOEXEC));
  if (stop.get() < 0) return feed_error("cannot make an eventfd");
  return std::unique_ptr<FeedServer>(new FeedServer(std::make_unique<Running>(
      Running{std::move(listener), std::move(stop), ntohs(address.sin_port), std::move(answer)})));
}

std::vector<Bytes> response_of(BytesView body, const Framing& framing) {
  const Bytes coded = framing.gzip ? gzipped(body) : Bytes(body.begin(), body.end());
  std::string head = "HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\n";
  if (framing.gzip) head += "Content-Encoding: gzip\r\n";
  head += framing.chunked ? "Transfer-Encoding: chunked\r\n"
                          : "Content-Length: " + std::to_string(coded.size()) + "\r\n";
  std::vector<Bytes> out{to_bytes(head + "\r\n")};
  const std::size_t end = framing.cut ? coded.size() / 2 : coded.size();
  for (std::size_t at = 0; at < end;) {
    const std::size_t size = std::min(framing.piece_bytes, end - at);
    const BytesView piece = BytesView(coded).subspan(at, size);
    char hex[20];
    const char* const hex_end = std::to_chars(hex, hex + sizeof hex, size, 16).ptr;
    Bytes sent =
        framing.chunked ? to_bytes(std::string(static_cast<const char*>(hex), hex_end) + "\r\n") : Bytes{};
    sent.insert(sent.end(), piece.begin(), piece.end());
    if (framing.chunked) sent.insert(sent.end(), {'\r', '\n'});
    out.push_back(std::move(sent));
    if (framing.slow) out.emplace_back();
    at += size;
  }
  if (framing.chunked && !framing.cut) out.push_back(to_bytes("0\r\n\r\n"));
  return out;
}

Result<Bytes> fetch(int port, std::string_view path) {
  Result<Bytes> body = fetch_once(port, path);
  for (int attempt = 1; attempt < kAttempts && !body; ++attempt) body = fetch_once(port, path);
  return body;
}

}  // namespace sallyport::drills
