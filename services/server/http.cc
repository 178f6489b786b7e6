#include "services/server/http.h"

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/version.hpp>

#include <atomic>
#include <optional>
#include <thread>

#include "core/parallel.h"

namespace sallyport::services::server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;

// Requests that wait for their turn or for the worker each hold one of these threads, and none of the
// transport's.
constexpr std::size_t kWaitingThreads = 64;
// Bodies of all connections together: many clients that each send a large one must not fill the memory.
constexpr std::uint64_t kBodyBytesInHandMax = 16 * limits::kRequestBytesMax;

constexpr auto kTimeout = std::chrono::milliseconds(limits::kRequestTimeoutMs);

using StringResponse = http::response<http::string_body>;

std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

// What the connections of a server share.
struct Shared {
  Service& service;
  asio::thread_pool waiting{kWaitingThreads};
  std::atomic<int> open{0};
  std::atomic<std::uint64_t> body_bytes{0};
  bool loopback = true;
};

// A share of kBodyBytesInHandMax, given back when it is destroyed.
class BodyShare {
 public:
  BodyShare() = default;
  BodyShare(const BodyShare&) = delete;
  BodyShare& operator=(const BodyShare&) = delete;
  ~BodyShare() { release(); }

  bool take(std::atomic<std::uint64_t>& total, std::uint64_t bytes) {
    release();
    if (total.fetch_add(bytes) + bytes > kBodyBytesInHandMax) {
      total.fetch_sub(bytes);
      return false;
    }
    total_ = &total;
    bytes_ = bytes;
    return true;
  }
  void release() {
    if (total_ != nullptr) total_->fetch_sub(bytes_);
    total_ = nullptr;
  }

 private:
  std::atomic<std::uint64_t>* total_ = nullptr;
  std::uint64_t bytes_ = 0;
};

// A page elsewhere whose name was pointed at this machine (DNS rebinding) says that name in its Host header.
bool names_this_machine(std::string_view host) {
  if (host.starts_with('[')) return host.starts_with("[::1]");
  host = host.substr(0, host.find(':'));
  return host.empty() || host == "localhost" || host == "127.0.0.1";
}

// One connection: read a request, hand it to the service, write the answer, and again while the client keeps
// it open.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, Shared& shared) : stream_(std::move(socket)), shared_(shared) {
    ++shared_.open;
  }
  ~Connection() { --shared_.open; }

  void start() {
    beast::error_code code;
    stream_.socket().set_option(tcp::no_delay(true), code);
    const tcp::endpoint peer = stream_.socket().remote_endpoint(code);
    principal_ = code ? "unknown" : peer.address().to_string();
    asio::dispatch(stream_.get_executor(), [self = shared_from_this()] { self->read(); });
  }
  void refuse() { send({.status = 503, .body = R"({"error":"too many connections"})"}, 11, false); }

 private:
  void read() {
    parser_.emplace();
    parser_->body_limit(limits::kRequestBytesMax);
    parser_->header_limit(limits::kRequestHeaderBytesMax);
    stream_.expires_after(kTimeout);
    http::async_read_header(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](beast::error_code code, std::size_t) { self->on_header(code); });
  }

  // The body's share of the memory is taken before its first byte is read; one without a length takes the
  // most.
  void on_header(beast::error_code code) {
    if (code) return on_read(code);
    const auto length = parser_->content_length();
    if (!body_.take(shared_.body_bytes, length               ? *length
                                        : parser_->chunked() ? limits::kRequestBytesMax
                                                             : 0)) {
      return send({.status = 503, .body = R"({"error":"too much is being sent at once"})"}, 11, false);
    }
    http::async_read(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](beast::error_code error, std::size_t) { self->on_read(error); });
  }

  void on_read(beast::error_code code) {
    if (!code) return answer();
    if (code == http::error::body_limit || code == http::error::header_limit) {
      return send({.status = 413, .body = R"({"error":"the request is larger than the server takes"})"}, 11,
                  false);
    }
    const bool malformed = code.category() == http::make_error_code(http::error::bad_method).category();
    if (malformed && code != http::error::end_of_stream && code != http::error::partial_message) {
      return send({.status = 400, .body = R"({"error":"not an HTTP request"})"}, 11, false);
    }
    close();
  }

  void answer() {
    const http::request<http::string_body>& got = parser_->get();
    const unsigned version = got.version();
    const bool keep_alive = got.keep_alive();
    if (shared_.loopback && !names_this_machine(std::string_view(got[http::field::host]))) {
      return send({.status = 403, .body = R"({"error":"the Host header names another machine"})"}, version,
                  false);
    }
    const std::string target(got.target());
    request_ = {.method = std::string(got.method_string()),
                .target = std::string(path_of(target)),
                .content_type = std::string(got[http::field::content_type]),
                .principal = principal_,
                .body = as_bytes(got.body())};
    // The spelling of tritonclient for a JSON header in front of raw tensors.
    if (const auto found = got.find("Inference-Header-Content-Length"); found != got.end()) {
      request_.content_type =
          "application/vnd.sagemaker-triton.binary+json;json-header-size=" + std::string(found->value());
    }
    stream_.expires_never();  // the service has limits of its own
    asio::post(shared_.waiting, [self = shared_from_this(), version, keep_alive] {
      Answer made = self->shared_.service.handle(self->request_);
      asio::post(self->stream_.get_executor(), [self, version, keep_alive, kept = std::move(made)]() mutable {
        self->send(std::move(kept), version, keep_alive);
      });
    });
  }

  void send(Answer answer, unsigned version, bool keep_alive) {
    response_.emplace(static_cast<http::status>(answer.status), version);
    response_->set(http::field::server, "sallyport");
    response_->set(http::field::content_type, answer.content_type);
    response_->set("X-Content-Type-Options", "nosniff");
    for (const auto& [name, value] : answer.headers) response_->set(name, value);
    response_->keep_alive(keep_alive);
    in_flight_ = std::move(answer.in_flight);
    response_->body() = std::move(answer.body);
    response_->prepare_payload();
    stream_.expires_after(kTimeout);
    http::async_write(stream_, *response_,
                      [self = shared_from_this(), keep_alive](beast::error_code code, std::size_t) {
                        self->in_flight_.reset();
                        self->body_.release();
                        if (code || !keep_alive) return self->close();
                        self->read();
                      });
  }

  void close() {
    beast::error_code code;
    stream_.socket().shutdown(tcp::socket::shutdown_send, code);
  }

  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  std::optional<StringResponse> response_;
  Shared& shared_;
  BodyShare body_;
  Request request_;
  std::shared_ptr<void> in_flight_;  // until the answer is taken
  std::string principal_;
};

}  // namespace

class Server::Impl {
 public:
  Impl(Service& service, const HttpOptions& options)
      : shared_{.service = service}, options_(options), acceptor_(context_) {}
  ~Impl() { stop(); }

  Result<void> start() {
    beast::error_code code;
    const auto address = asio::ip::make_address(options_.host, code);
    if (code) return invalid("serve: '" + options_.host + "' is not an address");
    const tcp::endpoint endpoint(address, options_.port);
    acceptor_.open(endpoint.protocol(), code);
    if (!code) acceptor_.set_option(asio::socket_base::reuse_address(true), code);
    if (!code) acceptor_.bind(endpoint, code);
    if (!code) acceptor_.listen(asio::socket_base::max_listen_connections, code);
    if (code) {
      return fail(ErrorKind::kIo,
                  "serve: cannot listen on " + options_.host + ":" + std::to_string(options_.port) + ": " +
                      code.message(),
                  "choose another port with --port, or 0 for any free one");
    }
    port_ = acceptor_.local_endpoint(code).port();
    shared_.loopback = address.is_loopback();
    accept();
    const unsigned threads = options_.threads == 0 ? core_count() : options_.threads;
    for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { context_.run(); });
    return {};
  }

  void stop() {
    if (stopped_.exchange(true)) return;
    asio::post(context_, [this] {
      beast::error_code code;
      acceptor_.close(code);
    });
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(2);
    while (shared_.open > 0 && std::chrono::steady_clock::now() < patience) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    shared_.waiting.stop();
    shared_.waiting.join();
    context_.stop();
    threads_.clear();
  }

  std::uint16_t port() const { return port_; }

 private:
  void accept() {
    acceptor_.async_accept(asio::make_strand(context_), [this](beast::error_code code, tcp::socket socket) {
      if (code == asio::error::operation_aborted || stopped_) return;
      if (!code) {
        const bool full = shared_.open >= options_.connections_max;
        const auto connection = std::make_shared<Connection>(std::move(socket), shared_);
        full ? connection->refuse() : connection->start();
      }
      accept();
    });
  }

  Shared shared_;
  HttpOptions options_;
  asio::io_context context_;
  tcp::acceptor acceptor_;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopped_{false};
  std::vector<std::jthread> threads_;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;
std::uint16_t Server::port() const { return impl_->port(); }
void Server::stop() { impl_->stop(); }

Result<std::unique_ptr<Server>> Server::start(Service& service, const HttpOptions& options) {
  auto impl = std::make_unique<Impl>(service, options);
  TRY(impl->start());
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Result<Exchange> request(std::uint16_t port, const std::string& method, const std::string& target,
                         const std::string& body, const std::string& content_type) {
  try {
    asio::io_context context;
    beast::tcp_stream stream(context);
    stream.connect(tcp::endpoint(asio::ip::make_address("127.0.0.1"), port));
    stream.socket().set_option(tcp::no_delay(true));
    http::request<http::string_body> question(http::string_to_verb(method), target, 11);
    question.set(http::field::host, "127.0.0.1");
    question.set(http::field::content_type, content_type);
    question.keep_alive(false);
    question.body() = body;
    question.prepare_payload();
    http::write(stream, question);
    beast::flat_buffer buffer;
    http::response<http::string_body> response;
    http::read(stream, buffer, response);
    return Exchange{static_cast<int>(response.result_int()), std::move(response.body())};
  } catch (const boost::system::system_error& error) {
    return fail(ErrorKind::kIo, "request to 127.0.0.1:" + std::to_string(port) + ": " + error.what());
  }
}

}  // namespace sallyport::services::server
