// A log, its witnesses over HTTP, and a client that believes what a quorum of them cosigned.
#include <gtest/gtest.h>

#include <thread>

#include "services/witness/cosigner.h"
#include "services/witness/receipt.h"
#include "services/witness/service.h"

namespace sallyport::services::witness {
namespace {

class Witnessing : public testing::Test {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::path(testing::TempDir()) / ("sallyport-witness-" + std::string(test->name()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    const auto made = trust::create_workspace(env_, folder_);
    ASSERT_TRUE(made) << made.error().message;
    workspace_ = *made;
    root_ = *workspace_.load_root();
    for (int i = 0; i < 3; ++i) append();
  }
  void TearDown() override {
    for (auto& server : servers_) server->stop();
    fs::remove_all(folder_);
  }

  void append() {
    const std::vector<trust::PrivateKey> signers{*workspace_.load_key("runner", *root_)};
    const auto envelope = trust::sign_statement({{{"out", sha256("artifact " + std::to_string(appended_++))}},
                                                 std::string(trust::predicate::kGate),
                                                 {{"number", appended_}}},
                                                signers);
    trust::Ledger ledger = std::move(*workspace_.open_ledger(*root_));
    ASSERT_TRUE(ledger.add(envelope, *workspace_.load_key("log", *root_)));
  }
  // Another witness of the log, listening.
  void start_witness() {
    const std::string name = "witness.example/" + std::to_string(services_.size());
    const trust::VerifierKey log{.name = root_->log_origin(),
                                 .key = root_->keys_of(trust::role::kLog).front()};
    auto witness = trust::Witness::open(env_, folder_ / ("w" + std::to_string(services_.size())),
                                        {.name = name, .logs = {log}}, *trust::PrivateKey::generate(env_));
    ASSERT_TRUE(witness) << witness.error().message;
    services_.push_back(std::make_unique<Service>(std::move(*witness)));
    auto server = http::Server::start(*services_.back());
    ASSERT_TRUE(server) << server.error().message;
    servers_.push_back(std::move(*server));
  }
  std::string url(std::size_t i) const {
    return "http://127.0.0.1:" + std::to_string(servers_[i]->port()) + "/";
  }
  // All witnesses, and how many of them are enough.
  void demand(std::size_t threshold) {
    std::string text;
    std::string members;
    for (std::size_t i = 0; i < services_.size(); ++i) {
      const std::string name = "w" + std::to_string(i);
      text += "witness " + name + " " + services_[i]->witness().verifier_key() + " " + url(i) + "\n";
      members += " " + name;
    }
    text += "group enough " + std::to_string(threshold) + members + "\nquorum enough\n";
    ASSERT_TRUE(write_durably(env_, trust::witness_policy_file(workspace_), as_bytes(text)));
    policy_ = *trust::parse_witness_policy(text);
  }
  Result<Cosigned> cosign() { return cosign_log(workspace_, policy_, over_http()); }
  Result<std::optional<trust::Witnessed>> vouched() {
    trust::Ledger ledger = std::move(*workspace_.open_ledger(*root_));
    return trust::check_witnesses(workspace_, ledger.log(), ledger.log_keys(), env_.now_unix_s());
  }
  // The log's folder, put back to how it stood.
  void keep_copy() { fs::copy(workspace_.root, folder_ / "copy", fs::copy_options::recursive); }
  void put_back() {
    fs::remove_all(workspace_.log_directory());
    fs::copy(folder_ / "copy" / "log", workspace_.log_directory(), fs::copy_options::recursive);
  }

  Env& env_ = system_env();
  fs::path folder_;
  trust::Workspace workspace_;
  std::optional<trust::Root> root_;
  int appended_ = 0;
  std::vector<std::unique_ptr<Service>> services_;
  std::vector<std::unique_ptr<http::Server>> servers_;
  trust::WitnessPolicy policy_;
};

TEST_F(Witnessing, AQuorumIsEnoughAndWhoIsMissingIsSaid) {
  for (int i = 0; i < 3; ++i) start_witness();
  demand(2);
  servers_[1]->stop();
  const auto first = cosign();
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_TRUE(first->met) << first->missing;
  EXPECT_EQ(first->size, 3U);
  ASSERT_EQ(first->replies.size(), 3U);
  EXPECT_TRUE(first->replies[0].cosigned);
  EXPECT_FALSE(first->replies[1].cosigned);
  EXPECT_FALSE(first->replies[1].contradicts) << "a witness that is away is no evidence";
  EXPECT_TRUE(first->replies[2].cosigned);
  auto now = vouched();
  ASSERT_TRUE(now && *now) << now.error().message;
  EXPECT_EQ((*now)->witnesses, (std::vector<std::string>{"w0", "w2"}));
  append();
  append();
  EXPECT_FALSE(vouched());
  servers_[2]->stop();
  const auto second = cosign();
  ASSERT_TRUE(second);
  EXPECT_FALSE(second->met);
  EXPECT_NE(second->missing.find("cosigned by w0, the policy wants 2 of w0, w1, w2"), std::string::npos)
      << second->missing;
  const auto kept = trust::parse_note(*trust::read_cosigned(env_, workspace_.log_directory()));
  EXPECT_EQ(trust::parse_checkpoint(kept->text)->size, 3U) << "what the quorum cosigned before still stands";
}

TEST_F(Witnessing, AWitnessIsAskedFromWhereItStands) {
  start_witness();
  start_witness();
  demand(1);
  ASSERT_TRUE(cosign()->met);
  append();
  // The log forgets what was cosigned; the witnesses say where they stand.
  fs::remove(workspace_.log_directory() / "cosigned");
  const auto again = cosign();
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->replies[0].cosigned) << again->replies[0].why;
  EXPECT_TRUE(again->replies[1].cosigned) << again->replies[1].why;
  EXPECT_TRUE(vouched());
  EXPECT_TRUE(cosign()->met) << "the same checkpoint again";
}

TEST_F(Witnessing, ARolledBackAndAForkedLogAreTold) {
  start_witness();
  demand(1);
  keep_copy();
  append();
  ASSERT_TRUE(cosign()->met);
  put_back();
  const auto rolled = cosign();
  ASSERT_TRUE(rolled);
  EXPECT_FALSE(rolled->met);
  EXPECT_TRUE(rolled->replies[0].contradicts);
  EXPECT_NE(rolled->replies[0].why.find("rolled back"), std::string::npos) << rolled->replies[0].why;
  append();  // another entry in the old one's place
  const auto same_size = cosign();
  ASSERT_TRUE(same_size);
  EXPECT_TRUE(same_size->replies[0].contradicts) << same_size->replies[0].why;
  append();
  const auto longer = cosign();
  ASSERT_TRUE(longer);
  EXPECT_FALSE(longer->met);
  EXPECT_TRUE(longer->replies[0].contradicts) << longer->replies[0].why;
  EXPECT_NE(longer->replies[0].why.find("forked"), std::string::npos);
}

// A witness's place taken by somebody else, or by somebody who answers nonsense.
TEST_F(Witnessing, WhatIsNoCosignatureOfThatWitnessIsNone) {
  start_witness();
  demand(1);
  const trust::PrivateKey stranger = *trust::PrivateKey::generate(env_);
  const auto answered = [&](int status, const std::string& type, const auto& body) {
    const auto cosigned = cosign_log(workspace_, policy_, [&](const std::string&, const std::string& asked) {
      const auto request = trust::parse_add_checkpoint(asked);
      return Result<http::Answered>(http::Answered{status, type, body(*request)});
    });
    EXPECT_TRUE(cosigned) << cosigned.error().message;
    return cosigned && (cosigned->met || cosigned->replies[0].cosigned);
  };
  const auto text = [](const std::string& what) {
    return [what](const trust::AddCheckpoint&) { return what; };
  };
  const auto by_stranger = [&](const trust::AddCheckpoint& request) {
    const auto note = trust::parse_note(request.checkpoint);
    return trust::serialize(*trust::cosign(note->text, "witness.example/0", stranger, env_.now_unix_s()));
  };
  EXPECT_FALSE(answered(200, "text/plain", by_stranger));
  for (const char* body : {"", "ok\n", "\xE2\x80\x94 witness.example/0 AAAA\n", "\xE2\x80\x94 a AAAAAAAA"})
    EXPECT_FALSE(answered(200, "text/plain", text(body))) << body;
  for (const char* body :
       {"", "5", "-1\n", "x\n", "18446744073709551616\n", "18446744073709551615\n", "3\n"}) {
    EXPECT_FALSE(answered(409, "text/x.tlog.size", text(body))) << body;
    EXPECT_FALSE(answered(409, "text/plain", text(body))) << body;
  }
  for (const int status : {301, 400, 403, 404, 422, 500})
    EXPECT_FALSE(answered(status, "text/plain", text("no\n")));
  EXPECT_EQ(*trust::read_cosigned(env_, workspace_.log_directory()), "") << "nothing of that was kept";
}

TEST_F(Witnessing, TheTransportAnswersAsTheSpecificationSays) {
  start_witness();
  const auto ask = [&](const std::string& method, const std::string& target, const std::string& body) {
    const auto answer = http::ask(servers_[0]->port(), {.method = method, .target = target, .body = body});
    EXPECT_TRUE(answer) << answer.error().message;
    return answer ? answer->status : 0;
  };
  EXPECT_EQ(ask("GET", "/health", ""), 200);
  EXPECT_EQ(ask("GET", "/add-checkpoint", ""), 405);
  EXPECT_EQ(ask("POST", "/", ""), 404);
  EXPECT_EQ(ask("POST", "/add-checkpoint", "nonsense"), 400);
  EXPECT_EQ(ask("POST", "/add-checkpoint", std::string(1'000'000, 'x')), 413);
}

TEST_F(Witnessing, ManyWhoAskAtOnceNeverTakeAWitnessBack) {
  start_witness();
  demand(1);
  const std::string origin = root_->log_origin();
  std::atomic<bool> stop = false;
  std::uint64_t seen = 0;
  bool went_back = false;
  std::vector<std::jthread> askers;
  for (int i = 0; i < 4; ++i) {
    askers.emplace_back([&] {
      while (!stop) std::ignore = cosign_log(workspace_, policy_, over_http());
    });
  }
  for (int i = 0; i < 25; ++i) {
    append();
    const std::uint64_t now = services_[0]->witness().size_of(origin);
    went_back = went_back || now < seen;
    seen = now;
  }
  stop = true;
  askers.clear();
  EXPECT_FALSE(went_back);
  ASSERT_TRUE(cosign()->met);
  EXPECT_EQ(services_[0]->witness().size_of(origin), 28U);
  EXPECT_TRUE(vouched());
  EXPECT_TRUE(workspace_.open_ledger(*root_)->fsck());
}

TEST_F(Witnessing, ACosignerFollowsTheLog) {
  start_witness();
  demand(1);
  {
    const Cosigner cosigner(workspace_, policy_, over_http(), [](const Result<Cosigned>&) {});
    for (int i = 0; i < 3; ++i) {
      append();
      for (int wait = 0; wait < 600; ++wait) {
        if (vouched()) break;
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
      }
      ASSERT_TRUE(vouched());
    }
  }
}

TEST_F(Witnessing, AReceiptHoldsWithoutTheLogUnderThePolicyAlone) {
  start_witness();
  demand(1);
  ASSERT_TRUE(cosign()->met);
  append();
  trust::Ledger ledger = std::move(*workspace_.open_ledger(*root_));
  const std::vector<trust::PublicKey> keys = root_->keys_of(trust::role::kLog);
  const trust::PolicyOptions options{
      .now_unix_s = env_.now_unix_s(), .keys = &keys, .origin = root_->log_origin()};
  for (std::uint64_t index = 0; index < 3; ++index) {
    const auto receipt = receipt_of(workspace_, ledger, index);
    ASSERT_TRUE(receipt) << receipt.error().message;
    const auto checked = check_receipt(trust::serialize(*receipt), policy_, options);
    ASSERT_TRUE(checked) << checked.error().message;
    EXPECT_EQ(checked->index, index);
    EXPECT_EQ(trust::digest_of(checked->envelope), ledger.entries()[index].envelope_digest);
    EXPECT_EQ(checked->by.witnesses, std::vector<std::string>{"w0"});
    // Another envelope in the same receipt.
    trust::TlogProof other = *receipt;
    other.extra = to_bytes(trust::serialize(ledger.entries()[(index + 1) % 3].envelope));
    EXPECT_FALSE(check_receipt(trust::serialize(other), policy_, options));
    other.extra.reset();
    EXPECT_FALSE(check_receipt(trust::serialize(other), policy_, options));
  }
  const auto newer = receipt_of(workspace_, ledger, 3);
  ASSERT_TRUE(newer) << newer.error().message;
  EXPECT_FALSE(check_receipt(trust::serialize(*newer), policy_, options)) << "no witness has cosigned it";
  EXPECT_TRUE(check_receipt(trust::serialize(*newer), trust::WitnessPolicy{}, options));
  EXPECT_FALSE(receipt_of(workspace_, ledger, 4));
}

}  // namespace
}  // namespace sallyport::services::witness
