// The real server when something is too much: bodies, disks, connections. What it says has MLflow's shape,
// and what was acknowledged stays whole.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cstdlib>
#include <iostream>

#include "services/http/http.h"
#include "services/tracking/artifacts.h"
#include "services/tracking/program_fixture.h"
#include "services/tracking/tracking_fixture.h"

namespace sallyport::services::tracking {
namespace {

using testing_support::kApi;

class Faults : public testing::Test {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    root_ = fs::path(testing::TempDir()) / ("sallyport-faults-" + std::string(test->name()));
    fs::remove_all(root_);
    fs::create_directories(root_);
  }
  void TearDown() override {
    server_.reset();
    fs::remove_all(root_);
  }
  void start(const std::string& before = {}) {
    server_ = std::make_unique<testing_support::Program>(root_, std::vector<std::string>{"--allow-anonymous"},
                                                         before);
    ASSERT_NE(server_->port(), 0);
  }
  http::Exchange ask(const std::string& method, const std::string& target, const std::string& body = {}) {
    return http::ask(server_->port(), {.method = method, .target = target, .body = body})
        .value_or(http::Exchange{});
  }
  // "413 INVALID_PARAMETER_VALUE" of an answer in MLflow's shape.
  static std::string said(const http::Exchange& answer) {
    const auto json = parse_json(answer.body);
    const bool shaped =
        json && json->is_object() && json->contains("message") && json->contains("error_code");
    return std::to_string(answer.status) + " " + (shaped ? (*json)["error_code"].get<std::string>() : "?");
  }
  std::string new_run() {
    const auto made =
        parse_json(ask("POST", std::string(kApi) + "runs/create", R"({"experiment_id":"0"})").body);
    return made && made->contains("run") ? (*made)["run"]["info"]["run_id"].get<std::string>() : "";
  }

  fs::path root_;
  std::unique_ptr<testing_support::Program> server_;
};

TEST_F(Faults, what_is_malformed_or_too_large_is_told_in_mlflows_words) {
  start();
  const std::string metric = std::string(kApi) + "runs/log-metric";
  for (const char* body :
       {"", "{", "[]", "null", "{\"run_id\":", "{\"a\":1,\"a\":2}", "\xff\xfe", "{\"run_id\":{}}",
        "{\"run_id\":\"x\",\"key\":\"k\",\"value\":\"much\",\"timestamp\":1}"}) {
    EXPECT_EQ(said(ask("POST", metric, body)).substr(0, 3), "400") << body;
    EXPECT_EQ(said(ask("POST", metric, body)).find('?'), std::string::npos) << body;
  }
  EXPECT_EQ(said(ask("GET", std::string(kApi) + "runs/get?run_id=%zz")), "400 INVALID_PARAMETER_VALUE");
  EXPECT_EQ(said(ask("POST", metric, std::string(limits::kRequestBytesMax + 1, ' '))),
            "413 INVALID_PARAMETER_VALUE");
  EXPECT_EQ(said(ask("POST", metric, "{\"a\":" + std::string(100'000, '['))), "400 INVALID_PARAMETER_VALUE");
  EXPECT_EQ(ask("GET", "/health").status, 200);
}

// A file system of a few megabytes of its own, where the machine lets a test make one.
TEST_F(Faults, a_full_disk_is_told_and_leaves_nothing_torn) {
  const std::string mount = "mount -t tmpfs -o size=12m tmpfs '" + root_.string() + "'";
  const std::string alone = ::geteuid() == 0 ? "unshare -m" : "unshare -Urm";
  if (std::system((alone + " sh -c \"" + mount + "\" 2>/dev/null").c_str()) != 0) {
    std::cerr << "SKIPPED LOUDLY: no file system can be mounted here; no disk was filled\n";
    GTEST_SKIP() << "no file system can be mounted here";
  }
  start(alone + " sh -c \"" + mount + " && exec \\\"\\$@\\\"\" sh ");
  const std::string run = new_run();
  ASSERT_NE(run, "");
  const std::string base = std::string(kArtifactRoute) + "/0/" + run + "/artifacts/";
  const std::string content(1 << 20, 'w');
  int kept = 0;
  http::Exchange last;
  while (kept < 20) {
    last = ask("PUT", base + std::to_string(kept), content + std::to_string(kept));
    if (last.status != 200) break;
    ++kept;
  }
  EXPECT_EQ(said(last), "507 RESOURCE_EXHAUSTED");
  EXPECT_GT(kept, 2);
  EXPECT_EQ(ask("GET", base + std::to_string(kept)).status, 404) << "a torn file under its name";
  // The rest of the disk with small ones, then the database too.
  for (int i = 0;
       i < 3'000 &&
       ask("PUT", base + "s" + std::to_string(i), std::string(3'000, 'a') + std::to_string(i)).status == 200;
       ++i) {
  }
  const std::string metric = R"({"run_id":")" + run + R"(","key":"loss","value":1,"timestamp":1,"step":)";
  std::string answer;
  int acknowledged = 0;
  for (int step = 0; step < 3'000; ++step) {
    answer = said(ask("POST", std::string(kApi) + "runs/log-metric", metric + std::to_string(step) + "}"));
    if (answer.substr(0, 3) == "507") break;
    ++acknowledged;
  }
  EXPECT_EQ(answer, "507 RESOURCE_EXHAUSTED") << acknowledged << " metrics went in";
  EXPECT_EQ(ask("GET", "/health").status, 200);
  for (int i = 0; i < kept; ++i)
    EXPECT_EQ(ask("GET", base + std::to_string(i)).body, content + std::to_string(i));
}

TEST_F(Faults, silent_connections_do_not_keep_a_healthy_one_waiting) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 4'096);
  ::setrlimit(RLIMIT_NOFILE, &limit);
  const int count = static_cast<int>(std::min<rlim_t>(limit.rlim_cur / 2, 2'000));
  start();
  const std::string run = new_run();
  std::vector<int> silent;
  for (int i = 0; i < count; ++i) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server_->port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    const std::string start = i % 3 == 0   ? ""
                              : i % 3 == 1 ? "POST /api/2.0/ml"
                                           : "PUT " + std::string(kArtifactRoute) + "/0/" + run +
                                                 "/artifacts/slow HTTP/1.1\r\nHost: localhost\r\n"
                                                 "Content-Length: 1000000\r\n\r\nab";
    ::send(fd, start.data(), start.size(), MSG_NOSIGNAL);
    silent.push_back(fd);
  }
  const auto begun = std::chrono::steady_clock::now();
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(ask("GET", std::string(kApi) + "runs/get?run_id=" + run).status, 200);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  EXPECT_LT(took.count(), 10) << "a second time-out would have been waited for";
  for (const int fd : silent) ::close(fd);
}

}  // namespace
}  // namespace sallyport::services::tracking
