#include "services/http/connection.h"

#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>
#include <type_traits>

#include "services/http/body_share.h"
#include "services/http/head.h"
#include "services/http/hosts.h"
#include "services/http/tls_context.h"

namespace sallyport::services::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = beast::http;
using tcp = asio::ip::tcp;

constexpr auto kTimeout = std::chrono::milliseconds(limits::kRequestTimeoutMs);
constexpr unsigned kHttp11 = 11;
// What one read takes at most while a head is not whole: as much as a connection that says nothing holds.
constexpr std::size_t kHeadReadBytes = 2 * limits::kKiB;
constexpr std::string_view kHeadEnd = "\r\n\r\n";

bool is_malformed(beast::error_code code) {
  return code.category() == bhttp::make_error_code(bhttp::error::bad_method).category() &&
         code != bhttp::error::end_of_stream && code != bhttp::error::partial_message;
}

bool is_too_large(beast::error_code code) {
  return code == bhttp::error::body_limit || code == bhttp::error::header_limit ||
         code == bhttp::error::buffer_overflow;
}

using PlainStream = beast::tcp_stream;
using SecureStream = asio::ssl::stream<beast::tcp_stream>;

template <class Stream>
class Connection : public std::enable_shared_from_this<Connection<Stream>> {
 public:
  // `rest` is what a stream needs beside the socket.
  template <class... Rest>
  explicit Connection(Shared& shared, tcp::socket socket, Rest&... rest)
      : stream_(beast::tcp_stream(std::move(socket)), rest...), shared_(shared) {
    ++shared_.open;
  }
  ~Connection() { --shared_.open; }

  void start(Admission admission) {
    beast::error_code code;
    lowest().socket().set_option(tcp::no_delay(true), code);
    const auto peer = lowest().socket().remote_endpoint(code);
    peer_ = code ? "unknown" : peer.address().to_string();
    asio::dispatch(stream_.get_executor(), [self = this->shared_from_this(), admission] {
      if constexpr (kSecure) return self->shake_hands(admission);
      self->welcome(admission);
    });
  }

 private:
  static constexpr bool kSecure = std::is_same_v<Stream, SecureStream>;

  beast::tcp_stream& lowest() { return beast::get_lowest_layer(stream_); }

  // A stranger who does not end it is let go like one who sends no request.
  void shake_hands(Admission admission) {
    if constexpr (kSecure) {
      if (admission == Admission::kFull) return;
      lowest().expires_after(kTimeout);
      stream_.async_handshake(asio::ssl::stream_base::server,
                              [self = this->shared_from_this(), admission](beast::error_code code) {
                                if (code) return self->close();
                                self->client_ = client_subject(self->stream_.native_handle());
                                self->welcome(admission);
                              });
    }
  }

  void welcome(Admission admission) {
    if (admission == Admission::kFull) return refuse(503, "too many connections");
    read();
  }

  // What one of the two pieces holds: the transport has the one, the sink or the source the other.
  struct Piece {
    std::size_t bytes = 0;
    bool last = false;
  };

  void read() {
    head_.emplace();
    // The limit comes with the handler's word on the body; to Boost 1.74 every body is larger than none.
    head_->body_limit(std::numeric_limits<std::uint64_t>::max());
    head_->header_limit(limits::kRequestHeaderBytesMax);
    lowest().expires_after(kTimeout);
    read_head(0);
  }

  // The first `searched` bytes of the buffer hold no end of a head. What goes wrong here the parser will say.
  void read_head(std::size_t searched) {
    const std::string_view have(static_cast<const char*>(buffer_.data().data()), buffer_.size());
    const std::size_t end = have.find(kHeadEnd, searched - std::min(searched, kHeadEnd.size() - 1));
    if (end != std::string_view::npos) return on_head(have.substr(0, end + kHeadEnd.size()));
    if (have.size() > limits::kRequestHeaderBytesMax) return on_head({});
    stream_.async_read_some(buffer_.prepare(kHeadReadBytes),
                            [self = this->shared_from_this()](beast::error_code code, std::size_t bytes) {
                              if (code) return self->on_head({});
                              const std::size_t before = self->buffer_.size();
                              self->buffer_.commit(bytes);
                              self->read_head(before);
                            });
  }

  void on_head(std::string_view head) {
    if (!head.empty() && !is_plain_head(head)) return refuse(400, "not an HTTP request");
    bhttp::async_read_header(
        stream_, buffer_, *head_,
        [self = this->shared_from_this()](beast::error_code code, std::size_t) { self->on_header(code); });
  }

  void on_header(beast::error_code code) {
    if (code) return on_failure(code);
    const auto& got = head_->get();
    version_ = got.version();
    keep_alive_ = got.keep_alive();
    const std::string target(got.target());
    const std::size_t mark = target.find('?');
    request_ = {.method = std::string(got.method_string()),
                .path = target.substr(0, mark),
                .query = mark == std::string::npos ? "" : target.substr(mark + 1),
                .peer = peer_,
                .client = client_};
    for (const auto& field : got) {
      request_.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
    }
    if (!is_plain_framing(request_.header("Content-Length"), request_.count("Content-Length"),
                          request_.header("Transfer-Encoding"), request_.count("Transfer-Encoding"))) {
      return refuse(400, "not an HTTP request");
    }
    if (shared_.loopback && !names_this_machine(request_.header("Host"))) {
      return refuse(403, "the Host header names another machine");
    }
    if (!same_site(request_.header("Origin"), request_.header("Host"))) {
      return refuse(403, "a page of another site must not talk to this server");
    }
    take_body();
  }

  // The body's share of the memory is taken before its first byte is read; one without a length takes the
  // most.
  void take_body() {
    const Intake intake = shared_.handler.intake(request_);
    const auto length = head_->content_length();
    if (length && *length > intake.bytes_max)
      return refuse(413, "the request is larger than the server takes");
    const std::uint64_t most = length ? *length : head_->chunked() ? intake.bytes_max : 0;
    if (intake.kind == Intake::Kind::kStream) return open_sink(intake);
    if (!share_.take(shared_.body_bytes, most)) return refuse(503, "too much is being sent at once");
    body_.emplace(std::move(*head_));
    body_->body_limit(intake.bytes_max);
    encourage([self = this->shared_from_this()] {
      bhttp::async_read(self->stream_, self->buffer_, *self->body_,
                        [self](beast::error_code code, std::size_t) {
                          if (code) return self->on_failure(code);
                          self->request_.body = as_bytes(self->body_->get().body());
                          self->answer();
                        });
    });
  }

  // Some clients send a large body only when they are asked to.
  template <class Next>
  void encourage(Next next) {
    if (request_.header("Expect") != "100-continue") return next();
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    asio::async_write(stream_, asio::buffer(kContinue),
                      [self = this->shared_from_this(), next](beast::error_code code, std::size_t) {
                        if (code) return self->close();
                        next();
                      });
  }

  void open_sink(const Intake& intake) {
    lowest().expires_never();
    asio::post(shared_.waiting, [self = this->shared_from_this(), intake] {
      auto opened = std::make_shared<Opened>(self->shared_.handler.open(self->request_));
      asio::post(self->stream_.get_executor(), [self, intake, opened] {
        if (!opened->sink) return self->send(std::move(opened->refusal), false);
        self->sink_ = std::move(opened->sink);
        self->streamed_.emplace(std::move(*self->head_));
        self->streamed_->body_limit(intake.bytes_max);
        self->piece_bytes_ = limits::kHttpPieceBytesMin;
        // Beast reads no more at once than the buffer has room for.
        self->buffer_.reserve(limits::kHttpReadBytes);
        self->received_ = 0;
        const auto length = self->streamed_->content_length();
        self->body_left_ = length ? std::optional<std::uint64_t>(*length) : std::nullopt;
        self->failed_ = {};
        self->full_.reset();
        self->sinking_ = false;
        self->started_ = std::chrono::steady_clock::now();
        self->encourage([self] { self->read_piece(); });
      });
    });
  }

  // The time that a body may take grows with what has arrived of it, not with how often something arrives.
  std::chrono::steady_clock::time_point deadline(std::uint64_t moved) const {
    return started_ + kTimeout + std::chrono::seconds(moved / limits::kHttpBytesPerSecondMin);
  }

  // Four times as large with each that was filled.
  void size_piece() {
    if (piece_.size() < piece_bytes_) piece_.resize(piece_bytes_);
    piece_bytes_ = std::min(4 * piece_bytes_, limits::kHttpPieceBytesMax);
  }

  // A body of known length is taken from the socket as it is; the parser reads what is in chunks.
  void read_piece() {
    lowest().expires_at(deadline(received_));
    size_piece();
    if (body_left_) return read_plain();
    streamed_->get().body().data = piece_.data();
    streamed_->get().body().size = piece_.size();
    bhttp::async_read(stream_, buffer_, *streamed_,
                      [self = this->shared_from_this()](beast::error_code code, std::size_t) {
                        if (code == bhttp::error::need_buffer) code = {};
                        const std::size_t bytes = self->piece_.size() - self->streamed_->get().body().size;
                        self->got_piece(code, bytes, self->streamed_->is_done());
                      });
  }

  // Asio on its own would ask the system for 64 KiB at a time.
  static auto whole(std::size_t bytes) {
    return [bytes](const beast::error_code& code, std::size_t moved) { return code ? 0 : bytes - moved; };
  }

  void read_plain() {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(piece_.size(), *body_left_));
    const std::size_t there = asio::buffer_copy(asio::buffer(piece_.data(), wanted), buffer_.data());
    buffer_.consume(there);
    asio::async_read(stream_, asio::buffer(piece_.data() + there, wanted - there), whole(wanted - there),
                     [self = this->shared_from_this(), wanted](beast::error_code code, std::size_t) {
                       if (!code) *self->body_left_ -= wanted;
                       self->got_piece(code, wanted, !code && *self->body_left_ == 0);
                     });
  }

  // The next piece arrives while the sink takes the one before.
  void got_piece(beast::error_code code, std::size_t bytes, bool last) {
    if (sink_ == nullptr) return;  // the answer is on its way already
    lowest().expires_never();
    received_ += bytes;
    if (code) {
      failed_ = code;
    } else {
      full_ = Piece{.bytes = bytes, .last = last};
    }
    sink_next();
  }

  void sink_next() {
    if (sinking_) return;
    if (failed_) return on_failure(failed_);
    if (!full_) return;
    const Piece piece = *full_;
    full_.reset();
    std::swap(piece_, spare_);
    sinking_ = true;
    asio::post(shared_.waiting, [self = this->shared_from_this(), piece] {
      const auto written = self->sink_->write(BytesView(self->spare_).first(piece.bytes));
      std::shared_ptr<Answer> made;
      if (!written || piece.last) made = std::make_shared<Answer>(self->sink_->finish());
      asio::post(self->stream_.get_executor(), [self, piece, made] { self->sunk(piece, made); });
    });
    if (!piece.last) read_piece();
  }

  void sunk(const Piece& piece, const std::shared_ptr<Answer>& made) {
    sinking_ = false;
    if (made == nullptr) return sink_next();
    sink_.reset();
    // A read that is under way holds `piece_`: the connection is left to end with this answer.
    if (!piece.last) lowest().cancel();
    send(std::move(*made), piece.last && keep_alive_);
  }

  void on_failure(beast::error_code code) {
    sink_.reset();
    if (is_too_large(code)) return refuse(413, "the request is larger than the server takes");
    if (is_malformed(code)) return refuse(400, "not an HTTP request");
    close();
  }

  void refuse(int status, const std::string& message) {
    send(shared_.handler.refuse(status, message), false);
  }

  void answer() {
    lowest().expires_never();  // the handler has limits of its own
    asio::post(shared_.waiting, [self = this->shared_from_this()] {
      Answer made = self->shared_.handler.handle(self->request_);
      asio::post(self->stream_.get_executor(), [self, kept = std::move(made)]() mutable {
        self->send(std::move(kept), self->keep_alive_);
      });
    });
  }

  template <class Response>
  void set_headers(Response& response, const Answer& answer) {
    response.set(bhttp::field::server, "sallyport");
    response.set(bhttp::field::content_type, answer.content_type);
    response.set("X-Content-Type-Options", "nosniff");
    for (const auto& [name, value] : answer.headers) response.set(name, value);
    response.keep_alive(keep_alive_);
  }

  void send(Answer answer, bool keep_alive) {
    keep_alive_ = keep_alive;
    in_flight_ = std::move(answer.in_flight);
    if (answer.source) return send_stream(std::move(answer));
    response_.emplace(static_cast<bhttp::status>(answer.status), version_);
    set_headers(*response_, answer);
    response_->body() = std::move(answer.body);
    response_->prepare_payload();
    lowest().expires_after(kTimeout);
    bhttp::async_write(
        stream_, *response_,
        [self = this->shared_from_this()](beast::error_code code, std::size_t) { self->sent(code); });
  }

  void send_stream(Answer answer) {
    source_ = std::move(answer.source);
    left_ = answer.source_bytes;
    piece_bytes_ = limits::kHttpPieceBytesMin;
    failed_ = {};
    full_.reset();
    writing_ = false;
    stream_head_.emplace(static_cast<bhttp::status>(answer.status), version_);
    set_headers(*stream_head_, answer);
    stream_head_->content_length(left_);
    serializer_.emplace(*stream_head_);
    received_ = 0;
    started_ = std::chrono::steady_clock::now();
    lowest().expires_after(kTimeout);
    bhttp::async_write_header(stream_, *serializer_,
                              [self = this->shared_from_this()](beast::error_code code, std::size_t) {
                                if (code || self->left_ == 0) return self->sent(code);
                                self->fill_piece();
                              });
  }

  // The next piece is read while the one before is written.
  void fill_piece() {
    if (left_ == 0) return;
    size_piece();
    const std::size_t wanted = std::min<std::uint64_t>(piece_.size(), left_);
    asio::post(shared_.waiting, [self = this->shared_from_this(), wanted] {
      auto got = self->source_->read(std::span(self->piece_).first(wanted));
      const std::size_t bytes = got && *got <= wanted ? *got : 0;
      asio::post(self->stream_.get_executor(), [self, bytes] {
        self->full_ = Piece{.bytes = bytes, .last = bytes == self->left_};
        self->left_ -= bytes;
        self->write_piece();
      });
    });
  }

  void write_piece() {
    if (writing_ || !full_) return;
    if (failed_) return sent(failed_);
    const Piece piece = *full_;
    if (piece.bytes == 0) return cut();
    full_.reset();
    std::swap(piece_, spare_);
    received_ += piece.bytes;
    writing_ = true;
    lowest().expires_at(deadline(received_));
    asio::async_write(stream_, asio::buffer(spare_.data(), piece.bytes), whole(piece.bytes),
                      [self = this->shared_from_this(), piece](beast::error_code code, std::size_t) {
                        self->writing_ = false;
                        if (piece.last) return self->sent(code);
                        self->failed_ = code;
                        self->lowest().expires_never();
                        self->write_piece();
                      });
    fill_piece();
  }

  void sent(beast::error_code code) {
    in_flight_.reset();
    source_.reset();
    share_.release();
    if (code) return close();
    if (!keep_alive_) return drain();
    read();
  }

  // What the client has sent already is read and dropped: a connection that is closed on unread bytes is
  // reset, and the answer with it.
  void drain() {
    lowest().expires_after(std::chrono::milliseconds(limits::kHttpDrainMs));
    if constexpr (kSecure) {
      // The client can tell an end that was meant from one that somebody on the way made.
      stream_.async_shutdown([self = this->shared_from_this()](beast::error_code) { self->drain_socket(); });
    } else {
      drain_socket();
    }
  }
  void drain_socket() {
    beast::error_code code;
    lowest().socket().shutdown(asio::socket_base::shutdown_send, code);
    if (code) return;
    piece_.resize(limits::kHttpPieceBytesMin);
    received_ = 0;
    drain_more();
  }
  void drain_more() {
    lowest().async_read_some(asio::buffer(piece_),
                             [self = this->shared_from_this()](beast::error_code code, std::size_t bytes) {
                               self->received_ += bytes;
                               if (code || self->received_ > limits::kHttpDrainBytesMax) return;
                               self->drain_more();
                             });
  }

  void close() {
    beast::error_code code;
    lowest().socket().shutdown(asio::socket_base::shutdown_send, code);
  }

  // The answer is not whole and must not look so.
  void cut() {
    in_flight_.reset();
    source_.reset();
    lowest().close();
  }

  Stream stream_;
  beast::flat_buffer buffer_;
  std::optional<bhttp::request_parser<bhttp::empty_body>> head_;
  std::optional<bhttp::request_parser<bhttp::string_body>> body_;
  std::optional<bhttp::request_parser<bhttp::buffer_body>> streamed_;
  std::optional<bhttp::response<bhttp::string_body>> response_;
  std::optional<bhttp::response<bhttp::empty_body>> stream_head_;
  std::optional<bhttp::response_serializer<bhttp::empty_body>> serializer_;
  Shared& shared_;
  BodyShare share_;
  Request request_;
  Bytes piece_;
  Bytes spare_;
  std::size_t piece_bytes_ = limits::kHttpPieceBytesMin;
  std::optional<Piece> full_;
  std::optional<std::uint64_t> body_left_;
  beast::error_code failed_;
  bool sinking_ = false;
  bool writing_ = false;
  std::unique_ptr<Sink> sink_;
  std::shared_ptr<Source> source_;
  std::shared_ptr<void> in_flight_;  // until the answer is taken
  std::uint64_t received_ = 0;
  std::uint64_t left_ = 0;
  std::chrono::steady_clock::time_point started_;
  unsigned version_ = kHttp11;
  bool keep_alive_ = false;
  std::string peer_;
  std::string client_;
};

}  // namespace

void serve_connection(tcp::socket socket, Shared& shared, Admission admission) {
  if (shared.tls) {
    auto& context = shared.tls->context().ssl;
    std::make_shared<Connection<SecureStream>>(shared, std::move(socket), context)->start(admission);
  } else {
    std::make_shared<Connection<PlainStream>>(shared, std::move(socket))->start(admission);
  }
}

}  // namespace sallyport::services::http
