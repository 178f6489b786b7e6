#include "services/scan/watch.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "services/scan/settings.h"

namespace sallyport::services::scan {
namespace {

namespace fs = std::filesystem;

constexpr int kSoonMs = 2000;

class WatchTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "sallyport-watch-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }
  void write(const fs::path& path) const { std::ofstream(folder_ / path) << "text"; }
  fs::path folder_;
};

TEST_F(WatchTest, SeesWhatIsWrittenAndWhatIsMovedIn) {
  write("before");
  auto watch = Watch::open({folder_});
  ASSERT_TRUE(watch) << watch.error().message;
  write("a");
  EXPECT_EQ(watch->next(kSoonMs).value(), std::vector<fs::path>{folder_ / "a"});
  fs::rename(folder_ / "before", folder_ / "b");
  EXPECT_EQ(watch->next(kSoonMs).value(), std::vector<fs::path>{folder_ / "b"});
  EXPECT_TRUE(watch->next(0).value().empty());
}

TEST_F(WatchTest, DoesNotReportAFileThatIsStillOpen) {
  auto watch = Watch::open({folder_});
  ASSERT_TRUE(watch);
  std::ofstream file(folder_ / "a");
  file << "half";
  file.flush();
  EXPECT_TRUE(watch->next(100).value().empty());
  file.close();
  EXPECT_EQ(watch->next(kSoonMs).value(), std::vector<fs::path>{folder_ / "a"});
}

TEST_F(WatchTest, FollowsFoldersThatAppear) {
  auto watch = Watch::open({folder_});
  ASSERT_TRUE(watch);
  fs::create_directories(folder_ / "x" / "y");
  write("x/y/a");
  EXPECT_EQ(watch->next(kSoonMs).value(), std::vector<fs::path>{folder_ / "x" / "y" / "a"});
  write("x/y/b");
  EXPECT_EQ(watch->next(kSoonMs).value(), std::vector<fs::path>{folder_ / "x" / "y" / "b"});
}

TEST_F(WatchTest, AFileIsNoFolderToWatch) {
  write("a");
  EXPECT_FALSE(Watch::open({folder_ / "a"}));
  EXPECT_FALSE(Watch::open({folder_ / "missing"}));
}

TEST(ScanSettings, AreReadStrictly) {
  const auto settings = parse_settings(R"({"max_depth": 3, "explain": true, "policy": "p.yaml"})");
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->depth_max, 3);
  EXPECT_TRUE(settings->explain);
  EXPECT_EQ(settings->policy_file, "p.yaml");
  for (const char* bad : {"[]", R"({"max_dept": 3})", R"({"max_depth": "3"})", R"({"explain": 1})"}) {
    EXPECT_FALSE(parse_settings(bad)) << bad;
  }
  EXPECT_FALSE(read_options(system_env(), {.depth_max = -1}));
  EXPECT_FALSE(read_options(system_env(), {.packs_folder = "packs"}));
}

}  // namespace
}  // namespace sallyport::services::scan
