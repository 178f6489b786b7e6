// What is written as SARIF is SARIF: the standard's own schema, from npm, judges it with PyPI's validator.
#include <gtest/gtest.h>

#include <fstream>

#include "core/env.h"
#include "services/scan/sarif.h"
#include "services/scan/scan.h"
#include "tests/peer.h"

namespace sallyport {
namespace {

constexpr std::string_view kValidate =
    "import json, sys, jsonschema\n"
    "schema = json.load(open(sys.argv[1], encoding='utf-8-sig'))\n"
    "validator = jsonschema.Draft7Validator(schema)\n"
    "errors = [e for e in validator.iter_errors(json.load(open(sys.argv[2], encoding='utf-8')))]\n"
    "for e in errors[:5]: print(list(e.absolute_path), e.message[:200])\n"
    "sys.exit(len(errors) > 0)\n";

class Sarif : public ::testing::Test {
 protected:
  void SetUp() override {
    schema_ = tests::npm_package("jest-sarif", "@microsoft/jest-sarif@1.0.0-beta.0");
    environment_ = tests::peer("jsonschema", "jsonschema==4.23.0");
    if (schema_.empty() || environment_.empty())
      GTEST_SKIP() << "SARIF IS NOT VALIDATED: no schema, or no validator";
    folder_ = fs::path(::testing::TempDir()) / "sallyport-sarif";
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "repository/.git/objects");
    fs::create_directories(folder_ / "repository/.git/refs");
    write("repository/.git/HEAD", "ref: refs/heads/main\n");
    write("validate.py", kValidate);
  }
  void TearDown() override {
    if (!folder_.empty()) fs::remove_all(folder_);
  }
  void write(const std::string& path, std::string_view text) {
    fs::create_directories((folder_ / path).parent_path());
    std::ofstream(folder_ / path, std::ios::binary) << text;
  }
  int judged(const Json& log) {
    write("log.sarif", pretty(log));
    const std::string command = "'" + (environment_ / "bin/python").string() + "' '" +
                                (folder_ / "validate.py").string() + "' '" +
                                (schema_ / "lib/schemas/sarif-2.1.0-rtm.5.json").string() + "' '" +
                                (folder_ / "log.sarif").string() + "' >&2";
    return std::system(command.c_str());
  }

  fs::path schema_;
  fs::path environment_;
  fs::path folder_;
};

TEST_F(Sarif, IsValidByTheStandardsSchema) {
  write("repository/train.py", "import pickle\nmodel = pickle.load(open('a'))\neval(input())\n");
  write("repository/a b\n%.pkl", std::string("c__builtin__\neval\n(S'1'\ntR.", 26));
  write("repository/noise.bin", "\xF7\xF6");
  write("repository/.github/workflows/x.yml",
        "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n    - run: curl x | sh\n");
  write("repository/Dockerfile", "FROM python\n");
  services::scan::ScanOptions options;
  options.now_unix_s = *parse_time("2030-01-20T12:00:00Z");
  const auto policy = parse_policy(
      "waivers:\n  - {guard: archive_bomb, owner: ana, reason: a test, expires: 2030-01-10}\n"
      "  - {guard: pickle_code_execution, owner: ana, reason: a test, expires: 2030-01-25}\n",
      "policy");
  ASSERT_TRUE(policy);
  options.policy = *policy;
  const auto report = services::scan::scan({folder_ / "repository"}, options);
  ASSERT_TRUE(report) << report.error().message;
  const Json log = services::scan::to_sarif(*report, "1.0.0");
  const Json& run = log.at("runs")[0];
  EXPECT_GE(run.at("results").size(), 4U);
  EXPECT_EQ(run.at("invocations")[0].at("toolConfigurationNotifications").size(), 2U);
  EXPECT_EQ(judged(log), 0);
  // The schema does refuse.
  Json wrong = log;
  wrong["runs"][0]["results"][0]["level"] = "grave";
  EXPECT_NE(judged(wrong), 0);
  wrong = log;
  wrong["runs"][0]["results"][0].erase("message");
  EXPECT_NE(judged(wrong), 0);
}

}  // namespace
}  // namespace sallyport
