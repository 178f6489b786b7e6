// A tracking service of its own for a test, asked without a transport.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "core/json.h"
#include "services/sqlite/sqlite.h"
#include "services/tracking/service.h"
#include "tests/postgres.h"

namespace sallyport::services::tracking::testing_support {

inline constexpr std::string_view kApi = "/api/2.0/mlflow/";

class TrackingFixture : public testing::Test {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    std::string name = std::string(test->test_suite_name()) + "-" + test->name();
    std::ranges::replace(name, '/', '-');
    root_ = fs::path(testing::TempDir()) / ("sallyport-tracking-" + name);
    fs::remove_all(root_);
    if (on_postgres()) {
      postgres_ = tests::Postgres::shared();
      if (postgres_ == nullptr) GTEST_SKIP() << "no PostgreSQL server can be run here";
      postgres_->empty(kDatabase);
      backing_.database = postgres::parse_address(postgres_->url(kDatabase)).value();
    }
    open(anybody());
  }
  void TearDown() override {
    service_.reset();
    fs::remove_all(root_);
  }
  virtual bool on_postgres() const { return false; }
  void open(std::unique_ptr<Access> access) {
    service_.reset();
    auto opened = Service::open(system_env(), root_, std::move(access), backing_);
    ASSERT_TRUE(opened) << opened.error().message;
    service_ = std::move(*opened);
  }

  // What somebody does who can write to the database, past its constraints.
  void edit_database(const std::string& sql) {
    if (backing_.database) {
      auto database = postgres::Database::connect(*backing_.database);
      ASSERT_TRUE(database) << database.error().message;
      const auto done =
          database->execute("SET search_path = sallyport; SET session_replication_role = replica; " + sql);
      ASSERT_TRUE(done) << sql << ": " << done.error().message;
      return;
    }
    auto database = sqlite::Database::open(root_ / kSqliteFile);
    ASSERT_TRUE(database && database->execute("PRAGMA foreign_keys=OFF; " + sql)) << sql;
  }
  std::vector<Row> rows_of(const std::string& sql) {
    auto reader = open_reader(system_env(), root_, backing_);
    EXPECT_TRUE(reader) << (reader ? "" : reader.error().message);
    return reader ? (*reader)->query(sql, std::span<const Value>()).value_or(std::vector<Row>())
                  : std::vector<Row>();
  }

  http::Answer ask(const std::string& method, const std::string& target, const std::string& body = {}) {
    const std::size_t mark = target.find('?');
    http::Request request{.method = method,
                          .path = target.substr(0, mark),
                          .query = mark == std::string::npos ? "" : target.substr(mark + 1),
                          .peer = "127.0.0.1"};
    if (!body.empty()) request.headers.emplace_back("Content-Type", "application/json");
    request.body = as_bytes(body);
    return service_->handle(request);
  }
  // The answer of a call that must succeed.
  Json post(const std::string& route, const Json& body, const std::string& method = "POST") {
    const http::Answer answer = ask(method, "/api/2.0/mlflow/" + route, canonical(body));
    EXPECT_EQ(answer.status, 200) << route << ": " << answer.body;
    return parse_json(answer.body).value_or(Json());
  }
  Json get(const std::string& route) {
    const http::Answer answer = ask("GET", "/api/2.0/mlflow/" + route);
    EXPECT_EQ(answer.status, 200) << route << ": " << answer.body;
    return parse_json(answer.body).value_or(Json());
  }
  // "404 RESOURCE_DOES_NOT_EXIST" of a call that must fail.
  std::string failure(const std::string& method, const std::string& route, const Json& body = {}) {
    const http::Answer answer =
        ask(method, "/api/2.0/mlflow/" + route, body.is_null() ? "" : canonical(body));
    const Json said = parse_json(answer.body).value_or(Json());
    EXPECT_TRUE(said.is_object() && said.contains("message")) << answer.body;
    return std::to_string(answer.status) + " " + said.value("error_code", "");
  }

  std::string new_run(const std::string& experiment = "0") {
    const Json made = post("runs/create", {{"experiment_id", experiment}, {"start_time", 1000}});
    return made["run"]["info"]["run_id"].get<std::string>();
  }

  static constexpr const char* kDatabase = "tracking";
  fs::path root_;
  Backing backing_;
  tests::Postgres* postgres_ = nullptr;
  std::unique_ptr<Service> service_;
};

// The same test on each database.
class OnEachDatabase : public TrackingFixture, public testing::WithParamInterface<std::string> {
 protected:
  bool on_postgres() const override { return GetParam() == "postgres"; }
};
inline std::string database_of(const testing::TestParamInfo<std::string>& info) { return info.param; }

}  // namespace sallyport::services::tracking::testing_support

// Where it has PostgreSQL, the suite runs twice.
#define ON_EACH_DATABASE(suite)                                                                        \
  INSTANTIATE_TEST_SUITE_P(On, suite, testing::Values(std::string("sqlite"), std::string("postgres")), \
                           testing_support::database_of)
