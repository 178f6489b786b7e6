#include "services/data/data.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "core/forwarding_env.h"

namespace sallyport::services::data {
namespace {

constexpr std::int64_t kNow = 1'790'000'000;

class ClockEnv final : public ForwardingEnv {
 public:
  ClockEnv() : ForwardingEnv(system_env()) {}
  std::int64_t now_unix_s() override { return now; }
  std::int64_t now = kNow;
};

class DataVersions : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(testing::TempDir()) / ("data_versions_" + std::to_string(::getpid()));
    fs::remove_all(root_);
    fs::create_directories(root_);
    auto made = trust::create_workspace(env_, root_);
    ASSERT_TRUE(made) << made.error().message;
    workspace_ = *made;
  }
  void TearDown() override { fs::remove_all(root_); }

  void stage(const std::string& name, const std::string& text) {
    const fs::path folder = root_ / "in" / name;
    fs::create_directories(folder);
    fs::remove(folder / "rows.csv");
    ASSERT_TRUE(env_.write_new(folder / "rows.csv", as_bytes(text), 0644));
    const auto report = add(workspace_, folder, name);
    ASSERT_TRUE(report) << report.error().message;
  }
  Result<trust::DataVersion> commit_text(const std::string& name, const std::string& text,
                                         const CommitOptions& options = {}) {
    stage(name, text);
    return commit(workspace_, name, options);
  }
  Result<std::string> text_of(const std::string& spec) {
    const View view = TRY(look(workspace_));
    const Opened opened = TRY(open(view, spec, env_.now));
    std::string out;
    TRY(opened.reader.read_file("rows.csv", [&](BytesView bytes) -> Result<void> {
      out += as_text(bytes);
      return {};
    }));
    return out;
  }
  std::string why(const std::string& spec) {
    const auto got = text_of(spec);
    return got ? "" : got.error().message;
  }

  ClockEnv env_;
  fs::path root_;
  trust::Workspace workspace_;
};

TEST_F(DataVersions, VersionsAndTagsNameWhatWasCommitted) {
  ASSERT_TRUE(commit_text("digits", "one", {.message = "first", .tag = "stable"}));
  const auto second = commit_text("digits", "two");
  ASSERT_TRUE(second);
  EXPECT_EQ(second->said.version, 2);
  EXPECT_TRUE(second->said.parent);
  EXPECT_EQ(*text_of("digits"), "two");
  EXPECT_EQ(*text_of("digits@1"), "one");
  EXPECT_EQ(*text_of("digits@stable"), "one");
  ASSERT_TRUE(commit_text("digits", "three", {.tag = "stable"}));
  EXPECT_EQ(*text_of("digits@stable"), "three");
  EXPECT_EQ(why("digits@9"), "digits: no version 9 in the log");
  EXPECT_NE(why("digits@other"), "");
  EXPECT_NE(why("../digits"), "");
  EXPECT_FALSE(commit(workspace_, "digits", {})) << "nothing is staged";
}

// Only a commit waits for the disk: what was added before may be torn by a power cut, and is not signed then.
TEST_F(DataVersions, WhatAPowerCutTookIsNotCommitted) {
  ASSERT_TRUE(commit_text("digits", "one"));
  stage("digits", "two");
  std::size_t torn = 0;
  for (const auto& item : fs::directory_iterator(workspace_.root / "data/packs")) {
    if (item.path().extension() != trust::kFreshPack) continue;
    fs::permissions(item.path(), fs::perms::owner_all);
    fs::resize_file(item.path(), item.file_size() / 2);
    ++torn;
  }
  ASSERT_EQ(torn, 1U);
  EXPECT_FALSE(commit(workspace_, "digits", {}));
  EXPECT_EQ(*text_of("digits"), "one");
  stage("digits", "two");
  ASSERT_TRUE(commit(workspace_, "digits", {}));
  EXPECT_EQ(*text_of("digits"), "two");
}

TEST_F(DataVersions, WhatHasExpiredIsRefused) {
  ASSERT_TRUE(commit_text("digits", "one", {.valid_s = 100}));
  EXPECT_EQ(why("digits@1"), "");
  env_.now += 100;
  EXPECT_NE(why("digits@1").find("expired"), std::string::npos);
}

TEST_F(DataVersions, LineageLeadsBackToWhatSomebodyVouchesFor) {
  ASSERT_TRUE(commit_text("raw", "raw rows"));
  ASSERT_TRUE(commit_text("clean", "clean rows", {.inputs = {"raw@1"}, .step = "python3 clean.py"}));
  EXPECT_EQ(*text_of("clean"), "clean rows");
  stage("other", "other rows");
  const std::string stranger = "sha256:" + sha256("nobody").hex();
  EXPECT_FALSE(commit(workspace_, "other", {.inputs = {stranger}}));
  EXPECT_FALSE(commit(workspace_, "other", {.step = "python3 made_up.py"})) << "made from nothing";
  EXPECT_FALSE(commit(workspace_, "other", {.inputs = {"absent@1"}}));
}

TEST_F(DataVersions, ALogThatWasRolledBackIsRefused) {
  ASSERT_TRUE(commit_text("digits", "one"));
  const fs::path kept = root_ / "kept";
  fs::copy(workspace_.root, kept, fs::copy_options::recursive);
  ASSERT_TRUE(commit_text("digits", "two"));
  EXPECT_EQ(*text_of("digits"), "two");
  for (const char* name : {"log", "attestations"}) {
    fs::remove_all(workspace_.root / name);
    fs::copy(kept / name, workspace_.root / name, fs::copy_options::recursive);
  }
  EXPECT_NE(why("digits"), "");
}

TEST_F(DataVersions, CollectingKeepsEveryVersionAndWhatIsStaged) {
  ASSERT_TRUE(commit_text("digits", "one"));
  stage("digits", "abandoned");
  stage("digits", "staged");
  ASSERT_TRUE(collect(workspace_));
  ASSERT_TRUE(commit(workspace_, "digits", {}));
  EXPECT_EQ(*text_of("digits@1"), "one");
  EXPECT_EQ(*text_of("digits@2"), "staged");
  const auto sound = check(workspace_);
  ASSERT_TRUE(sound);
  EXPECT_TRUE(sound->problems.empty());
  EXPECT_EQ(sound->versions, 2U);
  fs::remove_all(workspace_.root / "data/packs");
  EXPECT_FALSE(check(workspace_)->problems.empty());
}

TEST(DataVersionPredicates, AreReadStrictly) {
  trust::DataVersionPredicate said;
  said.name = "digits";
  said.version = 1;
  said.expires_unix_s = kNow;
  const Json good = trust::to_json(said);
  EXPECT_TRUE(trust::parse_data_version(good));
  for (const auto& [name, value] : good.items()) {
    Json bad = good;
    bad.erase(name);
    EXPECT_FALSE(trust::parse_data_version(bad)) << name;
  }
  Json more = good;
  more["extra"] = 1;
  EXPECT_FALSE(trust::parse_data_version(more));
  for (const char* name : {"", "../x", "A", ".hidden", "a b"}) {
    EXPECT_FALSE(trust::check_data_word("name", name)) << name;
  }
}

}  // namespace
}  // namespace sallyport::services::data
