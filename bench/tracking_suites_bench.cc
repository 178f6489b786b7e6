// What the tracking server's tests count, as figures: the flow of MLflow's unmodified clients, and the
// requests that other servers fell for. They run as the tests do, in the tests' own program.
#include <map>

#include "bench/bench.h"
#include "core/env.h"
#include "core/json.h"
#include "core/text.h"
#include "tests/paths.h"

namespace sallyport::bench {
namespace {

struct Suite {
  std::size_t tests = 0;
  std::size_t skipped = 0;
  std::size_t failures = 0;                       // expectations that were not met
  std::map<std::string, double> properties = {};  // the largest of each that a test recorded
};

void add_test(const Json& test, Suite& out) {
  if (test.value("result", "") == "SKIPPED") {
    ++out.skipped;
    return;
  }
  ++out.tests;
  if (test.contains("failures")) out.failures += test["failures"].size();
  for (const auto& [name, value] : test.items()) {
    if (!value.is_string()) continue;
    if (const auto number = parsed_number<double>(value.get_ref<const std::string&>())) {
      out.properties[name] = std::max(out.properties[name], *number);
    }
  }
}

Result<Suite> run_suite(const std::string& filter) {
  const Scratch scratch;
  const std::filesystem::path report = scratch.path() / "report.json";
  TRY(run_program({.words = {tests::build_dir() + "/tracking_tests", "--gtest_filter=" + filter,
                             "--gtest_output=json:" + report.string()}}));
  const Json said = TRY(parse_json(as_text(TRY(system_env().read_file(report)))));
  Suite out;
  for (const Json& suite : said.at("testsuites")) {
    for (const Json& test : suite.at("testsuite")) add_test(test, out);
  }
  return out;
}

std::string counted(const Suite& suite, const std::string& what) {
  return std::to_string(suite.tests) + " " + what +
         (suite.skipped == 0 ? "" : ", " + std::to_string(suite.skipped) + " left out");
}

}  // namespace

Result<std::vector<Figure>> bench_tracking_suites() {
  const Suite flow = TRY(run_suite("*Mlflow*"));
  const Suite hostile = TRY(run_suite("*Hostile*"));
  const auto of = [](const Suite& suite, const std::string& name) {
    const auto found = suite.properties.find(name);
    return found == suite.properties.end() ? 0 : found->second;
  };
  const double passed = flow.tests == 0 || flow.failures > 0 ? 0 : 100;
  return std::vector<Figure>{
      {.name = "tracking: flows of MLflow's unmodified clients",
       .value = passed,
       .unit = "%",
       .target = 100,
       .how = counted(flow, "scripts, SQLite and PostgreSQL, plain and TLS")},
      {.name = "tracking: endpoints that they went through",
       .value = of(flow, "endpoints"),
       .unit = "",
       .target = 36,
       .how = "of one script at most; asked and answered with 200"},
      {.name = "tracking: hostile requests tried",
       .value = of(hostile, "hostile_requests"),
       .unit = "",
       .target = 200,
       .how = "traversal, SSRF, smuggling, authorisation; " + counted(hostile, "databases")},
      {.name = "tracking: hostile requests that got through",
       .value = static_cast<double>(hostile.failures),
       .unit = "",
       .target = 0,
       .better = Better::kLower,
       .how = "answered with success, changed something, saw the canary or made the server speak"}};
}

}  // namespace sallyport::bench
