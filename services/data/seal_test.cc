#include "services/data/seal.h"

#include <gtest/gtest.h>

#include "core/limits/data_versions.h"

namespace sallyport::services::data {
namespace {

constexpr std::int64_t kLater = 1;

class Seal : public testing::Test {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::path(testing::TempDir()) / ("sallyport-seal-" + std::string(test->name()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    auto made = trust::create_workspace(system_env(), folder_);
    ASSERT_TRUE(made) << made.error().message;
    workspace_ = *made;
  }
  void TearDown() override { fs::remove_all(folder_); }

  trust::DataVersion commit(const std::string& name, const std::string& csv) {
    const fs::path file = folder_ / name / "rows.csv";
    fs::create_directories(file.parent_path());
    EXPECT_TRUE(write_durably(system_env(), file, as_bytes(csv)));
    EXPECT_TRUE(add(workspace_, file.parent_path(), name));
    auto version = data::commit(workspace_, name, {});
    EXPECT_TRUE(version) << version.error().message;
    return version.value_or(trust::DataVersion{});
  }
  // "" or why it may not be read.
  std::string open_error(const std::string& spec) {
    const auto opened = open(look(workspace_).value(), spec, system_env().now_unix_s() + kLater);
    return opened ? "" : opened.error().message;
  }
  SealState sealed(const std::string& spec, std::vector<std::string> keys) {
    auto state = seal(workspace_, spec, {.keys = std::move(keys)});
    EXPECT_TRUE(state) << state.error().message;
    return state.value_or(SealState{});
  }

  fs::path folder_;
  trust::Workspace workspace_;
};

TEST_F(Seal, TwoPeopleSignOneAfterTheOther) {
  commit("eval", "x,y\n1,a\n2,b\n");
  const SealState first = sealed("eval", {"lead"});
  EXPECT_EQ(first.missing, (std::vector<std::string>{"audit"}));
  EXPECT_FALSE(first.log_index);
  EXPECT_EQ(open_error("eval"), "") << "until both have signed, the name is not a sealed one";
  const SealState both = sealed("eval", {"audit"});
  EXPECT_EQ(both.signed_by, (std::vector<std::string>{"audit", "lead"}));
  EXPECT_EQ(both.rows, 2);
  ASSERT_TRUE(both.log_index);
  EXPECT_EQ(open_error("eval"), "");
  const auto again = seal(workspace_, "eval", {});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::kDenied);
}

TEST_F(Seal, ASignatureForOtherDataIsNotTakenOver) {
  commit("eval", "x,y\n1,a\n2,b\n");
  sealed("eval@1", {"lead"});
  commit("eval", "x,y\n1,a\n2,a\n");
  const SealState state = sealed("eval@2", {"audit"});
  EXPECT_EQ(state.signed_by, (std::vector<std::string>{"audit"}));
  EXPECT_FALSE(state.log_index);
}

TEST_F(Seal, ALaterVersionCountsByAnAmendmentAndTheOldOneStays) {
  commit("eval", "x,y\n1,a\n2,b\n");
  sealed("eval", {"lead", "audit"});
  commit("eval", "x,y\n1,a\n2,a\n3,b\n");
  EXPECT_NE(open_error("eval").find("have not signed this version"), std::string::npos);
  EXPECT_NE(open_error("eval@2"), "");
  EXPECT_EQ(open_error("eval@1"), "");
  EXPECT_FALSE(amend(workspace_, "eval", "", {}));
  const auto state = amend(workspace_, "eval", "row 2 was mislabelled", {.keys = {"lead"}});
  ASSERT_TRUE(state) << state.error().message;
  EXPECT_EQ(state->missing, (std::vector<std::string>{"audit"}));
  EXPECT_NE(open_error("eval"), "");
  const auto done = amend(workspace_, "eval", "row 2 was mislabelled", {.keys = {"audit"}});
  ASSERT_TRUE(done && done->log_index);
  EXPECT_EQ(done->amendment->added, 2);
  EXPECT_EQ(done->amendment->removed, 1);
  EXPECT_EQ(done->amendment->files, (std::vector<std::string>{"rows.csv"}));
  EXPECT_EQ(open_error("eval"), "");
  EXPECT_EQ(open_error("eval@1"), "") << "what was measured with it must stay verifiable";
  const View view = look(workspace_).value();
  const auto all = trust::sealed_versions(view.ledger, view.root, "eval").value();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all.at(2).reason, "row 2 was mislabelled");
  EXPECT_EQ(all.at(2).signed_by, (std::vector<std::string>{"audit", "lead"}));
  EXPECT_FALSE(amend(workspace_, "eval@1", "back", {})) << "no way leads backwards";
  EXPECT_TRUE(check(workspace_)->problems.empty());
}

TEST_F(Seal, AVersionInBetweenAndAForkDoNotCount) {
  commit("eval", "x,y\n1,a\n");
  const SealState first = sealed("eval", {"lead", "audit"});
  const trust::DataVersion second = commit("eval", "x,y\n1,b\n");
  commit("eval", "x,y\n1,c\n");
  ASSERT_TRUE(amend(workspace_, "eval@3", "c is right", {}));
  EXPECT_NE(open_error("eval@2"), "");
  EXPECT_EQ(open_error("eval@3"), "");
  // Both roles sign a second way on from the first version: then nobody knows which is meant.
  const View view = look(workspace_).value();
  const auto sealed_now = trust::sealed_versions(view.ledger, view.root, "eval").value();
  const trust::AmendmentPredicate said{
      .name = "eval", .from = 1, .to = 2, .amends = sealed_now.at(1).envelope, .reason = "b is right"};
  const trust::Statement statement{
      {{"data", second.manifest}}, std::string(trust::predicate::kDataAmendment), trust::to_json(said)};
  std::vector<trust::PrivateKey> keys;
  for (const char* name : {"lead", "audit"}) keys.push_back(workspace_.load_key(name, view.root).value());
  trust::Ledger ledger = workspace_.open_ledger(view.root).value();
  ASSERT_TRUE(
      ledger.add(trust::sign_statement(statement, keys), workspace_.load_key("log", view.root).value()));
  EXPECT_NE(open_error("eval@3").find("was amended twice"), std::string::npos) << open_error("eval@3");
  EXPECT_FALSE(check(workspace_)->problems.empty());
}

TEST_F(Seal, RowsWhoseLabelNothingSpeaksForAreNotSealed) {
  std::string known = "x,y\n";
  std::string good = "x,y\n";
  for (int i = 0; i < 60; ++i) {
    const bool high = i % 2 == 0;
    known += std::to_string(high ? 100 + i : i) + (high ? ",high\n" : ",low\n");
    if (i < 30) good += std::to_string(high ? 101 + i : i + 1) + (high ? ",high\n" : ",low\n");
  }
  std::string bad = good;
  for (int i = 0; i < 8; ++i) bad += std::to_string(110 + i) + ",low\n";
  commit("train", known);
  commit("eval", bad);
  const SealOptions options{.label = "y", .against = "train"};
  const auto refused = seal(workspace_, "eval", options);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kDenied);
  EXPECT_NE(refused.error().message.find("8 of 38 rows"), std::string::npos) << refused.error().message;
  commit("eval", good);
  const auto state = seal(workspace_, "eval", options);
  ASSERT_TRUE(state) << state.error().message;
  ASSERT_TRUE(state->screen);
  EXPECT_TRUE(state->screen->unsupported.empty());
  // An amendment is looked at too, and only at what it adds.
  commit("eval", bad);
  const auto amended = amend(workspace_, "eval", "more", options);
  ASSERT_FALSE(amended);
  EXPECT_NE(amended.error().message.find("8 of 8 rows"), std::string::npos) << amended.error().message;
  const auto unlooked = seal(workspace_, "train", {});
  ASSERT_TRUE(unlooked);
  EXPECT_EQ(unlooked->unscreened, "no column of labels was named");
}

TEST(SealStatements, AnAmendmentIsReadStrictly) {
  const trust::AmendmentPredicate said{.name = "eval", .from = 1, .to = 2, .files = {"a.csv"}, .reason = "r"};
  ASSERT_TRUE(trust::parse_amendment(trust::to_json(said)));
  for (const auto& [member, value] : std::vector<std::pair<std::string, Json>>{{"to", 1},
                                                                               {"from", 0},
                                                                               {"reason", ""},
                                                                               {"name", "../x"},
                                                                               {"files", {"../x"}},
                                                                               {"added", -1},
                                                                               {"amends", "00"},
                                                                               {"more", 1}}) {
    Json changed = trust::to_json(said);
    changed[member] = value;
    EXPECT_FALSE(trust::parse_amendment(changed)) << changed;
  }
}

}  // namespace
}  // namespace sallyport::services::data
