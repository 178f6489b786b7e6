// Requests that other servers fell for, each over a real connection to the real server: testdata/
// hostile_requests.jsonl. None may be answered with success, change anything, give away a byte of what is
// another's, or make the server speak to anyone.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <map>
#include <thread>

#include "services/http/http.h"
#include "services/sqlite/sqlite.h"
#include "services/tracking/program_fixture.h"
#include "services/tracking/tracking_fixture.h"
#include "tests/paths.h"

namespace sallyport::services::tracking {
namespace {

constexpr std::string_view kSecret = "the canary that nobody else may see";
using testing_support::kApi;

std::string policy() {
  const auto tokens = [](const char* name, const char* expires = "2999-01-01") {
    return "tokens: [{sha256: '" + sha256("sp_" + std::string(name)).hex() + "', expires: '" + expires +
           "'}]";
  };
  return "access:\n  roles:\n"
         "    all: [{may: [read, write, delete, promote, administer], models: ['*']},\n"
         "          {may: [read, write, delete, promote, administer], experiments: ['*']}]\n"
         "    trainer: [{may: [read, write, delete], models: ['public*']}, {may: [read, write, delete], "
         "experiments: "
         "['public*']}]\n"
         "    viewer: [{may: [read], models: ['public*']}, {may: [read], experiments: ['public*']}]\n"
         "  principals:\n"
         "    admin: {roles: [all], " +
         tokens("admin") +
         "}\n"
         "    trainer: {roles: [trainer], " +
         tokens("trainer") +
         "}\n"
         "    viewer: {roles: [viewer], " +
         tokens("viewer") +
         "}\n"
         "    former: {roles: [all], " +
         tokens("former", "2001-01-01") +
         "}\n"
         "  budget: {requests-per-minute: 10000000, megabytes-per-minute: 1000000}\n";
}

int listener(std::uint16_t& port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ::bind(fd, reinterpret_cast<sockaddr*>(&address), size);
  ::listen(fd, 16);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  port = ntohs(address.sin_port);
  return fd;
}

std::string exchange(std::uint16_t port, const std::string& bytes) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{.tv_sec = 20, .tv_usec = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string out;
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
    ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    ::shutdown(fd, SHUT_WR);
    char piece[8192];
    for (ssize_t got; (got = ::recv(fd, piece, sizeof piece, 0)) > 0;)
      out.append(piece, static_cast<std::size_t>(got));
  }
  ::close(fd);
  return out;
}

class Hostile : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    root_ = fs::path(testing::TempDir()) / ("sallyport-hostile-" + GetParam()) / "server";
    fs::remove_all(root_.parent_path());
    fs::create_directories(root_);
    ASSERT_TRUE(system_env().write_new(root_ / "policy.yaml", as_bytes(policy()), 0600));
    ASSERT_TRUE(system_env().write_new(root_.parent_path() / "outside.txt", as_bytes(kSecret), 0600));
    std::vector<std::string> words;
    if (GetParam() == "postgres") {
      tests::Postgres* postgres = tests::Postgres::shared();
      if (postgres == nullptr) GTEST_SKIP() << "no PostgreSQL server can be run here";
      postgres->empty("hostile");
      words = {"--backend-store-uri", postgres->url("hostile")};
      database_ = postgres::parse_address(words.back()).value();
    }
    server_ = std::make_unique<testing_support::Program>(root_, words);
    ASSERT_NE(server_->port(), 0);
    trap_ = listener(trap_port_);
    words_["{TRAP}"] = std::to_string(trap_port_);
    words_["{TOKEN}"] = "sp_trainer";
    furnish("hidden", "secret", "{E1}", "{R1}", "m/secret.txt", std::string(kSecret));
    furnish("public", "public", "{E2}", "{R2}", "m/MLmodel", "flavors: {}\n");
  }
  void TearDown() override {
    ::close(trap_);
    server_.reset();
    fs::remove_all(root_.parent_path());
  }

  http::Exchange ask(const std::string& who, const std::string& method, const std::string& target,
                     const std::string& body = {}) {
    http::Question question{.method = method, .target = target, .body = body};
    question.headers.emplace_back("Authorization", "Bearer sp_" + who);
    return http::ask(server_->port(), question).value_or(http::Exchange{});
  }
  Json post(const std::string& route, const Json& body) {
    const auto answer = ask("admin", "POST", std::string(kApi) + route, canonical(body));
    EXPECT_EQ(answer.status, 200) << route << ": " << answer.body;
    return parse_json(answer.body).value_or(Json::object());
  }
  // An experiment, a run with one file, and a model with a version of it.
  void furnish(const std::string& experiment, const std::string& model, const std::string& experiment_word,
               const std::string& run_word, const std::string& file, const std::string& content) {
    const std::string id = post("experiments/create", {{"name", experiment}}).value("experiment_id", "");
    const Json run = post("runs/create", {{"experiment_id", id}});
    ASSERT_TRUE(run.contains("run"));
    const std::string run_id = run["run"]["info"]["run_id"];
    words_[experiment_word] = id;
    words_[run_word] = run_id;
    const std::string target =
        "/api/2.0/mlflow-artifacts/artifacts/" + id + "/" + run_id + "/artifacts/" + file;
    EXPECT_EQ(ask("admin", "PUT", target, content).status, 200);
    post("runs/log-metric", {{"run_id", run_id}, {"key", "loss"}, {"value", 1}, {"timestamp", 1}});
    post("registered-models/create", {{"name", model}});
    post("model-versions/create", {{"name", model}, {"source", "runs:/" + run_id + "/m"}});
    for (int i = 0; i < 500; ++i) {
      const auto got =
          ask("admin", "GET", std::string(kApi) + "model-versions/get?name=" + model + "&version=1");
      if (got.body.find("\"READY\"") != std::string::npos) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    post("registered-models/alias", {{"name", model}, {"alias", "best"}, {"version", "1"}});
  }

  std::string filled(std::string text) const {
    for (const auto& [word, value] : words_) {
      for (std::size_t at; (at = text.find(word)) != std::string::npos;) text.replace(at, word.size(), value);
    }
    return text;
  }
  std::string bytes_of(const Json& request) const {
    if (request.contains("raw")) return filled(request["raw"].get<std::string>());
    const std::string body = filled(request.value("body", ""));
    std::string out =
        request["method"].get<std::string>() + " " + filled(request["target"].get<std::string>()) +
        " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\n";
    const std::string who = request.value("who", "trainer");
    if (!who.empty()) out += "Authorization: Bearer sp_" + who + "\r\n";
    const Json headers = request.value("headers", Json::object());
    for (const auto& [name, value] : headers.items()) {
      out += name + ": " + filled(value.get<std::string>()) + "\r\n";
    }
    if (!body.empty()) out += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return out + "\r\n" + body;
  }

  std::vector<Row> rows_of(const std::string& sql) {
    if (database_ && !reader_) {
      auto connected = postgres::Database::connect(*database_);
      EXPECT_TRUE(connected && connected->execute("SET search_path = sallyport"));
      reader_ = std::make_unique<postgres::Database>(std::move(*connected));
    }
    const auto rows =
        reader_ ? reader_->query(sql) : sqlite::Database::open(root_ / kSqliteFile).value().query(sql);
    EXPECT_TRUE(rows) << sql;
    return rows.value_or(std::vector<Row>());
  }
  // Every row of the database, and the names of the files beside it.
  std::string state() {
    std::string all;
    for (const Row& table : rows_of(database_ ? "SELECT tablename FROM pg_tables WHERE schemaname = "
                                                "'sallyport' ORDER BY tablename"
                                              : "SELECT name FROM sqlite_master WHERE type = 'table' ORDER "
                                                "BY name")) {
      for (const Row& row : rows_of("SELECT * FROM " + text_at(table, 0) + " ORDER BY 1, 2")) {
        for (const Value& value : row) {
          if (const auto* text = std::get_if<std::string>(&value)) all += *text + "\n";
          if (const auto* number = std::get_if<std::int64_t>(&value)) all += std::to_string(*number) + "\n";
          if (const auto* number = std::get_if<double>(&value)) all += std::to_string(*number) + "\n";
        }
      }
    }
    for (const fs::path& folder : {root_.parent_path(), root_ / "artifacts" / "objects" / "sha256"}) {
      for (const std::string& name : system_env().list(folder).value_or(std::vector<std::string>()))
        all += name + "\n";
    }
    return sha256(all).hex();
  }
  // What the request reached that it must not; "" when nothing.
  std::string harm_of(const Json& request, const std::string& before) {
    const std::string answer = exchange(server_->port(), bytes_of(request));
    std::string out;
    if (answer.find(kSecret) != std::string::npos) out += " it saw the canary;";
    if (answer.find("HTTP/1.1 2") != std::string::npos) out += " it was answered with success;";
    if (answer.find("HTTP/1.1 5") != std::string::npos && answer.find("HTTP/1.1 501") == std::string::npos) {
      out += " the server failed;";
    }
    if (state() != before) out += " it changed something;";
    if (const int caught = ::accept4(trap_, nullptr, nullptr, SOCK_CLOEXEC); caught >= 0) {
      ::close(caught);
      out += " the server went out;";
    }
    return out.empty() ? out : out + "\n" + answer.substr(0, 600);
  }

  fs::path root_;
  std::optional<postgres::Address> database_;
  std::unique_ptr<postgres::Database> reader_;
  std::unique_ptr<testing_support::Program> server_;
  int trap_ = -1;
  std::uint16_t trap_port_ = 0;
  std::map<std::string, std::string> words_;
};

TEST_P(Hostile, none_of_the_table_gets_through) {
  const fs::path file = fs::path(tests::source_dir()) / "services/tracking/testdata/hostile_requests.jsonl";
  const Bytes table = system_env().read_file(file).value();
  std::string_view rest = as_text(table);
  std::string before = state();
  std::size_t count = 0;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    const auto request = parse_json(rest.substr(0, end));
    ASSERT_TRUE(request) << request.error().message;
    rest.remove_prefix(std::min(end + 1, rest.size()));
    ++count;
    const std::string harm = harm_of(*request, before);
    EXPECT_EQ(harm, "") << (*request)["id"] << ": " << (*request)["why"];
    if (!harm.empty()) before = state();
  }
  EXPECT_GE(count, 200U);
  RecordProperty("hostile_requests", std::to_string(count));
  // The same server still serves whom it should.
  const std::string own = filled("/api/2.0/mlflow-artifacts/artifacts/{E2}/{R2}/artifacts/m/MLmodel");
  EXPECT_EQ(ask("trainer", "GET", own).status, 200);
  EXPECT_EQ(ask("viewer", "GET", "/api/2.0/mlflow-artifacts/artifacts/versions/public/1/MLmodel").status,
            200);
  EXPECT_EQ(ask("admin", "GET", std::string(kApi) + "registered-models/get?name=secret").status, 200);
  EXPECT_EQ(ask("trainer", "POST", std::string(kApi) + "registered-models/set-tag",
                R"({"name":"public","key":"a","value":"b"})")
                .status,
            200);
}

ON_EACH_DATABASE(Hostile);

}  // namespace
}  // namespace sallyport::services::tracking
