#include "services/http/fetch.h"

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "core/bytes.h"
#include "services/http/hosts.h"

namespace sallyport::services::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = beast::http;

struct Address {
  bool secure = true;
  std::string host = {};
  std::string port = {};
  std::string target = {};
};

Result<Address> parse(const std::string& text) {
  Address out{.secure = text.starts_with("https://")};
  const std::size_t start = out.secure ? 8 : 7;
  if (!out.secure && !text.starts_with("http://")) return invalid(shown(text) + ": neither https nor http");
  const std::size_t slash = std::min(text.find('/', start), text.size());
  const std::string authority = text.substr(start, slash - start);
  out.target = slash == text.size() ? "/" : text.substr(slash);
  if (authority.empty() || authority.find('@') != std::string::npos)
    return invalid(shown(text) + ": not an address");
  for (const char c : text) {
    if (c <= ' ' || c == 0x7f) return invalid(shown(text) + ": not an address");
  }
  const std::size_t colon = authority.rfind(':');
  const bool has_port = colon != std::string::npos && authority.find(']', colon) == std::string::npos;
  out.host = authority.substr(0, has_port ? colon : authority.size());
  out.port = has_port ? authority.substr(colon + 1) : out.secure ? "443" : "80";
  if (!out.secure && !names_this_machine(authority)) {
    return fail(ErrorKind::kDenied, shown(text) + ": plain http from another machine", "use https");
  }
  return out;
}

// One exchange, step by step on one context; what goes wrong first is kept.
class Fetch {
 public:
  Fetch(Address address, const FetchOptions& options, const Posted* posted)
      : address_(std::move(address)), options_(options), posted_(posted) {
    response_.body_limit(options.bytes_max);
  }

  Result<Answered> run() {
    if (address_.secure) {
      if (auto ready = prepare(); !ready) return std::unexpected(ready.error());
    }
    resolver_.async_resolve(address_.host, address_.port, [this](auto code, auto results) {
      if (failed(code)) return;
      socket().async_connect(results, [this](auto connected, const auto&) {
        if (!failed(connected)) shake_hands();
      });
    });
    const std::chrono::seconds patience(options_.patience_s);
    socket().expires_after(patience);
    context_.run_for(patience);
    if (!done_)
      return fail(ErrorKind::kIo, address_.host + ": " + (why_.empty() ? "no answer in time" : why_));
    if (response_.get().body().size() > options_.bytes_max) {
      return fail(ErrorKind::kLimit, address_.host + ": a longer answer than was wanted");
    }
    Answered out{.status = static_cast<int>(response_.get().result_int())};
    const auto type = response_.get()[bhttp::field::content_type];
    out.content_type.assign(type.data(), type.size());
    out.body = std::move(response_.get().body());
    return out;
  }

 private:
  Result<void> prepare() {
    beast::error_code code;
    if (options_.roots.empty()) {
      ssl_.set_default_verify_paths(code);
    } else {
      ssl_.load_verify_file(options_.roots.string(), code);
      if (code) return invalid(options_.roots.string() + ": no certificates in PEM");
    }
    // Of the stream: it was made of the context before.
    stream_.set_verify_mode(asio::ssl::verify_peer, code);
    stream_.set_verify_callback(asio::ssl::host_name_verification(address_.host), code);
    if (SSL_set_tlsext_host_name(stream_.native_handle(), address_.host.c_str()) != 1 || code) {
      return fail(ErrorKind::kIo, address_.host + ": TLS could not be set up");
    }
    return {};
  }
  beast::tcp_stream& socket() { return stream_.next_layer(); }

  void shake_hands() {
    if (!address_.secure) return send(socket());
    stream_.async_handshake(asio::ssl::stream_base::client, [this](beast::error_code code) {
      if (!failed(code)) send(stream_);
    });
  }

  template <class Stream>
  void send(Stream& stream) {
    request_ = {posted_ == nullptr ? bhttp::verb::get : bhttp::verb::post, address_.target, 11};
    request_.set(bhttp::field::host, address_.host);
    if (posted_ != nullptr) {
      request_.method_string(posted_->method);
      request_.set(bhttp::field::content_type, posted_->content_type);
      request_.body() = posted_->body;
      request_.prepare_payload();
    }
    if (!options_.bearer.empty()) request_.set(bhttp::field::authorization, "Bearer " + options_.bearer);
    request_.keep_alive(false);
    bhttp::async_write(stream, request_, [this, &stream](beast::error_code code, std::size_t) {
      if (failed(code)) return;
      bhttp::async_read(stream, buffer_, response_, [this](beast::error_code read, std::size_t) {
        if (!failed(read)) done_ = true;
      });
    });
  }

  bool failed(beast::error_code code) {
    if (code && why_.empty()) why_ = code.message();
    return static_cast<bool>(code);
  }

  Address address_;
  FetchOptions options_;
  const Posted* posted_;
  asio::io_context context_;
  asio::ssl::context ssl_{asio::ssl::context::tls_client};
  asio::ip::tcp::resolver resolver_{context_};
  asio::ssl::stream<beast::tcp_stream> stream_{context_, ssl_};
  beast::flat_buffer buffer_;
  bhttp::request<bhttp::string_body> request_;
  bhttp::response_parser<bhttp::string_body> response_;
  std::string why_;
  bool done_ = false;
};

}  // namespace

Result<std::string> fetch(const std::string& address, const FetchOptions& options) {
  Address at = TRY(parse(address));
  const std::string host = at.host;
  Answered answered = TRY(Fetch(std::move(at), options, nullptr).run());
  if (answered.status != 200)
    return fail(ErrorKind::kIo, host + ": answered with " + std::to_string(answered.status));
  return std::move(answered.body);
}

Result<Answered> post(const std::string& address, const Posted& posted, const FetchOptions& options) {
  return Fetch(TRY(parse(address)), options, &posted).run();
}

}  // namespace sallyport::services::http
