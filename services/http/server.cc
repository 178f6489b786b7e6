#include <algorithm>
#include <atomic>
#include <cctype>
#include <chrono>
#include <thread>

#include "core/parallel.h"
#include "services/http/connection.h"

namespace sallyport::services::http {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

namespace {

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

}  // namespace

std::string_view Request::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (same_name(key, name)) return value;
  }
  return {};
}

std::size_t Request::count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(headers, [&](const auto& header) { return same_name(header.first, name); }));
}

class Server::Impl {
 public:
  Impl(Handler& handler, const Options& options)
      : shared_{.handler = handler}, options_(options), acceptor_(context_) {}
  ~Impl() { stop(); }

  Result<void> start() {
    boost::system::error_code code;
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
    shared_.tls = options_.tls;
    accept();
    const unsigned threads = options_.threads == 0 ? core_count() : options_.threads;
    for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { context_.run(); });
    return {};
  }

  void stop() {
    if (stopped_.exchange(true)) return;
    asio::post(context_, [this] {
      boost::system::error_code code;
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
    acceptor_.async_accept(
        asio::make_strand(context_), [this](boost::system::error_code code, tcp::socket socket) {
          if (code == asio::error::operation_aborted || stopped_) return;
          if (!code) {
            const bool full = shared_.open >= options_.connections_max;
            serve_connection(std::move(socket), shared_, full ? Admission::kFull : Admission::kWelcome);
          }
          accept();
        });
  }

  Shared shared_;
  Options options_;
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

Result<std::unique_ptr<Server>> Server::start(Handler& handler, const Options& options) {
  auto impl = std::make_unique<Impl>(handler, options);
  TRY(impl->start());
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

}  // namespace sallyport::services::http
