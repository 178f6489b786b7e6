// A project of its own for a test: the digits, initialised, in a folder that is removed afterwards.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "drills/data.h"
#include "services/pipeline/runner.h"
#include "services/project/init.h"
#include "trust/workspace.h"

namespace sallyport::testing_support {

class ProjectFixture : public testing::Test {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::path(testing::TempDir()) / ("sallyport-" + std::string(test->name())) / "digits";
    fs::remove_all(folder_);
    const auto made = services::project::init_project(
        system_env(), {.folder = folder_, .name = "digits", .feed_csv = std::string(drills::digits_csv()),
                       .feed_file = "digits.csv", .roles = {.label = "digit", .id = "id"},
                       .image = {.height = 8, .width = 8, .max_value = 16}});
    ASSERT_TRUE(made) << made.error().message;
  }
  void TearDown() override { fs::remove_all(folder_.parent_path()); }

  void write(const std::string& path, const std::string& text) const {
    fs::create_directories((folder_ / path).parent_path());
    ASSERT_TRUE(write_durably(system_env(), folder_ / path, as_bytes(text), 0644));
  }
  std::string read(const std::string& path) const {
    const auto bytes = system_env().read_file(folder_ / path);
    EXPECT_TRUE(bytes) << bytes.error().message;
    return bytes ? std::string(as_text(*bytes)) : "";
  }
  // Replaces the line of a stage in pipeline.yaml, and signs the file as the lead.
  void set_stage(const std::string& stage, const std::string& yaml, bool sign = true) const {
    std::string text = read("pipeline.yaml");
    const std::size_t begin = text.find("\n  " + stage + ":");
    if (begin == std::string::npos) {
      text += "  " + stage + ": " + yaml + "\n";
    } else {
      text.replace(begin + 1, text.find('\n', begin + 1) - begin - 1, "  " + stage + ": " + yaml);
    }
    write("pipeline.yaml", text);
    if (!sign) return;
    const auto signed_at = services::pipeline::sign_definition(system_env(), folder_);
    ASSERT_TRUE(signed_at) << signed_at.error().message;
  }
  Result<services::pipeline::RunReport> run(std::optional<Stage> until = {}) const {
    const auto project = services::pipeline::load_project(system_env(), folder_);
    if (!project) return std::unexpected(project.error());
    return services::pipeline::run_pipeline(system_env(), project->definition, project->policy,
                                            {.project = folder_, .until = until});
  }

  fs::path folder_;
};

}  // namespace sallyport::testing_support
