#include "trust/chain.h"

#include <gtest/gtest.h>

#include "tests/fake_pipeline.h"
#include "tests/fault_env.h"

namespace sallyport::trust {
namespace {

using tests::FakePipeline;
using tests::FaultEnv;

class Chain : public testing::Test {
 protected:
  void SetUp() override {
    auto made = FakePipeline::create(env_, "/project");
    ASSERT_TRUE(made) << made.error().message;
    run_ = std::make_unique<FakePipeline>(std::move(*made));
  }
  void run(Stage last = Stage::kServing) {
    const auto done = run_->run(last);
    ASSERT_TRUE(done) << done.error().message;
  }
  ChainReport verify(const std::string& artifact, const ChainOptions& options = {}) {
    return verify_chain(run_->workspace, run_->artifacts.at(artifact), run_->policy, run_->now, options);
  }
  ChainReport verify_name(const std::string& name) {
    return verify_named(run_->workspace, name, run_->policy, run_->now);
  }
  static std::string show(const ChainReport& report) { return pretty(to_json(report)); }

  FaultEnv env_;
  std::unique_ptr<FakePipeline> run_;
};

TEST_F(Chain, EveryArtifactOfAnHonestRunVerifies) {
  run();
  for (const auto& [name, digest] : run_->artifacts) {
    if (name == "feed" || name == "project") continue;
    const ChainReport report = verify(name);
    EXPECT_TRUE(report.verified()) << name << ": " << show(report);
  }
  const ChainReport served = verify("exported", {.used_by = Stage::kServing});
  EXPECT_TRUE(served.verified()) << show(served);
  EXPECT_EQ(served.links.size(), 12U);
  EXPECT_EQ(served.links.front().stage, "registry");
  EXPECT_EQ(served.links.back().stage, "acquisition");
}

TEST_F(Chain, AnAliasResolvesAndItsChainNamesTheApprovers) {
  run();
  const ChainReport report = verify_name("digits@champion");
  ASSERT_TRUE(report.verified()) << show(report);
  EXPECT_EQ(report.links.front().text, "alias champion -> 1, approved by audit, lead");
  EXPECT_TRUE(verify_name("digits@1").verified());
  EXPECT_TRUE(verify_name("sha256:" + run_->artifacts.at("exported").hex()).verified());
  EXPECT_EQ(verify_name("digits@2").verdict, ChainVerdict::kRefused);
  EXPECT_EQ(verify_name("digits@latest").verdict, ChainVerdict::kRefused);
}

TEST_F(Chain, BytesThatNoGateAttestedAreRefused) {
  run();
  const Digest stranger = *run_->workspace.store().put(as_bytes("a model from elsewhere"));
  const ChainReport report = verify_chain(run_->workspace, stranger, run_->policy, run_->now);
  EXPECT_EQ(report.verdict, ChainVerdict::kRefused);
  EXPECT_EQ(report.links.front().verdict, LinkVerdict::kMissing);
}

TEST_F(Chain, TrainingOnBytesThatNoVersionHasIsRefused) {
  run(Stage::kPipeline);
  run_->artifacts["dataset"] = *run_->workspace.store().put(as_bytes("poisoned rows"));
  ASSERT_TRUE(run_->run_stage(tests::fake_stages()[7]));
  const ChainReport report = verify("model");
  EXPECT_EQ(report.verdict, ChainVerdict::kRefused);
  EXPECT_NE(report.reason.find("read dataset"), std::string::npos) << show(report);
  EXPECT_NE(report.reason.find("the newest attested dataset is"), std::string::npos) << show(report);
}

TEST_F(Chain, AnInputThatWasAttestedUnderAnotherNameIsRefused) {
  run(Stage::kPipeline);
  run_->artifacts["train"] = run_->artifacts.at("test");
  ASSERT_TRUE(run_->run_stage(tests::fake_stages()[7]));
  const ChainReport report = verify("model");
  EXPECT_EQ(report.verdict, ChainVerdict::kRefused);
  EXPECT_NE(show(report).find("as 'test', not as 'train'"), std::string::npos) << show(report);
}

TEST_F(Chain, AGateBySomeoneElseThanTheRunnerIsRefused) {
  run(Stage::kPipeline);
  ASSERT_TRUE(run_->put("model"));
  ASSERT_TRUE(run_->log(run_->gate_statement(tests::fake_stages()[7]), {"lead"}));
  const ChainReport report = verify("model");
  EXPECT_EQ(report.verdict, ChainVerdict::kRefused);
  EXPECT_NE(report.reason.find("role 'runner'"), std::string::npos) << show(report);
}

TEST_F(Chain, ABlockedGateRefusesAndALaterPassMends) {
  run(Stage::kPipeline);
  ASSERT_TRUE(run_->put("model"));
  ASSERT_TRUE(run_->log(run_->gate_statement(tests::fake_stages()[7], "block"), {"runner"}));
  EXPECT_EQ(verify("model").verdict, ChainVerdict::kRefused);
  ASSERT_TRUE(run_->log(run_->gate_statement(tests::fake_stages()[7], "warn"), {"runner"}));
  EXPECT_TRUE(verify("model").verified()) << show(verify("model"));
}

TEST_F(Chain, AChangedPolicyRefusesAndSaysWhatToDo) {
  run();
  run_->policy = *parse_policy("block-at: medium\n", "policy.yaml");
  const ChainReport report = verify("exported");
  EXPECT_EQ(report.verdict, ChainVerdict::kRefused);
  EXPECT_NE(report.reason.find("policy"), std::string::npos);
  EXPECT_NE(report.hint.find("run the pipeline again under the current policy"), std::string::npos)
      << show(report);
}

TEST_F(Chain, AMissingStageIsRefusedUnlessThePolicyLeavesItOut) {
  for (const tests::FakeStage& stage : tests::fake_stages()) {
    if (stage.stage > Stage::kExport) break;
    tests::FakeStage own = stage;
    if (own.stage == Stage::kAnalysis) continue;
    std::erase(own.reads, "analysis");
    ASSERT_TRUE(run_->run_stage(own));
  }
  const ChainReport report = verify("exported");
  EXPECT_EQ(report.verdict, ChainVerdict::kRefused);
  EXPECT_NE(report.reason.find("analysis: no gate of this stage"), std::string::npos) << show(report);
  Policy lenient = run_->policy;  // the same file's digest: only the requirement differs
  lenient.chain_require = {Stage::kAcquisition, Stage::kTraining};
  EXPECT_TRUE(verify_chain(run_->workspace, run_->artifacts.at("exported"), lenient, run_->now).verified());
}

TEST_F(Chain, StoredBytesOfEveryLinkAreHashedAgain) {
  run();
  for (const auto& [name, digest] : run_->artifacts) {
    if (name == "served") continue;  // behind nothing that is verified here
    const fs::path object = run_->workspace.store().path_of(digest);
    ASSERT_TRUE(env_.flip(object, 3, 5));
    const ChainReport report = verify("version");
    EXPECT_EQ(report.verdict, ChainVerdict::kRefused) << name;
    EXPECT_NE(report.reason.find(name), std::string::npos) << show(report);
    ASSERT_TRUE(env_.flip(object, 3, 5));
  }
  EXPECT_TRUE(verify("version").verified());
}

TEST_F(Chain, AFeedWithoutItsProducersBatchIsRefused) {
  run_->artifacts.clear();
  for (const std::string name : {"feed", "raw"}) ASSERT_TRUE(run_->put(name));
  ASSERT_TRUE(run_->log(run_->gate_statement(tests::fake_stages()[0]), {"runner"}));
  EXPECT_NE(verify("raw").reason.find("no batch statement"), std::string::npos) << show(verify("raw"));
  const Json batch = to_json(BatchPredicate{.feed = "digits", .sequence = 1, .rows = 1, .rows_root = {}});
  ASSERT_TRUE(run_->log("feed", predicate::kBatch, batch, {"runner"}));
  EXPECT_FALSE(verify("raw").verified()) << "the runner is no producer";
  ASSERT_TRUE(run_->log("feed", predicate::kBatch, batch, {"producer"}));
  EXPECT_TRUE(verify("raw").verified()) << show(verify("raw"));
}

TEST_F(Chain, EachFileOfAFeedThatIsADirectoryNeedsABatch) {
  ASSERT_TRUE(env_.make_directories("/feed"));
  ASSERT_TRUE(env_.write_new("/feed/a.csv", as_bytes("1,2\n"), 0644));
  ASSERT_TRUE(env_.write_new("/feed/b.csv", as_bytes("3,4\n"), 0644));
  run_->artifacts["feed"] = *run_->workspace.store().put_directory("/feed");
  run_->artifacts["b.csv"] = *run_->workspace.store().put_file("/feed/b.csv");
  run_->artifacts["a.csv"] = *run_->workspace.store().put_file("/feed/a.csv");
  ASSERT_TRUE(run_->put("raw"));
  ASSERT_TRUE(run_->log(run_->gate_statement(tests::fake_stages()[0]), {"runner"}));
  const Json batch = to_json(BatchPredicate{.feed = "digits", .sequence = 1, .rows = 1, .rows_root = {}});
  ASSERT_TRUE(run_->log("a.csv", predicate::kBatch, batch, {"producer"}));
  EXPECT_NE(verify("raw").reason.find("feed/b.csv"), std::string::npos) << show(verify("raw"));
  ASSERT_TRUE(run_->log("b.csv", predicate::kBatch, batch, {"producer"}));
  EXPECT_TRUE(verify("raw").verified()) << show(verify("raw"));
}

TEST_F(Chain, TheSealNeedsBothKeysAndComesBeforeTraining) {
  const auto stages = tests::fake_stages();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(run_->run_stage(stages[static_cast<std::size_t>(i)]));
  for (const std::string name : {"train", "test", "seal"}) ASSERT_TRUE(run_->put(name));
  ASSERT_TRUE(run_->log(run_->gate_statement(stages[3]), {"runner"}));
  EXPECT_NE(verify("test").reason.find("no seal"), std::string::npos) << show(verify("test"));
  const Json seal = to_json(SealPredicate{.split = "test"});
  ASSERT_TRUE(run_->log("test", predicate::kSeal, seal, {"lead"}));
  EXPECT_NE(verify("test").reason.find("role 'audit'"), std::string::npos) << show(verify("test"));
  for (int i = 4; i < 8; ++i) ASSERT_TRUE(run_->run_stage(stages[static_cast<std::size_t>(i)]));
  ASSERT_TRUE(run_->log("test", predicate::kSeal, seal, {"lead", "audit"}));
  EXPECT_TRUE(verify("test").verified()) << show(verify("test"));
  EXPECT_NE(verify("model").reason.find("after the training"), std::string::npos) << show(verify("model"));
}

TEST_F(Chain, AnAliasNeedsItsApprovalsSequenceAndTime) {
  run();
  struct Case {
    std::int64_t version, sequence;
    std::vector<std::string> keys;
    std::int64_t valid_s;
    const char* why;
  };
  const Case cases[] = {{1, 2, {"lead"}, 86'400, "lacks 2 approvals: it has only that of lead"},
                        {1, 2, {"lead", "runner"}, 86'400, "lacks 2 approvals"},
                        {1, 2, {"lead", "audit"}, -1, "expired"},
                        {7, 3, {"lead", "audit"}, 86'400, "was never registered"},
                        {1, 3, {"lead", "audit"}, 86'300, "was used or passed"}};
  for (const Case& one : cases) {
    ASSERT_TRUE(run_->move_alias(one.version, one.sequence, one.keys, one.valid_s));
    const ChainReport report = verify_name("digits@champion");
    EXPECT_EQ(report.verdict, ChainVerdict::kRefused);
    EXPECT_NE(report.reason.find(one.why), std::string::npos) << one.why << ": " << show(report);
  }
  ASSERT_TRUE(run_->move_alias(1, 4, {"lead", "audit"}));
  EXPECT_TRUE(verify_name("digits@champion").verified()) << show(verify_name("digits@champion"));
}

TEST_F(Chain, TheApproversMustHaveSignedTheRegisteredBytes) {
  run();
  run_->artifacts["exported"] = *run_->workspace.store().put(as_bytes("a poisoned model"));
  ASSERT_TRUE(run_->move_alias(1, 2, {"lead", "audit"}));
  EXPECT_NE(verify_name("digits@champion").reason.find("other bytes"), std::string::npos);
}

TEST_F(Chain, AVersionNumberIsUsedOnce) {
  run();
  run_->artifacts["exported"] = *run_->workspace.store().put(as_bytes("another model"));
  ASSERT_TRUE(
      run_->log("exported", predicate::kVersion, to_json(VersionPredicate{"digits", 1}), {"registrar"}));
  EXPECT_NE(verify_name("digits@1").reason.find("registered twice"), std::string::npos);
}

TEST_F(Chain, AnExpiredEvaluationStopsAProtectedAlias) {
  run();
  ASSERT_TRUE(run_->move_alias(1, 2, {"lead", "audit"}, 10 * 86'400));
  run_->now += 2 * 86'400;
  const ChainReport report = verify_name("digits@champion");
  EXPECT_EQ(report.verdict, ChainVerdict::kRefused);
  EXPECT_NE(report.reason.find("expired"), std::string::npos) << show(report);
}

TEST_F(Chain, AnExpiredRootIsRefused) {
  run();
  run_->now += 366 * 86'400LL;
  EXPECT_NE(verify("exported").reason.find("root.json: expired"), std::string::npos);
}

TEST_F(Chain, AKeyFileOfAnotherIsRefused) {
  run();
  const Workspace& workspace = run_->workspace;
  const Bytes other = *env_.read_file(workspace.keys() / "lead.key", 4096);
  ASSERT_TRUE(write_durably(env_, workspace.keys() / "runner.key", other, 0600));
  EXPECT_NE(verify("exported").reason.find("runner.key"), std::string::npos) << show(verify("exported"));
}

TEST_F(Chain, ARolledBackLogIsRefusedByThePin) {
  run(Stage::kTraining);
  std::map<fs::path, Bytes> before;
  const auto is_log = [&](const fs::path& path) {
    return path.string().starts_with(run_->workspace.log_directory().string());
  };
  for (const fs::path& path : env_.files()) {
    if (is_log(path)) before[path] = *env_.read_file(path, SIZE_MAX);
  }
  ASSERT_TRUE(verify("model").verified());
  ASSERT_TRUE(run_->run_stage(tests::fake_stages()[8]));
  ASSERT_TRUE(verify("model").verified());
  for (const auto& [path, bytes] : before) {
    ASSERT_TRUE(!env_.exists(path) || env_.remove(path));
    ASSERT_TRUE(env_.make_directories(path.parent_path()));
    ASSERT_TRUE(env_.write_new(path, bytes, 0644));
  }
  const ChainReport report = verify("model");
  EXPECT_EQ(report.verdict, ChainVerdict::kRefused);
  EXPECT_NE(report.reason.find("rolled back"), std::string::npos) << show(report);
}

}  // namespace
}  // namespace sallyport::trust
