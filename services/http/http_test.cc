// The transport on a real socket, with raw bytes as hostile clients send them.
#include "services/http/http.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "services/http/hosts.h"
#include "services/http/url.h"

namespace sallyport::services::http {
namespace {

class CountingSource : public Source {
 public:
  CountingSource(std::uint64_t bytes, std::uint64_t fails_after) : left_(bytes), fails_after_(fails_after) {}
  Result<std::size_t> read(std::span<std::uint8_t> out) override {
    if (sent_ >= fails_after_) return invalid("source: it broke");
    const std::size_t count = std::min<std::uint64_t>(out.size(), left_);
    std::fill_n(out.begin(), count, std::uint8_t{'x'});
    left_ -= count;
    sent_ += count;
    return count;
  }

 private:
  std::uint64_t left_;
  std::uint64_t fails_after_;
  std::uint64_t sent_ = 0;
};

class CountingSink : public Sink {
 public:
  Result<void> write(BytesView bytes) override {
    count_ += bytes.size();
    return {};
  }
  Answer finish() override { return {.body = std::to_string(count_)}; }

 private:
  std::uint64_t count_ = 0;
};

constexpr std::uint64_t kLarge = 3 * limits::kMiB + 7;

class Echo : public Handler {
 public:
  Intake intake(const Request& request) override {
    if (request.path == "/sink") return {.kind = Intake::Kind::kStream, .bytes_max = kLarge};
    return {.bytes_max = 1000};
  }
  Opened open(const Request& request) override {
    if (request.header("X-Refuse") == "yes") return {.refusal = {.status = 401, .body = "who?"}};
    return {.sink = std::make_unique<CountingSink>()};
  }
  Answer handle(const Request& request) override {
    if (request.path == "/large") {
      return {
          .source = std::make_shared<CountingSource>(kLarge, request.query == "broken" ? 300'000 : kLarge),
          .source_bytes = kLarge};
    }
    return {.content_type = "text/plain",
            .body = request.method + " " + request.path + "?" + request.query + " " +
                    std::string(as_text(request.body))};
  }
  Answer refuse(int status, const std::string& message) override {
    return {.status = status, .body = message};
  }
};

class Transport : public testing::Test {
 protected:
  void SetUp() override {
    auto started = Server::start(echo_);
    ASSERT_TRUE(started) << started.error().message;
    server_ = std::move(*started);
  }
  // Sends raw bytes and reads until the server closes.
  std::string raw(const std::string& bytes) {
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server_->port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
    ::shutdown(socket, SHUT_WR);
    std::string out;
    char piece[4096];
    for (ssize_t got; (got = ::recv(socket, piece, sizeof piece, 0)) > 0;) {
      out.append(piece, static_cast<std::size_t>(got));
    }
    ::close(socket);
    return out;
  }
  std::string status_of(const std::string& bytes) {
    const std::string answer = raw(bytes);
    return answer.size() < 12 ? answer : answer.substr(9, 3);
  }

  Echo echo_;
  std::unique_ptr<Server> server_;
};

TEST_F(Transport, answers_and_keeps_the_connection) {
  const std::string both =
      raw("GET /a?b=c HTTP/1.1\r\nHost: localhost\r\n\r\n"
          "POST /d HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi");
  EXPECT_NE(both.find("GET /a?b=c "), std::string::npos);
  EXPECT_NE(both.find("POST /d? hi"), std::string::npos);
}

TEST_F(Transport, streams_both_ways) {
  const auto sent =
      ask(server_->port(), {.method = "PUT", .target = "/sink", .body = std::string(kLarge, 'y')});
  ASSERT_TRUE(sent) << sent.error().message;
  EXPECT_EQ(sent->body, std::to_string(kLarge));
  const auto got = ask(server_->port(), {.target = "/large"});
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->body.size(), kLarge);
  EXPECT_FALSE(ask(server_->port(), {.target = "/large?broken"})) << "a broken answer must not look whole";
}

TEST_F(Transport, a_stream_in_chunks_counts_the_same) {
  const std::string chunked =
      "PUT /sink HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
      "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n";
  EXPECT_EQ(raw(chunked).substr(raw(chunked).find("\r\n\r\n") + 4), "7");
}

TEST_F(Transport, limits_hold_for_both_kinds_of_body) {
  EXPECT_EQ(ask(server_->port(), {.method = "POST", .target = "/a", .body = std::string(1001, 'y')})->status,
            413);
  EXPECT_EQ(ask(server_->port(), {.method = "PUT", .target = "/sink", .body = std::string(kLarge + 1, 'y')})
                ->status,
            413);
  Question refused{.method = "PUT", .target = "/sink", .body = std::string(kLarge, 'y')};
  refused.headers = {{"X-Refuse", "yes"}};
  const auto answer = ask(server_->port(), refused);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 401);
  EXPECT_EQ(status_of("GET /" + std::string(20'000, 'a') + " HTTP/1.1\r\nHost: localhost\r\n\r\n"), "413");
}

// Two readings of where a request ends are how one is smuggled behind another.
TEST_F(Transport, requests_with_two_readings_are_refused) {
  const std::string post = "POST /a HTTP/1.1\r\nHost: localhost\r\n";
  for (const char* rest : {
           "Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi!",
           "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
           "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
           "Content-Length: +2\r\n\r\nhi",
           "Content-Length: 0x2\r\n\r\nhi",
           "Content-Length: 2, 2\r\n\r\nhi",
           "Content-Length : 2\r\n\r\nhi",
           "Transfer-Encoding: chunked\r\n\r\n2;\r\nhi\r\nx\r\n\r\n",
           "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
           "X: a\r\n b: c\r\n\x01: d\r\n\r\n",
           "X\r\n\r\n",
       }) {
    EXPECT_EQ(status_of(post + rest), "400") << rest;
  }
  EXPECT_EQ(status_of("GET  /a HTTP/1.1\r\nHost: localhost\r\n\r\n"), "400");
  EXPECT_EQ(status_of("GET /a HTTP/9.9\r\nHost: localhost\r\n\r\n"), "400");
  EXPECT_EQ(status_of("GET /a\x01 HTTP/1.1\r\nHost: localhost\r\n\r\n"), "400");
}

TEST_F(Transport, browsers_of_other_sites_are_refused) {
  EXPECT_EQ(status_of("GET /a HTTP/1.1\r\nHost: evil.example\r\n\r\n"), "403");
  EXPECT_EQ(status_of("GET /a HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n"), "403");
  EXPECT_EQ(status_of("GET /a HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n"), "403");
  EXPECT_EQ(status_of("GET /a HTTP/1.1\r\nHost: localhost\r\nOrigin: null\r\n\r\n"), "403");
  EXPECT_EQ(
      status_of(
          "GET /a HTTP/1.1\r\nHost: localhost:1\r\nOrigin: http://localhost:1\r\nConnection: close\r\n\r\n"),
      "200");
}

TEST(Url, is_decoded_once_and_strictly) {
  EXPECT_EQ(percent_decode("a%2Fb%252f").value(), "a/b%2f");
  EXPECT_EQ(percent_decode("a+b", Plus::kBlank).value(), "a b");
  for (const char* text : {"%", "%1", "%zz", "%00", "%ff", "%c0%ae"})
    EXPECT_FALSE(percent_decode(text)) << text;
  EXPECT_EQ(path_segments("/a%2fb//c").value(), (std::vector<std::string>{"a/b", "", "c"}));
  EXPECT_FALSE(path_segments("a"));
  EXPECT_EQ(parse_query("a=1&a=2&b&&c=%3d").value().size(), 4U);
  EXPECT_FALSE(parse_query(std::string(4000, '&') + "a" + [] {
    std::string many;
    for (int i = 0; i < 1001; ++i) many += "&x";
    return many;
  }()));
}

// Only an address is surely this machine's; a name may lead elsewhere, whatever it begins with.
TEST(Hosts, LoopbackIsAnAddress) {
  for (const char* own : {"127.0.0.1", "127.1.2.3", "::1"}) EXPECT_TRUE(is_loopback(own)) << own;
  for (const char* other : {"localhost", "127.evil.example", "10.0.0.1", "0.0.0.0", "::", ""})
    EXPECT_FALSE(is_loopback(other)) << other;
  for (const char* named : {"localhost:5000", "127.0.0.1", "[::1]:5000", ""})
    EXPECT_TRUE(names_this_machine(named));
  for (const char* other : {"127.0.0.2", "127.evil.example", "evil.example:5000", "[::2]"})
    EXPECT_FALSE(names_this_machine(other)) << other;
}

}  // namespace
}  // namespace sallyport::services::http
