#include "trust/manifest.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "core/json.h"
#include "tests/fault_env.h"

namespace sallyport::trust {
namespace {

class Manifests : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(testing::TempDir()) / ("manifest_" + std::to_string(::getpid()));
    fs::create_directories(root_);
  }
  void TearDown() override { fs::remove_all(root_); }
  void write(const std::string& path, const std::string& text, bool executable = false) {
    fs::create_directories((root_ / path).parent_path());
    ASSERT_TRUE(system_env().write_new(root_ / path, as_bytes(text), executable ? 0755 : 0644));
  }
  fs::path root_;
};

TEST_F(Manifests, HoldsFilesModesAndEmptyDirectories) {
  write("b.txt", "two");
  write("a/x.sh", "#!", true);
  write("a.txt", "one");
  fs::create_directories(root_ / "empty/inner");
  const auto manifest = scan_directory(system_env(), root_);
  ASSERT_TRUE(manifest) << manifest.error().message;
  ASSERT_EQ(manifest->entries.size(), 4U);
  EXPECT_EQ(manifest->entries[0], (ManifestEntry{"a.txt", EntryMode::kFile, 3, sha256("one")}));
  EXPECT_EQ(manifest->entries[1], (ManifestEntry{"a/x.sh", EntryMode::kExecutable, 2, sha256("#!")}));
  EXPECT_EQ(manifest->entries[2].path, "b.txt");
  EXPECT_EQ(manifest->entries[3], (ManifestEntry{"empty/inner", EntryMode::kEmptyDirectory, 0, {}}));
  const std::string text = serialize(*manifest);
  EXPECT_EQ(*parse_manifest(as_bytes(text)), *manifest);
  EXPECT_EQ(digest_of(*manifest), sha256(text));
  EXPECT_EQ(*digest_of_path(system_env(), root_), sha256(text));
  EXPECT_EQ(manifest->find("a/x.sh"), &manifest->entries[1]);
  EXPECT_EQ(manifest->find("a"), nullptr);
}

TEST_F(Manifests, LinksAndSpecialFilesAreRefused) {
  write("a.txt", "one");
  fs::create_symlink("a.txt", root_ / "link");
  EXPECT_NE(scan_directory(system_env(), root_).error().message.find("symbolic link"), std::string::npos);
  fs::remove(root_ / "link");
  fs::create_directory_symlink("/", root_ / "everything");
  EXPECT_FALSE(scan_directory(system_env(), root_));
  fs::remove(root_ / "everything");
  ASSERT_EQ(::mkfifo((root_ / "pipe").c_str(), 0600), 0);
  EXPECT_NE(scan_directory(system_env(), root_).error().message.find("FIFO"), std::string::npos);
  fs::remove(root_ / "pipe");
  EXPECT_TRUE(scan_directory(system_env(), root_));
  fs::create_directory_symlink(root_, root_.string() + "_link");
  EXPECT_FALSE(scan_directory(system_env(), root_.string() + "_link"));
  fs::remove(root_.string() + "_link");
}

TEST_F(Manifests, NamesThatWouldMisleadAreRefused) {
  write("bad\nname", "x");
  EXPECT_FALSE(scan_directory(system_env(), root_));
  fs::remove(root_ / "bad\nname");
  write("bad\xff", "x");
  EXPECT_FALSE(scan_directory(system_env(), root_));
}

TEST(ManifestPaths, OnlyPlainRelativeOnes) {
  for (const char* good : {"a", "a/b", "a.b/c-d_e", "..a", "a..", "Größe/数据.csv", " blank"}) {
    EXPECT_TRUE(check_relative_path(good)) << good;
  }
  for (const std::string bad : {"", "/", "/a", "a/", "a//b", ".", "..", "a/..", "../a", "a/./b", "a\tb",
                                "a\x7f", "\xff", "\xc0\xaf", "\xed\xa0\x80", "\xe2\x82", "a\\\xc0"}) {
    EXPECT_FALSE(check_relative_path(bad)) << bad;
  }
  EXPECT_FALSE(check_relative_path(std::string_view("a\0b", 3)));
  EXPECT_FALSE(check_relative_path(std::string(5000, 'a')));
  std::string deep = "a";
  for (int i = 0; i < 64; ++i) deep += "/a";
  EXPECT_FALSE(check_relative_path(deep));
}

TEST(ManifestText, EveryChangedByteYieldsAnotherManifestOrAnError) {
  const Manifest manifest{{{"a.txt", EntryMode::kFile, 3, sha256("one")},
                           {"d", EntryMode::kEmptyDirectory, 0, {}},
                           {"x.sh", EntryMode::kExecutable, 2, sha256("#!")}}};
  const std::string text = serialize(manifest);
  ASSERT_EQ(*parse_manifest(as_bytes(text)), manifest);
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = text;
      bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
      const auto got = parse_manifest(as_bytes(bad));
      if (got) {
        EXPECT_NE(digest_of(*got), digest_of(manifest)) << "byte " << i;
      }
    }
    EXPECT_FALSE(parse_manifest(as_bytes(text.substr(0, i))));
  }
}

TEST(ManifestText, RefusesWhatNoScanWrites) {
  const Json entry{{"path", "a"}, {"mode", "file"}, {"size", 1}, {"sha256", sha256("x").hex()}};
  const auto parses = [&](const Json& entries) {
    return parse_manifest(
               as_bytes(canonical({{"entries", entries}, {"format", std::string(kManifestFormat)}})))
        .has_value();
  };
  const auto with = [&](const char* name, const Json& value) {
    Json out = entry;
    out[name] = value;
    return out;
  };
  EXPECT_TRUE(parses(Json::array({entry})));
  EXPECT_TRUE(parses(Json::array({entry, with("path", "b")})));
  EXPECT_FALSE(parses(Json::array({with("path", "b"), entry}))) << "not sorted";
  EXPECT_FALSE(parses(Json::array({entry, entry}))) << "twice";
  EXPECT_FALSE(parses(Json::array({entry, with("path", "a/b")}))) << "below a file";
  EXPECT_FALSE(parses(Json::array({with("path", "../a")})));
  EXPECT_FALSE(parses(Json::array({with("mode", "device")})));
  EXPECT_FALSE(parses(Json::array({with("mode", "directory")}))) << "a directory has no bytes";
  EXPECT_FALSE(parses(Json::array({with("size", -1)})));
  EXPECT_FALSE(parses(Json::array({with("size", 1.5)})));
  EXPECT_FALSE(parses(Json::array({with("more", 1)})));
}

TEST(ManifestCompare, NamesEachDifference) {
  const ManifestEntry a{"a", EntryMode::kFile, 1, sha256("1")};
  const ManifestEntry b{"b", EntryMode::kFile, 1, sha256("2")};
  ManifestEntry changed = a;
  changed.sha256 = sha256("3");
  ManifestEntry mode = a;
  mode.mode = EntryMode::kExecutable;
  using Differences = std::vector<Difference>;
  EXPECT_EQ(compare({{a, b}}, {{a, b}}), Differences{});
  EXPECT_EQ(compare({{a, b}}, {{a}}), (Differences{{Change::kRemoved, "b"}}));
  EXPECT_EQ(compare({{b}}, {{a, b}}), (Differences{{Change::kAdded, "a"}}));
  EXPECT_EQ(compare({{a, b}}, {{changed, b}}), (Differences{{Change::kChanged, "a"}}));
  EXPECT_EQ(compare({{a}}, {{mode}}), (Differences{{Change::kMode, "a"}}));
  EXPECT_EQ(compare({{a}}, {{{"a", EntryMode::kEmptyDirectory, 0, {}}}}),
            (Differences{{Change::kChanged, "a"}}));
}

}  // namespace
}  // namespace sallyport::trust
