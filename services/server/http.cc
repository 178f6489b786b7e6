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

constexpr auto kTimeout = std::chrono::milliseconds(limits::kRequestTimeoutMs);

using StringResponse = http::response<http::string_body>;

std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

// One connection: read a request, hand it to the service, write the answer, and again while the client keeps it open.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, Service& service, std::atomic<int>& open)
      : stream_(std::move(socket)), service_(service), open_(open) {
    ++open_;
  }
  ~Connection() { --open_; }

  void start() {
    beast::error_code code;
    stream_.socket().set_option(tcp::no_delay(true), code);
    const tcp::endpoint peer = stream_.socket().remote_endpoint(code);
    principal_ = code ? "unknown" : peer.address().to_string();
    asio::dispatch(stream_.get_executor(), [self = shared_from_this()] { self->read(); });
  }
  void refuse() {
    send({.status = 503, .body = R"({"error":"too many connections"})"}, 11, false);
  }

 private:
  void read() {
    parser_.emplace();
    parser_->body_limit(limits::kRequestBytesMax);
    parser_->header_limit(limits::kRequestHeaderBytesMax);
    stream_.expires_after(kTimeout);
    http::async_read(stream_, buffer_, *parser_, [self = shared_from_this()](beast::error_code code, std::size_t) {
      self->on_read(code);
    });
  }

  void on_read(beast::error_code code) {
    if (!code) return answer();
    if (code == http::error::body_limit || code == http::error::header_limit) {
      return send({.status = 413, .body = R"({"error":"the request is larger than the server takes"})"}, 11, false);
    }
    const bool malformed = code.category() == http::make_error_code(http::error::bad_method).category();
    if (malformed && code != http::error::end_of_stream && code != http::error::partial_message) {
      return send({.status = 400, .body = R"({"error":"not an HTTP request"})"}, 11, false);
    }
    close();
  }

  void answer() {
    const http::request<http::string_body>& got = parser_->get();
    const std::string target(got.target());
    Request request{.method = std::string(got.method_string()),
                    .target = std::string(path_of(target)),
                    .content_type = std::string(got[http::field::content_type]),
                    .principal = principal_,
                    .body = as_bytes(got.body())};
    // The spelling of tritonclient for a JSON header in front of raw tensors.
    if (const auto found = got.find("Inference-Header-Content-Length"); found != got.end()) {
      request.content_type =
          "application/vnd.sagemaker-triton.binary+json;json-header-size=" + std::string(found->value());
    }
    send(service_.handle(request), got.version(), got.keep_alive());
  }

  void send(Answer answer, unsigned version, bool keep_alive) {
    response_.emplace(static_cast<http::status>(answer.status), version);
    response_->set(http::field::server, "sallyport");
    response_->set(http::field::content_type, answer.content_type);
    response_->set("X-Content-Type-Options", "nosniff");
    for (const auto& [name, value] : answer.headers) response_->set(name, value);
    response_->keep_alive(keep_alive);
    response_->body() = std::move(answer.body);
    response_->prepare_payload();
    stream_.expires_after(kTimeout);
    http::async_write(stream_, *response_, [self = shared_from_this(), keep_alive](beast::error_code code, std::size_t) {
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
  Service& service_;
  std::atomic<int>& open_;
  std::string principal_;
};

}  // namespace

class Server::Impl {
 public:
  Impl(Service& service, const HttpOptions& options) : service_(service), options_(options), acceptor_(context_) {}
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
      return fail(ErrorKind::kIo, "serve: cannot listen on " + options_.host + ":" + std::to_string(options_.port) +
                                      ": " + code.message(),
                  "choose another port with --port, or 0 for any free one");
    }
    port_ = acceptor_.local_endpoint(code).port();
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
    while (open_ > 0 && std::chrono::steady_clock::now() < patience) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    context_.stop();
    threads_.clear();
  }

  std::uint16_t port() const { return port_; }

 private:
  void accept() {
    acceptor_.async_accept(asio::make_strand(context_), [this](beast::error_code code, tcp::socket socket) {
      if (code == asio::error::operation_aborted || stopped_) return;
      if (!code) {
        const bool full = open_ >= options_.connections_max;
        const auto connection = std::make_shared<Connection>(std::move(socket), service_, open_);
        full ? connection->refuse() : connection->start();
      }
      accept();
    });
  }

  Service& service_;
  HttpOptions options_;
  asio::io_context context_;
  tcp::acceptor acceptor_;
  std::uint16_t port_ = 0;
  std::atomic<int> open_{0};
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
