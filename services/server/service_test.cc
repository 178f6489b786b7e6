// The real server on a real socket, with a worker in Python in the engine's place: it hands back its input as
// the probabilities, so every answer is known. The requests are those of ordinary clients, careless ones and
// hostile ones.
#include "services/server/service.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "catalog/coverage.h"
#include "core/forwarding_env.h"
#include "services/server/http.h"

namespace sallyport::services::server {
namespace {

// A first value of 9 makes it die, of 8 makes it hang.
constexpr const char* kEngine = R"(
import json, os, socket, struct, sys, time
peer = socket.socket(fileno=3)
def take(count):
  data = b''
  while len(data) < count:
    part = peer.recv(min(1 << 20, count - len(data)))
    if not part: sys.exit(0)
    data += part
  return data
while True:
  size, payload_size = struct.unpack('<IQ', take(12))
  header = json.loads(take(size)); payload = take(payload_size)
  reply, body = {'inputs': [], 'outputs': []}, b''
  if header['op'] == 'infer':
    first = struct.unpack('<f', payload[:4])[0]
    if first == 9: os.abort()
    if first == 8: time.sleep(600)
    tensor = header['inputs'][0]
    reply, body = {'outputs': [dict(tensor, name='probabilities')]}, payload
  text = json.dumps(reply).encode()
  peer.sendall(struct.pack('<IQ', len(text), len(body)) + text + body)
)";

constexpr const char* kMetadata = R"({"name":"echo","versions":["4"],"platform":"test",
  "inputs":[{"name":"input","datatype":"FP32","shape":[-1,3],"minimum":0,"maximum":9}],
  "outputs":[{"name":"probabilities","datatype":"FP32","shape":[-1,3]}]})";

VerifiedModel model_with(std::vector<std::string> labels) {
  VerifiedModel model{.name = "echo",
                      .version = 4,
                      .artifact = sha256("echo"),
                      .bytes = {},
                      .metadata = {},
                      .signature = {},
                      .labels = std::move(labels),
                      .chain = {}};
  model.metadata = parse_json(kMetadata).value();
  model.signature = formats::oip::read_signature(model.metadata).value();
  return model;
}

worker::Plan engine() {
  worker::Plan plan;
  plan.name = "test-engine";
  plan.confinement.command = {"python3", "-c", kEngine};
  plan.confinement.environment = {{"PATH", "/usr/bin:/bin"}, {"HOME", "/tmp"}};
  plan.confinement.local_sockets = sandbox::LocalSockets::kAny;
  return plan;
}

class FullDisk : public ForwardingEnv {
 public:
  FullDisk() : ForwardingEnv(system_env()) {}
  Result<void> append(const fs::path& path, BytesView bytes) override {
    if (full) return fail(ErrorKind::kIo, "no space left on device");
    return ForwardingEnv::append(path, bytes);
  }
  std::atomic<bool> full = false;
};

class ServiceTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    audit_ = fs::temp_directory_path() /
             (std::string("sallyport_service_") + test->name() + std::to_string(getpid()));
    fs::remove_all(audit_);
    first_key_ = Audit::create(env_, audit_).value();
  }
  void TearDown() override {
    server_.reset();
    service_.reset();
    fs::remove_all(audit_);
  }

  void serve(std::vector<std::string> labels = {"a", "b", "c"}, BudgetOptions budget = service_budget()) {
    auto service = Service::start(env_, model_with(std::move(labels)), Policy{},
                                  {.audit = audit_, .budget = std::move(budget), .engine = engine()});
    ASSERT_TRUE(service) << service.error().message;
    service_ = std::move(*service);
    server_ = Server::start(*service_).value();
  }

  Exchange ask(const std::string& method, const std::string& target, const std::string& body = {},
               const std::string& type = "application/json") {
    const auto got = request(server_->port(), method, target, body, type);
    EXPECT_TRUE(got) << got.error().message;
    return got.value_or(Exchange{});
  }
  Exchange infer(const std::string& body) { return ask("POST", "/v2/models/echo/infer", body); }
  std::string error_of(const Exchange& exchange) {
    const auto json = parse_json(exchange.body);
    return json && json->contains("error") && json->size() == 1 ? (*json)["error"].get<std::string>()
                                                                : "no error";
  }

  // Bytes as they are, and all that comes back until the server closes.
  std::string raw(const std::string& bytes) {
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server_->port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    for (std::size_t sent = 0; sent < bytes.size();) {
      const ssize_t now = ::send(socket, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (now <= 0) break;
      sent += static_cast<std::size_t>(now);
    }
    ::shutdown(socket, SHUT_WR);
    std::string out(1 << 16, '\0');
    std::size_t length = 0;
    for (ssize_t got = 1; got > 0 && length < out.size();
         length += static_cast<std::size_t>(std::max<ssize_t>(got, 0))) {
      got = ::recv(socket, out.data() + length, out.size() - length, 0);
    }
    ::close(socket);
    return out.substr(0, length);
  }

  // What the audit guard says of the log, held against the gateway's count.
  std::vector<std::string> audit_findings(std::int64_t answered) {
    const auto records = read_audit(env_, audit_).value();
    const Guard* guard = catalog::find_guard("audit_chain");
    const auto got = guard->event({.name = "audit",
                                   .records = records,
                                   .first_key = first_key_,
                                   .anchors = Json::array(),
                                   .answered = answered},
                                  Parameters(guard->parameters));
    std::vector<std::string> out;
    for (const Finding& finding : got.value().findings) out.push_back(finding.message);
    return out;
  }

  FullDisk env_;
  fs::path audit_;
  Digest first_key_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<Server> server_;
};

std::string body_of(const std::string& data, const std::string& shape = "[1,3]") {
  return R"({"id":"q1","inputs":[{"name":"input","datatype":"FP32","shape":)" + shape + R"(,"data":)" + data +
         "}]}";
}

TEST_F(ServiceTest, AModelThatAnswersItsGoldenSamplesOtherwiseIsNotServed) {
  const auto start = [&](const std::vector<std::string>& labels, std::vector<float> probabilities) {
    VerifiedModel model = model_with(labels);
    model.golden = learn::Golden{.features = {"x", "y", "z"}};
    model.golden->samples.push_back({.label = "b", .probabilities = std::move(probabilities)});
    model.golden_inputs = learn::Matrix(1, 3, {0.25F, 0.5F, 0.25F});
    return Service::start(env_, std::move(model), Policy{}, {.audit = audit_, .engine = engine()});
  };
  EXPECT_TRUE(start({"a", "b", "c"}, {0.25F, 0.5F, 0.25F}));
  const auto swapped = start({"b", "a", "c"}, {0.25F, 0.5F, 0.25F});
  ASSERT_FALSE(swapped);
  EXPECT_EQ(swapped.error().kind, ErrorKind::kDenied);
  EXPECT_NE(swapped.error().message.find("is called 'a'"), std::string::npos) << swapped.error().message;
  EXPECT_FALSE(start({"a", "b", "c"}, {0.2F, 0.6F, 0.2F})) << "other probabilities";
  EXPECT_FALSE(start({"a", "b"}, {0.5F, 0.5F})) << "another number of labels";
}

TEST_F(ServiceTest, says_what_it_is_and_answers) {
  serve();
  for (const char* target :
       {"/v2/health/live", "/v2/health/ready", "/v2/models/echo/ready", "/v2/models/echo/versions/4/ready"}) {
    EXPECT_EQ(ask("GET", target).status, 200) << target;
  }
  EXPECT_EQ(parse_json(ask("GET", "/v2").body).value()["name"], "sallyport");
  EXPECT_EQ(parse_json(ask("GET", "/v2/models/echo").body).value()["inputs"][0]["shape"], Json({-1, 3}));
  const Exchange got = infer(body_of("[[0.25,0.5,0.25],[1,0,0]]", "[2,3]"));
  ASSERT_EQ(got.status, 200) << got.body;
  const Json answer = parse_json(got.body).value();
  EXPECT_EQ(answer["id"], "q1");
  EXPECT_EQ(answer["model_version"], "4");
  EXPECT_EQ(answer["outputs"][0]["data"], Json({0.25, 0.5, 0.25, 1.0, 0.0, 0.0}));
  EXPECT_EQ(answer["outputs"][1]["data"], Json({"b", "a"}));
  EXPECT_NE(
      ask("GET", "/metrics").body.find("nv_inference_request_success{model=\"echo\",version=\"4\"} 1\n"),
      std::string::npos);
}

TEST_F(ServiceTest, takes_and_gives_binary_tensors) {
  serve();
  const std::string header =
      R"({"inputs":[{"name":"input","datatype":"FP32","shape":[1,3],"parameters":{"binary_data_size":12}}],)"
      R"("outputs":[{"name":"probabilities","parameters":{"binary_data":true}}]})";
  const std::array<float, 3> values{0.0F, 2.0F, 1.0F};
  std::string tensor(sizeof(values), '\0');
  std::memcpy(tensor.data(), values.data(), sizeof(values));
  const std::string answer =
      raw("POST /v2/models/echo/infer HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
          "Inference-Header-Content-Length: " +
          std::to_string(header.size()) + "\r\nContent-Length: " + std::to_string(header.size() + 12) +
          "\r\n\r\n" + header + tensor);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200")) << answer;
  EXPECT_TRUE(answer.ends_with(tensor)) << answer;
}

TEST_F(ServiceTest, refuses_bad_requests_with_the_place_and_goes_on) {
  serve();
  EXPECT_EQ(infer("{").status, 400);
  EXPECT_NE(error_of(infer(body_of("[1,2,99]"))).find("/inputs/0/data/2: 99.0 is above the maximum 9.0"),
            std::string::npos);
  EXPECT_NE(error_of(infer(R"({"inputs":[],"command":"x"})")).find("unknown member 'command'"),
            std::string::npos);
  EXPECT_NE(error_of(infer(R"({"inputs":[],"inputs":[]})")).find("duplicate key 'inputs'"),
            std::string::npos);
  EXPECT_EQ(infer(std::string(100'000, '[')).status, 400);
  EXPECT_EQ(ask("POST", "/v2/models/echo/infer", body_of("[1,2,3]"), "text/plain").status, 400);
  EXPECT_EQ(ask("GET", "/v2/models/echo/infer").status, 405);
  EXPECT_EQ(ask("POST", "/v2/models/echo").status, 405);
  EXPECT_EQ(ask("GET", "/v2/models/other").status, 404);
  const std::string reflected = ask("GET", "/<script>x</script>").body;
  EXPECT_EQ(reflected.find('<'), std::string::npos) << reflected;
  EXPECT_EQ(infer(body_of("[1,2,3]")).status, 200);
}

TEST_F(ServiceTest, survives_what_is_hardly_http) {
  serve();
  const std::string post = "POST /v2/models/echo/infer HTTP/1.1\r\nHost: localhost\r\n";
  EXPECT_TRUE(raw("\x16\x03\x01 not http at all\r\n\r\n").starts_with("HTTP/1.1 400"));
  EXPECT_TRUE(raw(post + "Content-Length: 99999999999\r\n\r\n").starts_with("HTTP/1.1 413"));
  EXPECT_TRUE(raw(post + "Content-Length: -1\r\n\r\n").starts_with("HTTP/1.1 400"));
  EXPECT_TRUE(raw(post + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc").starts_with("HTTP/1.1 400"));
  EXPECT_TRUE(raw(post + "X: " + std::string(100'000, 'x') + "\r\n\r\n").starts_with("HTTP/1.1 413"));
  EXPECT_EQ(raw(post + "Content-Length: 100\r\n\r\nhalf"), "") << "the client left";
  EXPECT_TRUE(raw("GET /v2/health/live HTTP/1.1\r\nHost: evil.example\r\n\r\n").starts_with("HTTP/1.1 403"));
  const std::string two =
      raw("GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
          "GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_NE(two.find("HTTP/1.1 200", 5), std::string::npos) << "pipelined requests are answered in turn";
  std::string chunked = post + "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string body = body_of("[1,2,3]");
  for (const char c : body + std::string(60'000, ' ')) chunked += std::string("1\r\n") + c + "\r\n";
  EXPECT_TRUE(raw(chunked + "0\r\n\r\n").starts_with("HTTP/1.1 200"));
  EXPECT_EQ(ask("GET", "/v2/health/live").status, 200);
}

TEST_F(ServiceTest, every_answer_is_in_the_audit_log_or_is_not_given) {
  serve();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(infer(body_of("[1,2,3]")).status, 200);
  EXPECT_EQ(infer("{}").status, 400);
  env_.full = true;
  EXPECT_EQ(infer(body_of("[1,2,3]")).status, 503);
  env_.full = false;
  server_.reset();
  service_.reset();
  EXPECT_EQ(audit_findings(6), std::vector<std::string>{});
  EXPECT_FALSE(audit_findings(7).empty());
}

TEST_F(ServiceTest, a_client_over_its_budget_is_told_when_to_come_back) {
  BudgetOptions budget = service_budget();
  budget.unknown = {.tenant = "anonymous", .units_per_s = 0.001, .burst_units = 0.3, .in_flight_max = 4};
  serve({"a", "b", "c"}, budget);
  EXPECT_EQ(infer(body_of("[1,2,3]")).status, 200);
  const std::string body = body_of("[1,2,3]");
  const std::string refused =
      raw("POST /v2/models/echo/infer HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
          "Content-Length: " +
          std::to_string(body.size()) + "\r\n\r\n" + body);
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 429")) << refused;
  EXPECT_NE(refused.find("Retry-After: "), std::string::npos);
  EXPECT_EQ(service_->counters().throttled, 1U);
  EXPECT_EQ(ask("GET", "/v2/health/ready").status, 200);
}

TEST_F(ServiceTest, an_engine_that_dies_or_hangs_costs_one_request) {
  serve();
  EXPECT_EQ(infer(body_of("[9,0,0]")).status, 503);
  EXPECT_EQ(infer(body_of("[1,0,0]")).status, 200);
  EXPECT_EQ(infer(body_of("[8,0,0]")).status, 503);
  EXPECT_EQ(infer(body_of("[1,0,0]")).status, 200);
}

TEST_F(ServiceTest, an_answer_that_would_run_in_a_browser_is_held_back) {
  serve({"<img src=x onerror=alert(1)>", "b", "c"});
  EXPECT_EQ(infer(body_of("[0,1,0]")).status, 200);
  const Exchange held = infer(body_of("[1,0,0]"));
  EXPECT_EQ(held.status, 503);
  EXPECT_EQ(held.body.find('<'), std::string::npos);
}

TEST_F(ServiceTest, many_clients_at_once_get_their_own_answers) {
  serve();
  std::vector<std::thread> clients;
  for (int c = 0; c < 8; ++c) {
    clients.emplace_back([&, c] {
      for (int i = 0; i < 20; ++i) {
        const float value = static_cast<float>(c) + static_cast<float>(i) / 32;
        const Exchange got = infer(body_of("[0," + Json(value).dump() + ",0]"));
        ASSERT_EQ(got.status, 200) << got.body;
        EXPECT_EQ(parse_json(got.body).value()["outputs"][0]["data"][1].get<float>(), value);
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(service_->counters().answered, 160U);
}

}  // namespace
}  // namespace sallyport::services::server
