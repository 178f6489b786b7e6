// A move of an alias from its proposal to the log, on a workspace with an honest run in it.
#include "services/registry/promotion.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "services/registry/registry.h"
#include "tests/fake_pipeline.h"

namespace sallyport::services::registry {
namespace {

class PromotionTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ =
        fs::temp_directory_path() / (std::string("sallyport_") + test->name() + std::to_string(getpid()));
    fs::remove_all(folder_);
    auto made = tests::FakePipeline::create(system_env(), folder_);
    ASSERT_TRUE(made) << made.error().message;
    run_ = std::make_unique<tests::FakePipeline>(std::move(*made));
    const auto done = run_->run(Stage::kServing);
    ASSERT_TRUE(done) << done.error().message;
  }
  void TearDown() override { fs::remove_all(folder_); }

  Result<PromotionState> propose(const std::vector<std::string>& keys, std::int64_t version = 1) {
    return promote(run_->workspace, run_->policy, "digits", "production", version, keys, run_->now);
  }
  Result<PromotionState> sign(const std::string& key) {
    return approve_move(run_->workspace, run_->policy, "digits", "production", key, run_->now);
  }
  Result<trust::ResolvedAlias> resolved() {
    const trust::Root root = run_->workspace.load_root().value();
    const trust::Ledger ledger = run_->workspace.open_ledger(root).value();
    return trust::resolve_alias(ledger, root, run_->policy, "digits", "production", run_->now);
  }
  static std::string missing(const Result<PromotionState>& state) {
    if (!state) return "error: " + state.error().message;
    std::string out;
    for (const Missing& item : state->missing) out += item.what + " | " + item.command + "\n";
    return out;
  }

  fs::path folder_;
  std::unique_ptr<tests::FakePipeline> run_;
};

TEST_F(PromotionTest, two_approvals_move_an_alias_and_one_does_not) {
  EXPECT_EQ(missing(propose({})),
            "an approver who proposes the move | sallyport promote digits --version 1 --alias production "
            "--as audit\n");
  EXPECT_EQ(missing(propose({"lead"})),
            "the approval of audit | sallyport approve digits@production --as audit\n");
  EXPECT_EQ(missing(sign("lead")), "the approval of audit | sallyport approve digits@production --as audit\n")
      << "the same key twice is one approval";
  EXPECT_FALSE(resolved());
  const auto moved = sign("audit");
  ASSERT_TRUE(moved) << moved.error().message;
  EXPECT_EQ(missing(moved), "");
  ASSERT_TRUE(moved->log_index);
  const auto alias = resolved();
  ASSERT_TRUE(alias) << alias.error().message;
  EXPECT_EQ(alias->version, 1);
  EXPECT_EQ(alias->approved_by, (std::vector<std::string>{"audit", "lead"}));
  EXPECT_FALSE(sign("audit")) << "nothing waits any more";
  const auto again = propose({"lead", "audit"});
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->move.sequence, 2);
  EXPECT_TRUE(again->log_index) << missing(again);
}

TEST_F(PromotionTest, only_approvers_sign_and_only_registered_versions_move) {
  EXPECT_EQ(missing(propose({"registrar"})), "error: 'registrar' is not an approver");
  EXPECT_EQ(missing(propose({"lead"}, 7)), "error: digits: version 7 is not registered; the newest is 1");
  EXPECT_EQ(missing(sign("audit")), "error: digits@production: no move waits for approval");
}

// The proposal is a file that an intruder may write: nobody signs what would not be proposed now.
TEST_F(PromotionTest, an_edited_proposal_is_not_signed) {
  ASSERT_TRUE(propose({"lead"}));
  const trust::Root root = run_->workspace.load_root().value();
  const trust::PrivateKey lead = run_->workspace.load_key("lead", root).value();
  const trust::Envelope honest = proposal_of(run_->workspace, "digits", "production").value().value();
  const trust::Statement said = trust::statement_of(honest).value();
  const auto edited = [&](auto change) {
    trust::Statement statement = said;
    trust::AliasPredicate move = trust::parse_alias(statement.predicate).value();
    change(statement, move);
    statement.predicate = trust::to_json(move);
    EXPECT_TRUE(keep_proposal(run_->workspace, trust::sign_statement(statement, {&lead, 1})));
    return missing(sign("audit"));
  };
  const std::string refusal = "error: digits@production: the proposal is not what would be proposed now";
  EXPECT_EQ(
      edited([](trust::Statement& s, trust::AliasPredicate&) { s.subjects[0].digest = sha256("trojan"); }),
      refusal);
  EXPECT_EQ(
      edited([](trust::Statement&, trust::AliasPredicate& m) { m.expires_unix_s += 10LL * 365 * 86400; }),
      refusal);
  EXPECT_EQ(edited([](trust::Statement&, trust::AliasPredicate& m) { m.sequence = 9; }), refusal);
  EXPECT_FALSE(resolved());
  EXPECT_EQ(edited([](trust::Statement&, trust::AliasPredicate&) {}), "");
  EXPECT_TRUE(resolved());
}

TEST_F(PromotionTest, a_model_without_its_chain_does_not_move_however_many_approve) {
  const Digest stranger = run_->workspace.store().put(as_bytes("a model from elsewhere")).value();
  const trust::Statement version{{{"exported", stranger}},
                                 std::string(trust::predicate::kVersion),
                                 trust::to_json(trust::VersionPredicate{.model = "digits", .version = 2})};
  ASSERT_TRUE(run_->log(version, {"registrar"}));
  const auto state = propose({"lead", "audit"}, 2);
  ASSERT_TRUE(state) << state.error().message;
  EXPECT_FALSE(state->log_index);
  const std::string said = missing(state);
  for (const char* link : {"the data version: no gate attests sha256:", "the code: no gate attests",
                           "the training: no gate attests", "the validation: no gate attests",
                           "the scan of the exported model: no gate attests",
                           "| sallyport run --until training\n", "| sallyport run --until versioned_data\n"})
    EXPECT_NE(said.find(link), std::string::npos) << link << " is not in:\n" << said;
  EXPECT_FALSE(resolved());
}

// Each link that is taken away is missed by its name, with the command that makes it again.
TEST_F(PromotionTest, each_missing_link_is_named_with_its_command) {
  struct Case {
    Stage stage;
    std::string what;
  };
  const Case cases[] = {{Stage::kVersionedData, "the data version"},
                        {Stage::kCodeRepository, "the code"},
                        {Stage::kTraining, "the training"},
                        {Stage::kValidation, "the validation"},
                        {Stage::kExport, "the scan of the exported model"}};
  for (const Case& one : cases) {
    const trust::Root root = run_->workspace.load_root().value();
    const trust::Ledger ledger = run_->workspace.open_ledger(root).value();
    // The stored bytes of what the stage made are what its link stands on.
    fs::path taken;
    for (const trust::LedgerEntry* entry : ledger.find_type(trust::predicate::kGate)) {
      const auto gate = trust::parse_gate(entry->statement.predicate);
      if (gate && gate->stage == one.stage)
        taken = run_->workspace.store().path_of(entry->statement.subjects.front().digest);
    }
    ASSERT_FALSE(taken.empty()) << one.what;
    fs::rename(taken, folder_ / "taken");
    const auto state = propose({"lead", "audit"});
    ASSERT_TRUE(state) << state.error().message;
    EXPECT_FALSE(state->log_index);
    const std::string said = missing(state);
    const std::string command = "| sallyport run --until " + std::string(name_of(one.stage)) + "\n";
    EXPECT_NE(said.find(one.what + ": "), std::string::npos) << said;
    EXPECT_NE(said.find(command), std::string::npos) << said;
    fs::rename(folder_ / "taken", taken);
  }
  EXPECT_EQ(missing(propose({"lead", "audit"})), "") << "all links are there again";
}

}  // namespace
}  // namespace sallyport::services::registry
