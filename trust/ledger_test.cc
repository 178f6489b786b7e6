#include "trust/ledger.h"

#include <gtest/gtest.h>

#include "tests/fault_env.h"
#include "trust/workspace.h"

namespace sallyport::trust {
namespace {

using tests::FaultEnv;
using tests::Survival;

struct LedgerFixture {
  FaultEnv env;
  Workspace workspace;
  std::optional<Root> root;
  explicit LedgerFixture(std::uint64_t seed = 1) : env(seed) {
    SP_CHECK(env.make_directories("/p").has_value());
    SP_CHECK(env.sync_directory("/").has_value());
    workspace = *create_workspace(env, "/p");
    root = *workspace.load_root();
  }
  PrivateKey key(const std::string& name) { return *workspace.load_key(name, *root); }
  Envelope envelope(int i) {
    const std::vector<PrivateKey> signers{key("runner")};
    return sign_statement(
        {{{"out", sha256("artifact " + std::to_string(i))}}, std::string(predicate::kGate), {{"number", i}}},
        signers);
  }
  Result<Ledger> open() { return workspace.open_ledger(*root); }
};

TEST(Ledgers, AddFindAndReopen) {
  LedgerFixture f;
  auto ledger = f.open();
  ASSERT_TRUE(ledger) << ledger.error().message;
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(*ledger->add(f.envelope(i), f.key("log")), static_cast<std::uint64_t>(i));
  EXPECT_EQ(*ledger->add(f.envelope(2), f.key("log")), 2U) << "again keeps its index";
  const std::vector<Envelope> batch{f.envelope(7), f.envelope(1), f.envelope(7), f.envelope(8)};
  EXPECT_EQ(*ledger->add(batch, f.key("log")), (std::vector<std::uint64_t>{5, 1, 5, 6}));
  auto reopened = f.open();
  ASSERT_TRUE(reopened);
  for (Ledger* one : {&*ledger, &*reopened}) {
    EXPECT_EQ(one->entries().size(), 7U);
    const auto found = one->find_subject(sha256("artifact 8"));
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found.front()->index, 6U);
    EXPECT_EQ(one->find_type(predicate::kGate).size(), 7U);
    EXPECT_TRUE(one->find_type(predicate::kAlias).empty());
    EXPECT_EQ(one->find_envelope(digest_of(f.envelope(1)))->index, 1U);
    EXPECT_EQ(one->find_envelope(digest_of(f.envelope(99))), nullptr);
  }
  const auto fsck = ledger->fsck();
  ASSERT_TRUE(fsck);
  EXPECT_EQ(fsck->entries, 7U);
  EXPECT_TRUE(fsck->unlogged.empty());
}

TEST(Ledgers, OnlyStatementsAreLogged) {
  LedgerFixture f;
  auto ledger = f.open();
  const std::vector<PrivateKey> signers{f.key("runner")};
  EXPECT_FALSE(ledger->add(sign_envelope("text/plain", as_bytes("hello"), signers), f.key("log")));
  EXPECT_FALSE(ledger->add(f.envelope(0), f.key("runner"))) << "not the log's key";
  EXPECT_EQ(f.open()->entries().size(), 0U);
}

TEST(Ledgers, ADroppedChangedOrRenamedEnvelopeIsRefused) {
  LedgerFixture f;
  auto ledger = f.open();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(ledger->add(f.envelope(i), f.key("log")));
  const fs::path file = f.workspace.attestations() / (digest_of(f.envelope(1)).hex() + ".json");
  const fs::path other = f.workspace.attestations() / (digest_of(f.envelope(2)).hex() + ".json");
  const Bytes bytes = *f.env.read_file(file, SIZE_MAX);
  for (std::size_t byte = 0; byte < bytes.size(); byte += 7) {
    ASSERT_TRUE(f.env.flip(file, byte, static_cast<int>(byte % 8)));
    EXPECT_FALSE(f.open());
    EXPECT_FALSE(ledger->fsck());
    ASSERT_TRUE(f.env.flip(file, byte, static_cast<int>(byte % 8)));
  }
  ASSERT_TRUE(f.env.rename(file, "/elsewhere"));
  const auto missing = f.open();
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("log entry 1"), std::string::npos) << missing.error().message;
  const Bytes swapped = *f.env.read_file(other, SIZE_MAX);
  ASSERT_TRUE(f.env.write_new(file, swapped, 0444));
  EXPECT_FALSE(f.open());
  ASSERT_TRUE(f.env.remove(file));
  ASSERT_TRUE(f.env.rename("/elsewhere", file));
  EXPECT_TRUE(f.open());
}

// Whoever holds the log's key can sign any log; the pin and the ledger still see what was dropped, repeated
// or reordered.
TEST(Ledgers, ADroppedRepeatedOrReorderedEntryIsRefused) {
  LedgerFixture f;
  auto ledger = f.open();
  std::vector<Bytes> entries;
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(ledger->add(f.envelope(i), f.key("log")));
  ASSERT_TRUE(advance_pin(f.env, f.workspace.pin(), ledger->log(), ledger->log_keys()));
  const std::string pin = *read_pin(f.env, f.workspace.pin());
  entries = *ledger->log().entries(0, 4);
  const auto rebuilt = [&](const std::vector<Bytes>& list) {
    SP_CHECK(remove_tree(f.env, f.workspace.log_directory()).has_value());
    auto log = Log::create(f.env, f.workspace.log_directory(), ledger->log_keys(), f.key("log"));
    SP_CHECK(log && log->append(list, f.key("log")));
    auto opened = f.open();
    return opened && check_pin(pin, opened->log(), opened->log_keys());
  };
  EXPECT_TRUE(rebuilt(entries));
  EXPECT_FALSE(rebuilt({entries[0], entries[1], entries[3]}));
  EXPECT_FALSE(rebuilt({entries[0], entries[2], entries[1], entries[3]}));
  EXPECT_FALSE(rebuilt({entries[0], entries[1], entries[2], entries[3], entries[1]})) << "repeated";
  EXPECT_FALSE(rebuilt({entries[1], entries[2], entries[3], entries[0]}));
  EXPECT_FALSE(rebuilt({entries[0], entries[1], entries[2], to_bytes("{}")}));
  EXPECT_TRUE(rebuilt(entries));
}

TEST(Ledgers, AFileWithoutAnEntryIsPassedOverAndReported) {
  LedgerFixture f;
  auto ledger = f.open();
  ASSERT_TRUE(ledger->add(f.envelope(0), f.key("log")));
  const std::string name = digest_of(f.envelope(1)).hex() + ".json";
  ASSERT_TRUE(f.env.write_new(f.workspace.attestations() / name, as_bytes(serialize(f.envelope(1))), 0444));
  const auto opened = f.open();
  ASSERT_TRUE(opened);
  EXPECT_TRUE(opened->find_subject(sha256("artifact 1")).empty()) << "what is not in the log attests nothing";
  EXPECT_EQ(ledger->fsck()->unlogged, std::vector<std::string>{name});
  ASSERT_TRUE(ledger->add(f.envelope(1), f.key("log"))) << "it can still be logged";
  EXPECT_TRUE(ledger->fsck()->unlogged.empty());
}

TEST(Ledgers, TwoWritersSeeOneAnother) {
  LedgerFixture f;
  auto first = f.open();
  auto second = f.open();
  ASSERT_EQ(*first->add(f.envelope(0), f.key("log")), 0U);
  ASSERT_EQ(*second->add(f.envelope(1), f.key("log")), 1U);
  ASSERT_EQ(*second->add(f.envelope(0), f.key("log")), 0U) << "logged by the other writer already";
  ASSERT_EQ(*first->add(f.envelope(2), f.key("log")), 2U);
  EXPECT_EQ(f.open()->entries().size(), 3U);
}

TEST(LedgerFaults, APowerCutAtAnyOperationLosesNothingAcknowledged) {
  int cuts = 0;
  for (const Survival survival : {Survival::kAll, Survival::kSynced, Survival::kSome}) {
    const std::uint64_t seeds = survival == Survival::kSome ? 8 : 1;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
      for (std::uint64_t cut = 1;; ++cut) {
        LedgerFixture f(seed);
        const PrivateKey log_key = f.key("log");
        std::vector<Envelope> envelopes;
        for (int i = 0; i < 5; ++i) envelopes.push_back(f.envelope(i));
        f.env.cut_at(cut);
        std::size_t acknowledged = 0;
        const auto work = [&]() -> Result<void> {
          Ledger ledger = TRY(f.open());
          for (std::size_t i = 0; i < 3; ++i) {
            TRY(ledger.add(envelopes[i], log_key));
            acknowledged = i + 1;
          }
          TRY(ledger.add(std::span(envelopes).subspan(3), log_key));
          acknowledged = 5;
          return {};
        };
        const bool finished = work().has_value();
        f.env.reboot(survival);
        ++cuts;
        const std::string where = "cut " + std::to_string(cut) + " seed " + std::to_string(seed);
        auto ledger = f.open();
        ASSERT_TRUE(ledger) << where << ": " << ledger.error().message;
        EXPECT_GE(ledger->entries().size(), acknowledged) << where;
        for (std::size_t i = 0; i < acknowledged; ++i) {
          EXPECT_NE(ledger->find_envelope(digest_of(envelopes[i])), nullptr) << where << " envelope " << i;
        }
        for (const Envelope& one : envelopes) ASSERT_TRUE(ledger->add(one, log_key)) << where;
        EXPECT_EQ(f.open()->entries().size(), 5U) << where;
        ASSERT_TRUE(ledger->fsck()) << where;
        if (testing::Test::HasFailure()) return;
        if (finished) break;
      }
    }
  }
  EXPECT_GT(cuts, 500);
}

TEST(WorkspaceFaults, ASetUpThatIsCutShortIsNoneAndCanBeRepeated) {
  for (const Survival survival : {Survival::kAll, Survival::kSynced, Survival::kSome}) {
    for (std::uint64_t cut = 1;; ++cut) {
      FaultEnv env;
      ASSERT_TRUE(env.make_directories("/p"));
      ASSERT_TRUE(env.sync_directory("/"));
      env.cut_at(cut);
      const bool finished = create_workspace(env, "/p").has_value();
      env.reboot(survival);
      auto workspace = Workspace::open(env, "/p");
      if (finished) {
        ASSERT_TRUE(workspace) << workspace.error().message;
      }
      if (!workspace) workspace = create_workspace(env, "/p");
      ASSERT_TRUE(workspace) << "cut " << cut << ": " << workspace.error().message;
      const auto root = workspace->load_root();
      ASSERT_TRUE(root) << "cut " << cut << ": " << root.error().message;
      ASSERT_TRUE(workspace->open_ledger(*root)) << "cut " << cut;
      for (const char* name :
           {"root", "runner", "producer", "lead", "audit", "evaluator", "registrar", "log"}) {
        ASSERT_TRUE(workspace->load_key(name, *root)) << "cut " << cut << " key " << name;
      }
      EXPECT_FALSE(create_workspace(env, "/p")) << "a workspace is never made over another";
      if (finished) break;
    }
  }
}

}  // namespace
}  // namespace sallyport::trust
