// Experiments and runs through their routes, as MLflow's clients ask for them.
#include <gtest/gtest.h>

#include <cmath>
#include <thread>

#include "services/tracking/artifacts.h"
#include "services/tracking/routes.h"
#include "services/tracking/tracking_fixture.h"

namespace sallyport::services::tracking {
namespace {

class Runs : public testing_support::OnEachDatabase {};

TEST_P(Runs, every_route_asks_who_you_are) {
  open(nobody());
  ASSERT_GT(routes().size(), 20U);
  for (const Route& route : routes()) {
    const http::Answer answer = ask(std::string(route.method), std::string(route.path), "{}");
    EXPECT_EQ(answer.status, 401) << route.path;
    EXPECT_NE(answer.body.find("UNAUTHENTICATED"), std::string::npos);
  }
  const std::string artifacts(kArtifactRoute);
  for (const std::string& other :
       {std::string("/nowhere"), std::string("/version"), std::string("/v1/traces"), artifacts,
        artifacts + "/0/x", std::string("/api/2.0/mlflow-artifacts/mpu/create/x")}) {
    for (const char* method : {"GET", "POST", "PUT", "DELETE", "PATCH"}) {
      EXPECT_EQ(ask(method, other).status, 401) << method << " " << other;
    }
  }
  EXPECT_EQ(ask("GET", "/health").status, 200);
}

TEST_P(Runs, errors_have_mlflows_shape) {
  EXPECT_EQ(failure("GET", "experiments/get?experiment_id=77"), "404 RESOURCE_DOES_NOT_EXIST");
  EXPECT_EQ(failure("GET", "experiments/get?experiment_id=x"), "404 RESOURCE_DOES_NOT_EXIST");
  EXPECT_EQ(failure("GET", "experiments/get-by-name?experiment_name=no"), "404 RESOURCE_DOES_NOT_EXIST");
  EXPECT_EQ(failure("GET", "runs/get?run_id=0123"), "404 RESOURCE_DOES_NOT_EXIST");
  EXPECT_EQ(failure("GET", "runs/get"), "400 INVALID_PARAMETER_VALUE");
  EXPECT_EQ(failure("GET", "nowhere"), "404 ENDPOINT_NOT_FOUND");
  EXPECT_EQ(failure("DELETE", "runs/get"), "404 ENDPOINT_NOT_FOUND");
  EXPECT_EQ(failure("GET", "runs/%2e%2e/get"), "404 ENDPOINT_NOT_FOUND");
  EXPECT_EQ(failure("GET", "runs/get?run_id=%zz"), "400 INVALID_PARAMETER_VALUE");
  EXPECT_EQ(failure("POST", "experiments/create", Json::array()), "400 INVALID_PARAMETER_VALUE");
  EXPECT_EQ(failure("POST", "experiments/create", {{"name", Json::object()}}), "400 INVALID_PARAMETER_VALUE");
  EXPECT_EQ(ask("POST", "/api/2.0/mlflow/experiments/create", "{\"name\": \"a\", \"name\": \"b\"}").status,
            400);
}

TEST_P(Runs, an_experiment_lives_and_is_found) {
  const Json made =
      post("experiments/create", {{"name", "digits"}, {"tags", {{{"key", "a"}, {"value", "b"}}}}});
  const std::string id = made["experiment_id"];
  EXPECT_EQ(failure("POST", "experiments/create", {{"name", "digits"}}), "400 RESOURCE_ALREADY_EXISTS");
  EXPECT_EQ(failure("POST", "experiments/create", {{"name", "x"}, {"artifact_location", "file:///etc"}}),
            "400 INVALID_PARAMETER_VALUE");
  const Json got = get("experiments/get-by-name?experiment_name=digits")["experiment"];
  EXPECT_EQ(got["experiment_id"], id);
  EXPECT_EQ(got["artifact_location"], "mlflow-artifacts:/" + id);
  EXPECT_EQ(got["tags"][0]["value"], "b");
  post("experiments/set-experiment-tag", {{"experiment_id", id}, {"key", "a"}, {"value", "c"}});
  EXPECT_EQ(post("experiments/search",
                 {{"filter", "tags.a = 'c' AND name LIKE 'dig%'"}, {"max_results", 5}})["experiments"]
                .size(),
            1U);
  EXPECT_EQ(post("experiments/search", {{"filter", "name LIKE 'DIG%'"}})["experiments"].size(), 0U);
  EXPECT_EQ(post("experiments/search", {{"filter", "name ILIKE 'DIG%'"}})["experiments"].size(), 1U);
  post("experiments/delete", {{"experiment_id", id}});
  EXPECT_EQ(post("experiments/search", Json::object())["experiments"].size(), 1U);  // Default
  EXPECT_EQ(failure("POST", "runs/create", {{"experiment_id", id}}), "400 INVALID_PARAMETER_VALUE");
  post("experiments/restore", {{"experiment_id", id}});
  post("experiments/update", {{"experiment_id", id}, {"new_name", "numbers"}});
  EXPECT_EQ(get("experiments/get?experiment_id=" + id)["experiment"]["name"], "numbers");
}

TEST_P(Runs, experiments_come_in_pages) {
  for (int i = 0; i < 5; ++i) post("experiments/create", {{"name", "e" + std::to_string(i)}});
  Json page = post("experiments/search", {{"max_results", 4}, {"order_by", {"name ASC"}}});
  ASSERT_EQ(page["experiments"].size(), 4U);
  EXPECT_EQ(page["experiments"][0]["name"], "Default");
  page = post("experiments/search",
              {{"max_results", 4}, {"order_by", {"name ASC"}}, {"page_token", page["next_page_token"]}});
  ASSERT_EQ(page["experiments"].size(), 2U);
  EXPECT_EQ(page["experiments"][1]["name"], "e4");
  EXPECT_FALSE(page.contains("next_page_token"));
  EXPECT_EQ(failure("POST", "experiments/search", {{"page_token", "AAAA"}}), "400 INVALID_PARAMETER_VALUE");
}

TEST_P(Runs, what_is_logged_is_read_back) {
  const std::string run = new_run();
  post("runs/log-metric", {{"run_id", run}, {"key", "loss"}, {"value", 0.5}, {"timestamp", 10}, {"step", 1}});
  post("runs/log-metric",
       {{"run_id", run}, {"key", "loss"}, {"value", 0.25}, {"timestamp", "20"}, {"step", 2}});
  post("runs/log-metric", {{"run_id", run}, {"key", "loss"}, {"value", 9}, {"timestamp", 5}, {"step", 0}});
  post("runs/log-parameter", {{"run_id", run}, {"key", "lr"}, {"value", "0.1"}});
  post("runs/log-parameter", {{"run_id", run}, {"key", "lr"}, {"value", "0.1"}});
  EXPECT_EQ(failure("POST", "runs/log-parameter", {{"run_id", run}, {"key", "lr"}, {"value", "0.2"}}),
            "400 INVALID_PARAMETER_VALUE");
  post("runs/set-tag", {{"run_id", run}, {"key", "mlflow.runName"}, {"value", "first"}});
  post("runs/update", {{"run_id", run}, {"status", "FINISHED"}, {"end_time", 99}});
  const Json got = get("runs/get?run_id=" + run)["run"];
  EXPECT_EQ(got["info"]["run_name"], "first");
  EXPECT_EQ(got["info"]["status"], "FINISHED");
  EXPECT_EQ(got["info"]["end_time"], 99);
  EXPECT_EQ(got["info"]["artifact_uri"], "mlflow-artifacts:/0/" + run + "/artifacts");
  ASSERT_EQ(got["data"]["metrics"].size(), 1U);
  EXPECT_EQ(got["data"]["metrics"][0]["value"], 0.25) << "the latest is the one of the highest step";
  EXPECT_EQ(got["data"]["params"][0]["value"], "0.1");
  const Json history = get("metrics/get-history?run_id=" + run + "&metric_key=loss&max_results=2");
  ASSERT_EQ(history["metrics"].size(), 2U);
  EXPECT_EQ(history["metrics"][0]["value"], 9);
  EXPECT_TRUE(history.contains("next_page_token"));
}

TEST_P(Runs, metrics_of_many_runs_are_thinned_and_told_apart) {
  const std::string a = new_run();
  const std::string b = new_run();
  for (const std::string& run : {a, b}) {
    Json batch{{"run_id", run}, {"metrics", Json::array()}};
    for (int i = 0; i < 100; ++i) {
      batch["metrics"].push_back({{"key", "m"}, {"value", i}, {"timestamp", i}, {"step", i}});
    }
    post("runs/log-batch", batch);
  }
  const std::string two = "run_ids=" + a + "&run_ids=" + b + "&metric_key=m";
  const Json thin = get("metrics/get-history-bulk-interval?" + two + "&max_results=10")["metrics"];
  ASSERT_EQ(thin.size(), 20U);
  EXPECT_EQ(thin[0]["step"], 0);
  EXPECT_EQ(thin[9]["step"], 99);
  EXPECT_EQ(thin[9]["run_id"], a);
  EXPECT_EQ(thin[10]["run_id"], b);
  const Json part = get("metrics/get-history-bulk-interval?" + two + "&start_step=5&end_step=7")["metrics"];
  EXPECT_EQ(part.size(), 6U);
  EXPECT_EQ(failure("GET", "metrics/get-history-bulk-interval?" + two + "&start_step=5"),
            "400 INVALID_PARAMETER_VALUE");
  EXPECT_EQ(get("metrics/get-history-bulk?run_id=" + a + "&run_id=" + b + "&metric_key=m")["metrics"].size(),
            200U);
  EXPECT_EQ(failure("GET", "metrics/get-history-bulk?metric_key=m"), "400 INVALID_PARAMETER_VALUE");
}

TEST_P(Runs, what_is_left_out_says_so) {
  EXPECT_EQ(failure("POST", "traces"), "501 NOT_IMPLEMENTED");
  EXPECT_EQ(ask("POST", "/api/3.0/mlflow/traces/search", "{}").status, 501);
  EXPECT_EQ(ask("POST", "/api/2.0/mlflow-artifacts/mpu/create/0/x", "{}").status, 501);
  EXPECT_EQ(ask("GET", "/version").body, "3.17.2");
  EXPECT_EQ(ask("GET", "/api/3.0/mlflow/server-info").status, 200);
}

TEST_P(Runs, numbers_that_json_does_not_have) {
  const std::string run = new_run();
  for (const char* value : {"NaN", "Infinity", "-Infinity"}) {
    post("runs/log-metric", {{"run_id", run},
                             {"key", "m"},
                             {"value", value},
                             {"timestamp", 1},
                             {"step", value[0] == 'N' ? 0 : 1}});
  }
  const Json history = get("metrics/get-history?run_id=" + run + "&metric_key=m")["metrics"];
  ASSERT_EQ(history.size(), 3U);
  EXPECT_EQ(history[0]["value"], "NaN");
  EXPECT_EQ(history[1]["value"], "-Infinity");
  EXPECT_EQ(history[2]["value"], "Infinity");
  EXPECT_EQ(
      failure("POST", "runs/log-metric", {{"run_id", run}, {"key", "m"}, {"value", "inf"}, {"timestamp", 1}}),
      "400 INVALID_PARAMETER_VALUE");
}

TEST_P(Runs, a_batch_is_all_or_nothing) {
  const std::string run = new_run();
  post("runs/log-parameter", {{"run_id", run}, {"key", "lr"}, {"value", "1"}});
  const Json batch{{"run_id", run},
                   {"metrics", {{{"key", "a"}, {"value", 1}, {"timestamp", 1}, {"step", 0}}}},
                   {"tags", {{{"key", "t"}, {"value", "u"}}}},
                   {"params", {{{"key", "lr"}, {"value", "2"}}}}};
  EXPECT_EQ(failure("POST", "runs/log-batch", batch), "400 INVALID_PARAMETER_VALUE");
  EXPECT_TRUE(get("runs/get?run_id=" + run)["run"]["data"]["metrics"].empty());
  Json many{{"run_id", run}, {"metrics", Json::array()}};
  for (int i = 0; i < 1001; ++i) {
    many["metrics"].push_back({{"key", "m"}, {"value", i}, {"timestamp", i}, {"step", i}});
  }
  EXPECT_EQ(failure("POST", "runs/log-batch", many), "400 INVALID_PARAMETER_VALUE");
  many["metrics"].erase(0);
  post("runs/log-batch", many);
  EXPECT_EQ(get("metrics/get-history?run_id=" + run + "&metric_key=m")["metrics"].size(), 1000U);
}

TEST_P(Runs, a_batch_is_as_if_each_were_logged_alone) {
  const std::string one = new_run();
  const std::string all = new_run();
  Json batch{{"run_id", all}, {"metrics", Json::array()}};
  for (int i = 0; i < 127; ++i) {
    const int mixed = i * 37 % 127;
    Json metric{{"key", "m" + std::to_string(i % 13)}, {"timestamp", mixed % 7}, {"step", mixed % 5}};
    metric["value"] = i % 11 == 0 ? Json("NaN") : i % 17 == 0 ? Json("-Infinity") : Json(mixed / 2 - 20);
    batch["metrics"].push_back(metric);
    if (i % 9 == 0) batch["metrics"].push_back(metric);  // the same point twice is one
    metric["run_id"] = one;
    post("runs/log-metric", metric);
  }
  post("runs/log-batch", batch);
  post("runs/log-batch", batch);
  EXPECT_EQ(get("runs/get?run_id=" + one)["run"]["data"], [&] {
    Json data = get("runs/get?run_id=" + all)["run"]["data"];
    data["tags"] = get("runs/get?run_id=" + one)["run"]["data"]["tags"];
    return data;
  }());
  for (int i = 0; i < 13; ++i) {
    const std::string key = "&metric_key=m" + std::to_string(i);
    EXPECT_EQ(get("metrics/get-history?run_id=" + one + key), get("metrics/get-history?run_id=" + all + key));
  }
}

TEST_P(Runs, names_that_could_be_acted_upon_are_refused) {
  const std::string run = new_run();
  for (const char* key :
       {"", "a\nb", "$(id)", "{{x}}", "a/../b", "/a", "a//b", "<b>", "a;b", "a`b", "../x", "."}) {
    EXPECT_EQ(failure("POST", "runs/set-tag", {{"run_id", run}, {"key", key}, {"value", "v"}}),
              "400 INVALID_PARAMETER_VALUE")
        << key;
  }
  for (const char* key : {"a b", "layer.0/weight:max", "val_loss-1", "präzision"}) {
    post("runs/set-tag", {{"run_id", run}, {"key", key}, {"value", "${{ x }} `ls` <script>"}});
  }
  const http::Answer answer = ask("GET", "/api/2.0/mlflow/runs/get?run_id=" + run);
  EXPECT_EQ(answer.body.find('<'), std::string::npos);
}

TEST_P(Runs, a_deleted_run_takes_nothing_and_comes_back) {
  const std::string run = new_run();
  post("runs/delete", {{"run_id", run}});
  EXPECT_EQ(failure("POST", "runs/set-tag", {{"run_id", run}, {"key", "a"}, {"value", "b"}}),
            "400 INVALID_PARAMETER_VALUE");
  EXPECT_TRUE(post("runs/search", {{"experiment_ids", {"0"}}})["runs"].empty());
  EXPECT_EQ(post("runs/search", {{"experiment_ids", {"0"}}, {"run_view_type", "ALL"}})["runs"].size(), 1U);
  post("runs/restore", {{"run_id", run}});
  post("runs/set-tag", {{"run_id", run}, {"key", "a"}, {"value", "b"}});
  post("runs/delete-tag", {{"run_id", run}, {"key", "a"}});
  EXPECT_EQ(failure("POST", "runs/delete-tag", {{"run_id", run}, {"key", "a"}}),
            "404 RESOURCE_DOES_NOT_EXIST");
}

TEST_P(Runs, searches_filter_order_and_page) {
  for (int i = 0; i < 6; ++i) {
    const std::string run = new_run();
    if (i < 5) {
      post("runs/log-metric", {{"run_id", run}, {"key", "loss"}, {"value", i}, {"timestamp", 1}});
    }
    post("runs/log-parameter", {{"run_id", run}, {"key", "kind"}, {"value", i % 2 == 0 ? "even" : "odd"}});
    post("runs/set-tag", {{"run_id", run}, {"key", "a b"}, {"value", "x" + std::to_string(i)}});
  }
  const auto losses = [&](const Json& query) {
    Json asked = query;
    asked["experiment_ids"] = {"0"};
    std::string out;
    const Json answer = post("runs/search", asked);
    for (const Json& run : answer["runs"]) {
      out += run["data"]["metrics"].empty()
                 ? "-"
                 : std::to_string(static_cast<int>(run["data"]["metrics"][0]["value"].get<double>()));
    }
    return out;
  };
  EXPECT_EQ(
      losses({{"filter", "metrics.loss > 1 AND params.kind = 'even'"}, {"order_by", {"metrics.loss DESC"}}}),
      "42");
  EXPECT_EQ(losses({{"filter", ""}, {"order_by", {"metrics.loss ASC"}}}), "01234-");
  EXPECT_EQ(losses({{"order_by", {"metric.loss DESC"}}, {"max_results", 2}}), "43");
  EXPECT_EQ(
      losses({{"filter", "tags.`a b` LIKE 'x%' and tags.\"a b\" != 'x3'"}, {"order_by", {"metrics.loss"}}}),
      "0124-");
  EXPECT_EQ(losses({{"filter", "metrics.loss IS NULL"}}), "-");
  EXPECT_EQ(failure("POST", "runs/search", {{"experiment_ids", {"0"}}, {"filter", "params.kind > 'a'"}}),
            "400 INVALID_PARAMETER_VALUE");
  EXPECT_EQ(failure("POST", "runs/search", {{"experiment_ids", {"0"}}, {"filter", "metrics.loss = '1'"}}),
            "400 INVALID_PARAMETER_VALUE");
  EXPECT_EQ(losses({{"filter", "attributes.status = 'RUNNING' AND params.kind = \"odd\""},
                    {"order_by", {"metrics.loss"}}}),
            "13-");
}

// A filter, and which of run 1 to 4 it finds.
constexpr std::pair<const char*, const char*> kComparisons[] = {
    {"tags.t = 'a\\b'", "2"},
    {"tags.t != 'a\\b'", "13"},
    {"tags.t LIKE 'Ab\\%c%'", ""},
    {"tags.t LIKE 'Ab%'", "1"},
    {"tags.t LIKE 'ab%'", ""},
    {"tags.t ILIKE 'aB%'", "1"},
    {"tags.t LIKE 'a\\b'", "2"},
    {"tags.t LIKE 'a\\\\b'", ""},
    {"tags.t LIKE 'a_b'", "2"},
    {"tags.t LIKE '%\\'", ""},
    {"tags.t LIKE '%\\_'", "2"},
    {"tags.t LIKE '_rger'", "3"},
    {"tags.t ILIKE 'ÄRGER'", "3"},
    {"tags.t ILIKE 'ärger'", ""},
    {"tags.t ILIKE 'A\\B'", "2"},
    {"tags.t IS NULL", "4"},
    {"tags.t IS NOT NULL", "123"},
    {"params.p = 'Ab%c_d'", "1"},
    {"params.p LIKE '%\\%'", "2"},
    {"params.p IS NULL", "4"},
    {"metrics.m = 0", "2"},
    {"metrics.m != 0", "13"},
    {"metrics.m < 0.0", "1"},
    {"metrics.m <= 0", "12"},
    {"metrics.m > -1.5", "23"},
    {"metrics.m >= -1.5", "123"},
    {"metrics.m > 1e300", "3"},
    {"metrics.n = 0", ""},
    {"metrics.n IS NOT NULL", "123"},
    {"metrics.m IS NULL", "4"},
    {"start_time > 2000", "34"},
    {"start_time >= 2000", "234"},
    {"start_time = 3000.0", "3"},
    {"start_time < 1000.5", "1"},
    {"start_time != 1000", "234"},
    {"end_time IS NULL", "1234"},
    {"run_name IN ('r1', 'r4')", "14"},
    {"run_name NOT IN ('r1', 'r4')", "23"},
    {"run_name LIKE 'r_'", "1234"},
    {"status = 'RUNNING'", "1234"},
    {"dataset.name = 'd2'", "2"},
    {"dataset.name LIKE 'd%'", "123"},
    {"dataset.context IN ('train')", "123"},
    {"dataset.digest != 'x'", ""},
};

class Comparisons : public testing_support::OnEachDatabase {
 protected:
  // The last of the four has nothing of its own.
  void furnish() {
    const char* kTexts[] = {"Ab%c_d", "a\\b", "Ärger"};
    const char* kValues[] = {"-1.5", "0", "Infinity"};
    for (int i = 0; i < 4; ++i) {
      const std::string name = "r" + std::to_string(i + 1);
      const Json made =
          post("runs/create", {{"experiment_id", "0"}, {"run_name", name}, {"start_time", 1000 * (i + 1)}});
      const std::string run = made["run"]["info"]["run_id"];
      if (i == 3) continue;
      post("runs/set-tag", {{"run_id", run}, {"key", "t"}, {"value", kTexts[i]}});
      post("runs/log-parameter", {{"run_id", run}, {"key", "p"}, {"value", kTexts[i]}});
      post("runs/log-metric", {{"run_id", run}, {"key", "m"}, {"value", kValues[i]}, {"timestamp", 1}});
      post("runs/log-metric", {{"run_id", run}, {"key", "n"}, {"value", "NaN"}, {"timestamp", 1}});
      Json input{{"tags", {{{"key", "mlflow.data.context"}, {"value", "train"}}}}};
      input["dataset"] = {{"name", "d" + std::to_string(i + 1)}, {"digest", "x"}, {"source_type", "local"}};
      post("runs/log-inputs", {{"run_id", run}, {"datasets", Json::array({input})}});
    }
  }
  std::string found(const std::string& filter, const std::string& order = "start_time ASC") {
    std::string out;
    const Json answer =
        post("runs/search", {{"experiment_ids", {"0"}}, {"filter", filter}, {"order_by", {order}}});
    for (const Json& run : answer["runs"]) out += run["info"]["run_name"].get<std::string>().substr(1);
    return out;
  }
};

TEST_P(Comparisons, mean_the_same) {
  furnish();
  for (const auto& [filter, runs] : kComparisons) EXPECT_EQ(found(filter), runs) << filter;
  EXPECT_EQ(found("", "metrics.m DESC"), "3214");
  EXPECT_EQ(found("", "metrics.m ASC"), "1234");
  // By the bytes: capitals first, letters beyond ASCII last, what is absent behind all.
  EXPECT_EQ(found("", "tags.t ASC"), "1234");
  EXPECT_EQ(found("", "params.p DESC"), "3214");
}
ON_EACH_DATABASE(Comparisons);

TEST_P(Runs, injected_sql_is_only_text) {
  const std::string run = new_run();
  const char* kHostile = "x' OR '1'='1";
  post("runs/set-tag", {{"run_id", run}, {"key", "t"}, {"value", kHostile}});
  EXPECT_EQ(
      failure("POST", "runs/search", {{"experiment_ids", {"0"}}, {"filter", "tags.t = 'x' OR '1'='1'"}}),
      "400 INVALID_PARAMETER_VALUE");
  EXPECT_EQ(
      post("runs/search", {{"experiment_ids", {"0"}}, {"filter", "tags.t = 'x'' OR ''1''=''1'"}})["runs"]
          .size(),
      1U);
  EXPECT_EQ(failure("POST", "runs/search",
                    {{"experiment_ids", {"0"}}, {"order_by", {"start_time; DROP TABLE runs"}}}),
            "400 INVALID_PARAMETER_VALUE");
  EXPECT_EQ(failure("POST", "runs/search",
                    {{"experiment_ids", {"0"}}, {"order_by", {"`1; DROP TABLE runs` DESC"}}}),
            "400 INVALID_PARAMETER_VALUE");
}

TEST_P(Runs, writers_share_commits_and_lose_nothing) {
  const std::string run = new_run();
  std::vector<std::jthread> writers;
  for (int writer = 0; writer < 8; ++writer) {
    writers.emplace_back([&, writer] {
      for (int i = 0; i < 25; ++i) {
        const Json body{{"run_id", run},
                        {"key", "m" + std::to_string(writer)},
                        {"value", i},
                        {"timestamp", i},
                        {"step", i}};
        const auto answer = ask("POST", "/api/2.0/mlflow/runs/log-metric", canonical(body));
        EXPECT_EQ(answer.status, 200) << answer.body;
      }
    });
  }
  writers.clear();
  open(anybody());
  for (int writer = 0; writer < 8; ++writer) {
    EXPECT_EQ(
        get("metrics/get-history?run_id=" + run + "&metric_key=m" + std::to_string(writer))["metrics"].size(),
        25U);
  }
}

ON_EACH_DATABASE(Runs);

}  // namespace
}  // namespace sallyport::services::tracking
