// kill -9 of the real server under load, many times from a seed: what was acknowledged is there afterwards,
// and nothing torn is handed out.
//
// SALLYPORT_STORM_ROUNDS sets how many times; few by default, so that the test stays short.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <thread>

#include "core/json.h"
#include "services/http/http.h"
#include "services/sqlite/sqlite.h"
#include "services/tracking/artifacts.h"
#include "services/tracking/program_fixture.h"
#include "services/tracking/tracking_fixture.h"

namespace sallyport::services::tracking {
namespace {

constexpr int kWriters = 4;
constexpr int kRoundsByDefault = 12;

using testing_support::Program;

Json call(std::uint16_t port, const std::string& method, const std::string& route, const Json& body = {}) {
  http::Question question{.method = method, .target = "/api/2.0/mlflow/" + route};
  if (!body.is_null()) question.body = canonical(body);
  const auto answer = http::ask(port, question);
  if (!answer || answer->status != 200) return {};
  return parse_json(answer->body).value_or(Json());
}

std::string artifact(const std::string& run, int writer, std::int64_t step) {
  return std::string(kArtifactRoute) + "/0/" + run + "/artifacts/w" + std::to_string(writer) + "/" +
         std::to_string(step);
}
std::string content(int writer, std::int64_t step) {
  return std::string(static_cast<std::size_t>(1 + step * 7919 % 300'000),
                     static_cast<char>('a' + (writer + step) % 26));
}

// The steps that were acknowledged to one writer; every fourth is a file too.
struct Acknowledged {
  std::int64_t metrics = 0;
  std::vector<std::int64_t> files = {};
};

void write_until_cut(std::uint16_t port, const std::string& run, int writer, Acknowledged& done) {
  while (true) {
    const std::int64_t step = done.metrics;
    const Json metric{{"run_id", run},
                      {"key", "w" + std::to_string(writer)},
                      {"value", step},
                      {"timestamp", step},
                      {"step", step}};
    if (call(port, "POST", "runs/log-metric", metric).is_null()) return;
    ++done.metrics;
    if (step % 4 != 0) continue;
    const auto put = http::ask(port, {.method = "PUT",
                                      .target = artifact(run, writer, step),
                                      .body = content(writer, step),
                                      .content_type = "application/octet-stream"});
    if (!put || put->status != 200) return;
    done.files.push_back(step);
  }
}

void expect_kept(std::uint16_t port, const std::string& run, int writer, const Acknowledged& done) {
  const Json got =
      call(port, "GET", "metrics/get-history?run_id=" + run + "&metric_key=w" + std::to_string(writer));
  if (done.metrics > 0) {
    ASSERT_TRUE(got.contains("metrics"));
    // One more may have been written and not acknowledged.
    EXPECT_GE(std::ssize(got["metrics"]), done.metrics);
    EXPECT_LE(std::ssize(got["metrics"]), done.metrics + 1);
  }
  for (const std::int64_t step : done.files) {
    const auto file = http::ask(port, {.target = artifact(run, writer, step)});
    ASSERT_TRUE(file);
    EXPECT_EQ(file->status, 200);
    EXPECT_EQ(file->body, content(writer, step)) << "file " << step << " of writer " << writer;
  }
}

int rounds() {
  const char* wanted = std::getenv("SALLYPORT_STORM_ROUNDS");
  return wanted == nullptr ? kRoundsByDefault : std::atoi(wanted);
}

class Crash : public testing::TestWithParam<std::string> {};

TEST_P(Crash, what_was_acknowledged_outlives_kill_9) {
  const fs::path root = fs::path(testing::TempDir()) / ("sallyport-crash-" + GetParam());
  fs::remove_all(root);
  std::vector<std::string> words{"--allow-anonymous"};
  if (GetParam() == "postgres") {
    tests::Postgres* postgres = tests::Postgres::shared();
    if (postgres == nullptr) GTEST_SKIP() << "no PostgreSQL server can be run here";
    postgres->empty("crash");
    words.insert(words.end(), {"--backend-store-uri", postgres->url("crash")});
  }
  std::mt19937_64 random(20'261'129);
  std::int64_t kept = 0;
  for (int round = 0; round < rounds(); ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    Program server(root, words);
    ASSERT_NE(server.port(), 0);
    const Json made = call(server.port(), "POST", "runs/create", {{"experiment_id", "0"}});
    ASSERT_TRUE(made.contains("run"));
    const std::string run = made["run"]["info"]["run_id"];
    Acknowledged done[kWriters];
    std::vector<std::jthread> writers;
    for (int writer = 0; writer < kWriters; ++writer) {
      writers.emplace_back([&, writer] { write_until_cut(server.port(), run, writer, done[writer]); });
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 200));
    server.kill();
    writers.clear();
    Program again(root, words);
    ASSERT_NE(again.port(), 0) << "it did not come up after it was killed";
    for (int writer = 0; writer < kWriters; ++writer) {
      expect_kept(again.port(), run, writer, done[writer]);
      kept += done[writer].metrics;
    }
    again.kill();
    if (GetParam() == "postgres") continue;
    auto database = sqlite::Database::open(root / "tracking.db");
    ASSERT_TRUE(database);
    EXPECT_TRUE(database->check_structure());
  }
  EXPECT_GT(kept, 0) << "nothing was written before the kills";
  RecordProperty("acknowledged_writes_looked_for", std::to_string(kept));
  fs::remove_all(root);
}
ON_EACH_DATABASE(Crash);

}  // namespace
}  // namespace sallyport::services::tracking
