// A server whose tables are in PostgreSQL: the database goes away and comes back, and belongs to one folder.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>

#include "services/tracking/artifacts.h"
#include "services/tracking/fsck.h"
#include "services/tracking/registry.h"
#include "services/tracking/tracking_fixture.h"

namespace sallyport::services::tracking {
namespace {

class OnPostgres : public testing_support::TrackingFixture {
 protected:
  bool on_postgres() const override { return true; }
  void SetUp() override {
    backing_.tell = [this](const std::string& what) {
      const std::scoped_lock lock(mutex_);
      told_ += what + "\n";
    };
    TrackingFixture::SetUp();
  }
  void TearDown() override {
    tests::Postgres::shared();  // up again, whatever a test left behind
    TrackingFixture::TearDown();
  }
  http::Answer log_metric(const std::string& run, int step) {
    return ask(
        "POST", "/api/2.0/mlflow/runs/log-metric",
        canonical(Json{{"run_id", run}, {"key", "m"}, {"value", step}, {"timestamp", 1}, {"step", step}}));
  }
  std::size_t metrics_of(const std::string& run) {
    return get("metrics/get-history?run_id=" + run + "&metric_key=m")["metrics"].size();
  }
  // The status of the first answer that is not 503, within ten seconds.
  int answered_again(const std::string& run, int step) {
    for (int i = 0; i < 200; ++i) {
      if (const int status = log_metric(run, step).status; status != 503) return status;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return 503;
  }
  std::string refusal(const fs::path& root, const Backing& backing) {
    const auto opened = Service::open(system_env(), root, anybody(), backing);
    return opened ? "" : opened.error().message;
  }
  std::string told() {
    const std::scoped_lock lock(mutex_);
    return told_;
  }

 private:
  std::mutex mutex_;
  std::string told_;
};

TEST_F(OnPostgres, a_database_that_goes_away_is_told_and_taken_up_again) {
  const std::string run = new_run();
  ASSERT_EQ(log_metric(run, 0).status, 200);
  postgres_->crash();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(failure("GET", "runs/get?run_id=" + run), "503 TEMPORARILY_UNAVAILABLE");
    EXPECT_EQ(failure("POST", "runs/log-parameter", {{"run_id", run}, {"key", "k"}, {"value", "v"}}),
              "503 TEMPORARILY_UNAVAILABLE");
  }
  const std::string said = log_metric(run, 1).body;
  EXPECT_EQ(said.find(root_.filename()), std::string::npos);
  EXPECT_EQ(said.find("/tmp"), std::string::npos) << "where it is concerns no client: " << said;
  EXPECT_EQ(ask("GET", "/health").status, 200);
  ASSERT_TRUE(postgres_->start());
  EXPECT_EQ(answered_again(run, 2), 200);
  EXPECT_EQ(get("runs/get?run_id=" + run)["run"]["data"]["metrics"][0]["step"], 2);
  EXPECT_NE(told().find("again"), std::string::npos) << told();
}

TEST_F(OnPostgres, what_was_acknowledged_outlives_the_databases_crash) {
  const std::string run = new_run();
  constexpr int kWriters = 4;
  std::array<std::atomic<int>, kWriters> acknowledged{};
  std::atomic<int> refused = 0;
  std::vector<std::jthread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      for (int i = 0; i < 100'000; ++i) {
        const int status = log_metric(run, writer * 100'000 + i).status;
        if (status == 200) ++acknowledged[static_cast<std::size_t>(writer)];
        if (status == 200) continue;
        EXPECT_EQ(status, 503);
        ++refused;
        return;
      }
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  postgres_->crash();
  writers.clear();
  EXPECT_EQ(refused, kWriters);
  ASSERT_TRUE(postgres_->start());
  ASSERT_EQ(answered_again(run, 900'000), 200);
  std::size_t promised = 1;
  for (const auto& count : acknowledged) promised += static_cast<std::size_t>(count);
  EXPECT_GT(promised, 10U);
  const auto kept = rows_of("SELECT count(*) FROM metrics");
  ASSERT_EQ(kept.size(), 1U);
  // Of each writer one more may have been written and not acknowledged.
  EXPECT_GE(static_cast<std::size_t>(integer_at(kept[0], 0)), promised);
  EXPECT_LE(static_cast<std::size_t>(integer_at(kept[0], 0)), promised + kWriters);
}

TEST_F(OnPostgres, sessions_that_are_ended_one_by_one_are_made_anew) {
  const std::string run = new_run();
  for (int i = 0; i < 5; ++i) {
    postgres_->sql("postgres",
                   "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'tracking'");
    EXPECT_EQ(log_metric(run, i).status, 200)
        << "a session that was lost while idle is not the client's affair";
    EXPECT_EQ(metrics_of(run), static_cast<std::size_t>(i + 1));
  }
}

TEST_F(OnPostgres, the_gate_concludes_when_the_database_is_back) {
  const std::string run = new_run();
  http::Request request{.method = "PUT",
                        .path = std::string(kArtifactRoute) + "/0/" + run + "/artifacts/m/MLmodel",
                        .query = "",
                        .peer = ""};
  http::Opened opened = service_->open(request);
  ASSERT_TRUE(opened.sink && opened.sink->write(as_bytes("flavors: {}\n")));
  ASSERT_EQ(opened.sink->finish().status, 200);
  post("registered-models/create", {{"name", "digits"}});
  post("model-versions/create", {{"name", "digits"}, {"source", "runs:/" + run + "/m"}});
  postgres_->crash();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  ASSERT_TRUE(postgres_->start());
  ASSERT_EQ(answered_again(run, 1), 200);
  std::string status(kPending);
  for (int i = 0; i < 200 && status == kPending; ++i) {
    status = get("model-versions/get?name=digits&version=1")["model_version"]["status"];
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  EXPECT_EQ(status, kReady);
}

TEST_F(OnPostgres, a_database_has_one_server_and_one_folder) {
  const fs::path other = root_.string() + "-other";
  fs::remove_all(other);
  EXPECT_NE(refusal(other, backing_).find("another server writes"), std::string::npos);
  service_.reset();
  EXPECT_NE(refusal(other, backing_).find("another server's folder"), std::string::npos);
  EXPECT_NE(refusal(root_, {}).find("PostgreSQL"), std::string::npos) << "without its URL";
  open(anybody());
  new_run();
  service_.reset();
  postgres_->empty(kDatabase);
  EXPECT_NE(refusal(root_, backing_).find("none of the tables"), std::string::npos) << "an empty database";
  fs::remove_all(other);
  ASSERT_EQ(refusal(other, {}), "");
  EXPECT_NE(refusal(other, backing_).find("tracking.db"), std::string::npos);
  fs::remove_all(other);
}

TEST_F(OnPostgres, tables_of_a_later_version_are_refused) {
  service_.reset();
  edit_database("UPDATE server SET version = 999");
  EXPECT_NE(refusal(root_, backing_).find("version 999"), std::string::npos);
}

TEST_F(OnPostgres, nobody_elses_tables_are_touched) {
  postgres_->empty("shared");
  postgres_->sql("shared", "CREATE TABLE experiments (id INTEGER); INSERT INTO experiments VALUES (77)");
  postgres_->sql("shared", "CREATE ROLE plain LOGIN");
  postgres_->sql("shared", "GRANT CREATE ON DATABASE shared TO plain");
  const fs::path other = root_.string() + "-shared";
  fs::remove_all(other);
  const Backing backing{.database = postgres::parse_address(postgres_->url("shared", "plain")).value()};
  {
    auto opened = Service::open(system_env(), other, anybody(), backing);
    ASSERT_TRUE(opened) << opened.error().message;
    service_ = std::move(*opened);
    EXPECT_EQ(get("experiments/get?experiment_id=0")["experiment"]["name"], "Default");
    service_.reset();
  }
  auto database = postgres::Database::connect(*backing.database);
  postgres_->sql("shared", "GRANT SELECT ON public.experiments TO plain");
  const auto rows = database->query("SELECT id FROM public.experiments");
  ASSERT_TRUE(rows && rows->size() == 1);
  EXPECT_EQ(rows->at(0).at(0), Value(std::int64_t{77}));
  postgres_->sql("shared", "DROP OWNED BY plain CASCADE");
  postgres_->sql("shared", "DROP ROLE plain; DROP TABLE experiments");
  fs::remove_all(other);
}

TEST_F(OnPostgres, fsck_holds_it_against_the_log) {
  const auto sound = check_server(system_env(), root_, backing_);
  ASSERT_TRUE(sound) << sound.error().message;
  EXPECT_TRUE(sound->problems.empty());
  EXPECT_FALSE(check_server(system_env(), root_));
  post("registered-models/create", {{"name", "digits"}});
  edit_database("INSERT INTO aliases (model, alias, version) SELECT id, 'best', 1 FROM registered_models");
  const auto changed = check_server(system_env(), root_, backing_);
  ASSERT_TRUE(changed) << changed.error().message;
  ASSERT_EQ(changed->problems.size(), 1U);
  EXPECT_NE(changed->problems[0].find("alias"), std::string::npos);
}

TEST_F(OnPostgres, a_path_that_no_index_holds_is_told) {
  const std::string run = new_run();
  std::string path = std::string(kArtifactRoute) + "/0/" + run + "/artifacts";
  std::uint64_t random = 88'172'645'463'325'252;
  while (path.size() < 3'900) {  // of parts that do not compress
    path += '/';
    for (int i = 0; i < 200; ++i) {
      random ^= random << 13, random ^= random >> 7, random ^= random << 17;
      path += static_cast<char>('a' + random % 26);
    }
  }
  http::Opened opened = service_->open({.method = "PUT", .path = path, .query = "", .peer = ""});
  ASSERT_TRUE(opened.sink && opened.sink->write(as_bytes("x")));
  EXPECT_EQ(opened.sink->finish().status, 413);
  EXPECT_EQ(log_metric(run, 1).status, 200);
}

}  // namespace
}  // namespace sallyport::services::tracking
