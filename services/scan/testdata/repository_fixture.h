// A repository of its own for a test, in a folder that is removed afterwards.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "core/env.h"
#include "services/scan/scan.h"

namespace sallyport::services::scan {

// Put together here, so that no scanner of secrets sees one in this file.
inline std::string token() { return std::string("ghp_") + "pW6gQhWBd1VwD7xkX6CHT9Tt8DNSMb0lE5vC"; }
inline std::string password() { return std::string("dQ7") + "vX2mK9pLr4"; }

class RepositoryScan : public testing::Test {
 protected:
  void SetUp() override {
    base_ = fs::temp_directory_path() / ("sallyport-repository-" + std::to_string(::getpid()));
    fs::remove_all(base_);
    fs::create_directories(base_ / "repo");
    git("init -q -b main");
  }
  void TearDown() override { fs::remove_all(base_); }

  void git(const std::string& words) {
    const std::string command = "git -C '" + (base_ / "repo").string() +
                                "' -c user.name=t -c user.email=t@plant.example " + words +
                                " >/dev/null 2>&1";
    ASSERT_EQ(std::system(command.c_str()), 0) << words;
  }
  void write(const std::string& name, std::string_view text) {
    fs::create_directories((base_ / "repo" / name).parent_path());
    std::ofstream(base_ / "repo" / name, std::ios::binary) << text;
  }
  void commit(const std::string& message) {
    git("add -A");
    git("commit -q --allow-empty -m '" + message + "'");
  }
  ScanReport scan_all(ScanOptions options = {}) {
    auto report = scan({base_ / "repo"}, options);
    EXPECT_TRUE(report) << report.error().message;
    return report ? *report : ScanReport{};
  }
  static std::vector<const ScannedFile*> with_findings(const ScanReport& report) {
    std::vector<const ScannedFile*> out;
    for (const ScannedFile& file : report.files) {
      if (!file.findings.empty()) out.push_back(&file);
    }
    return out;
  }

  fs::path base_;
};

}  // namespace sallyport::services::scan
