// A tracking service of its own for a test, asked without a transport.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "core/json.h"
#include "services/tracking/service.h"

namespace sallyport::services::tracking::testing_support {

class TrackingFixture : public testing::Test {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    root_ = fs::path(testing::TempDir()) /
            ("sallyport-tracking-" + std::string(test->test_suite_name()) + "-" + test->name());
    fs::remove_all(root_);
    open(anybody());
  }
  void TearDown() override {
    service_.reset();
    fs::remove_all(root_);
  }
  void open(std::unique_ptr<Access> access) {
    service_.reset();
    auto opened = Service::open(system_env(), root_, std::move(access));
    ASSERT_TRUE(opened) << opened.error().message;
    service_ = std::move(*opened);
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

  fs::path root_;
  std::unique_ptr<Service> service_;
};

}  // namespace sallyport::services::tracking::testing_support
