// TLS as a client sees it: the certificate that was made at the first start, who is let in by one of their
// own, and what is refused before a request is read.
#include "services/http/tls.h"

#include <gtest/gtest.h>
#include <openssl/x509v3.h>

#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <cstdlib>

#include "core/forwarding_env.h"
#include "services/http/fetch.h"
#include "services/http/http.h"

namespace sallyport::services::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = beast::http;

class Names : public Handler {
 public:
  Answer handle(const Request& request) override {
    return {.content_type = "text/plain", .body = "you are " + request.client};
  }
  Intake intake(const Request& request) override {
    if (request.method == "PUT") return {.kind = Intake::Kind::kStream, .bytes_max = 64 << 20};
    return {};
  }
  Opened open(const Request&) override { return {.sink = std::make_unique<Counter>()}; }
  Answer refuse(int status, const std::string& message) override {
    return {.status = status, .body = message};
  }

 private:
  class Counter : public Sink {
   public:
    Result<void> write(BytesView bytes) override {
      count_ += bytes.size();
      return {};
    }
    Answer finish() override { return {.body = std::to_string(count_)}; }

   private:
    std::size_t count_ = 0;
  };
};

class TlsServer : public testing::Test {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::path(testing::TempDir()) / ("sallyport-tls-" + std::string(test->name()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    auto files = self_signed(env_, folder_, "127.0.0.1");
    ASSERT_TRUE(files) << files.error().message;
    files_ = *files;
  }
  void TearDown() override {
    server_.reset();
    fs::remove_all(folder_);
  }
  void start() {
    const auto tls = Tls::load(env_, files_);
    ASSERT_TRUE(tls) << tls.error().message;
    auto started = Server::start(names_, {.tls = *tls});
    ASSERT_TRUE(started) << started.error().message;
    server_ = std::move(*started);
  }

  struct Asking {
    std::string host = "127.0.0.1";  // that the certificate must be for
    fs::path certificate = {};
    fs::path key = {};
    int version_max = 0;
    std::string method = "GET";
    std::string body = {};
  };
  // The body of the answer, or "" when the client or the server wanted nothing of the other.
  std::string ask_securely(const Asking& asking) {
    try {
      asio::io_context context;
      asio::ssl::context ssl(asio::ssl::context::tls_client);
      ssl.load_verify_file(files_.certificate.string());
      ssl.set_verify_mode(asio::ssl::verify_peer);
      ssl.set_verify_callback(asio::ssl::host_name_verification(asking.host));
      if (!asking.certificate.empty()) {
        ssl.use_certificate_file(asking.certificate.string(), asio::ssl::context::pem);
        ssl.use_private_key_file(asking.key.string(), asio::ssl::context::pem);
      }
      if (asking.version_max != 0) SSL_CTX_set_max_proto_version(ssl.native_handle(), asking.version_max);
      asio::ssl::stream<beast::tcp_stream> stream(context, ssl);
      stream.next_layer().connect({asio::ip::make_address("127.0.0.1"), server_->port()});
      stream.handshake(asio::ssl::stream_base::client);
      bhttp::request<bhttp::string_body> request(bhttp::verb::get, "/", 11);
      request.method_string(asking.method);
      request.set(bhttp::field::host, "127.0.0.1");
      request.body() = asking.body;
      request.prepare_payload();
      request.keep_alive(false);
      bhttp::write(stream, request);
      beast::flat_buffer buffer;
      bhttp::response<bhttp::string_body> response;
      bhttp::read(stream, buffer, response);
      beast::error_code end;
      char byte = 0;
      stream.read_some(asio::buffer(&byte, 1), end);
      EXPECT_EQ(end, asio::error::eof) << "an end without TLS's own farewell: " << end.message();
      return response.body();
    } catch (const boost::system::system_error&) {
      return {};
    }
  }
  // A certificate authority of ours, and a certificate of it for `subject`.
  void make_client(const std::string& name, const std::string& subject, const std::string& issuer = "ca") {
    const std::string command =
        "cd '" + folder_.string() + "' && { [ -e " + issuer +
        ".pem ] || openssl req -x509 -newkey ec -pkeyopt " + "ec_paramgen_curve:P-256 -nodes -keyout " +
        issuer + ".key -out " + issuer + ".pem -days 2 -subj /CN=" + issuer +
        "; } && openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout " + name +
        ".key -out " + name + ".csr -subj '" + subject + "' && openssl x509 -req -in " + name + ".csr -CA " +
        issuer + ".pem -CAkey " + issuer + ".key -CAcreateserial -days 2 -out " + name + ".pem";
    ASSERT_EQ(std::system(("( " + command + " ) >/dev/null 2>&1").c_str()), 0);
  }

  Env& env_ = system_env();
  fs::path folder_;
  TlsFiles files_;
  Names names_;
  std::unique_ptr<Server> server_;
};

TEST_F(TlsServer, a_certificate_of_its_own_is_verified_by_name) {
  start();
  EXPECT_EQ(ask_securely({}), "you are ");
  EXPECT_EQ(ask_securely({.host = "localhost"}), "you are ");
  EXPECT_EQ(ask_securely({.host = "elsewhere.example"}), "");
  EXPECT_EQ(ask_securely({.version_max = TLS1_1_VERSION}), "") << "an old version of the protocol";
  EXPECT_EQ(ask_securely({.version_max = TLS1_2_VERSION}), "you are ");
  EXPECT_EQ(ask_securely({.method = "PUT", .body = std::string(3'000'000, 'x')}), "3000000");
  EXPECT_FALSE(ask(server_->port(), {.target = "/"})) << "plain HTTP gets no answer";
  const auto status = env_.status(files_.key);
  ASSERT_TRUE(status);
  EXPECT_EQ(status->mode, 0600U);
}

TEST_F(TlsServer, the_certificate_stays_until_it_ends) {
  class Later : public ForwardingEnv {
   public:
    Later() : ForwardingEnv(system_env()) {}
    std::int64_t now_unix_s() override { return system_env().now_unix_s() + 365LL * 24 * 3600; }
  } later;
  const auto first = Tls::load(env_, files_).value()->fingerprint();
  EXPECT_EQ(first.size(), 95U);
  EXPECT_EQ(Tls::load(env_, self_signed(env_, folder_, "127.0.0.1").value()).value()->fingerprint(), first);
  EXPECT_NE(Tls::load(env_, self_signed(later, folder_, "127.0.0.1").value()).value()->fingerprint(), first);
}

TEST_F(TlsServer, clients_are_who_their_certificate_says) {
  make_client("ana", "/O=Example/CN=ana");
  make_client("eve", "/O=Example/CN=ana", "other-ca");
  files_.client_ca = folder_ / "ca.pem";
  start();
  EXPECT_EQ(ask_securely({.certificate = folder_ / "ana.pem", .key = folder_ / "ana.key"}),
            "you are CN=ana,O=Example");
  EXPECT_EQ(ask_securely({.certificate = folder_ / "eve.pem", .key = folder_ / "eve.key"}), "");
  EXPECT_EQ(ask_securely({}), "") << "none was shown";
}

TEST_F(TlsServer, keys_that_are_no_secret_are_refused) {
  fs::permissions(files_.key, fs::perms::group_read, fs::perm_options::add);
  EXPECT_FALSE(Tls::load(env_, files_));
  fs::permissions(files_.key, fs::perms::owner_read);
  EXPECT_TRUE(Tls::load(env_, files_));
  make_client("ana", "/CN=ana");
  fs::permissions(folder_ / "ana.key", fs::perms::owner_read);
  EXPECT_FALSE(Tls::load(env_, {.certificate = files_.certificate, .key = folder_ / "ana.key"}))
      << "the key of another certificate";
  EXPECT_FALSE(Tls::load(env_, {.certificate = files_.key, .key = files_.key}));
}

TEST_F(TlsServer, strangers_to_the_protocol_cost_one_connection) {
  start();
  asio::io_context context;
  std::vector<std::unique_ptr<asio::ip::tcp::socket>> silent;
  for (int i = 0; i < 200; ++i) {
    auto socket = std::make_unique<asio::ip::tcp::socket>(context);
    socket->connect({asio::ip::make_address("127.0.0.1"), server_->port()});
    if (i % 2 == 0) asio::write(*socket, asio::buffer(std::string("GET / HTTP/1.1\r\n\r\n")));
    silent.push_back(std::move(socket));
  }
  EXPECT_EQ(ask_securely({}), "you are ");
}

TEST_F(TlsServer, fetch_trusts_no_certificate_that_the_system_does_not_know) {
  start();
  const std::string port = std::to_string(server_->port());
  EXPECT_FALSE(fetch("https://127.0.0.1:" + port + "/keys", {.bytes_max = 1000}));
  for (const char* address : {"http://192.0.2.1/keys", "ftp://127.0.0.1/", "https://user@127.0.0.1/",
                              "https://127.0.0.1/a b", "https://", "http://127.0.0.1.evil.example/"}) {
    EXPECT_FALSE(fetch(address, {.bytes_max = 1000})) << address;
  }
  EXPECT_EQ(fetch("https://127.0.0.1:" + port + "/", {.bytes_max = 1000, .roots = files_.certificate})
                .value_or("none"),
            "you are ");
  auto plain = Server::start(names_);
  ASSERT_TRUE(plain);
  const std::string address = "http://127.0.0.1:" + std::to_string((*plain)->port()) + "/";
  EXPECT_EQ(fetch(address, {.bytes_max = 1000}).value_or("none"), "you are ");
  EXPECT_FALSE(fetch(address, {.bytes_max = 4})) << "longer than was wanted";
}

}  // namespace
}  // namespace sallyport::services::http
