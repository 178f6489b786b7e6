#include "trust/witness.h"

#include <gtest/gtest.h>

#include "core/limits/witness.h"
#include "tests/fault_env.h"
#include "trust/witnessed.h"

namespace sallyport::trust {
namespace {

using tests::FaultEnv;
using tests::Survival;

constexpr const char* kOrigin = "example.org/log";
constexpr const char* kName = "witness.example/w1";

struct WitnessFixture {
  FaultEnv env;
  PrivateKey log_key;
  PrivateKey witness_key;
  MemoryTree tree;
  MemoryTree fork;  // agrees up to 5 entries
  std::unique_ptr<Witness> witness;

  explicit WitnessFixture(std::uint64_t seed = 1)
      : env(seed), log_key(*PrivateKey::generate(env)), witness_key(*PrivateKey::generate(env)) {
    for (int i = 0; i < 40; ++i) {
      const Bytes entry = to_bytes("entry " + std::to_string(i));
      tree.append(leaf_hash(entry));
      fork.append(leaf_hash(i < 5 ? entry : to_bytes("forked")));
    }
    open();
  }
  void open() {
    witness.reset();
    const VerifierKey log{.name = kOrigin, .key = log_key.public_key()};
    auto opened = Witness::open(env, "/w", {.name = kName, .logs = {log}}, witness_key);
    ASSERT_TRUE(opened) << opened.error().message;
    witness = std::move(*opened);
  }
  std::string checkpoint(MemoryTree& of, std::uint64_t size) const {
    return *sign_checkpoint({kOrigin, size, *tree_hash(size, of)}, log_key);
  }
  std::string request(MemoryTree& of, std::uint64_t old_size, std::uint64_t size) const {
    AddCheckpoint out;
    out.old_size = old_size;
    if (old_size <= size) out.proof = *prove_consistency(old_size, size, of);
    out.checkpoint = checkpoint(of, size);
    return serialize(out);
  }
  int put(std::uint64_t old_size, std::uint64_t size) {
    return witness->add_checkpoint(request(tree, old_size, size)).status;
  }
  // Whether the answer is a cosignature of this very checkpoint.
  bool is_cosignature(const WitnessAnswer& answer, const std::string& text) const {
    const auto lines = parse_signatures(answer.body);
    if (answer.status != 200 || !lines) return false;
    const VerifierKey key{.name = kName, .type = NoteKeyType::kCosignature, .key = witness_key.public_key()};
    const auto time = cosigned_at({.text = text, .signatures = *lines}, key);
    return time && *time == env_time();
  }
  std::int64_t env_time() const { return const_cast<FaultEnv&>(env).now_unix_s(); }
};

TEST(Witnesses, CosignWhatExtendsTheLastThatTheySaw) {
  WitnessFixture f;
  EXPECT_EQ(f.witness->size_of(kOrigin), 0U);
  std::uint64_t before = 0;
  for (const std::uint64_t size : {1U, 5U, 5U, 8U, 33U, 40U}) {
    const WitnessAnswer answer = f.witness->add_checkpoint(f.request(f.tree, before, size));
    const std::string text = parse_note(f.checkpoint(f.tree, size))->text;
    EXPECT_TRUE(f.is_cosignature(answer, text)) << size << ": " << answer.body;
    EXPECT_EQ(f.witness->size_of(kOrigin), size);
    before = size;
  }
}

TEST(Witnesses, AnswerAsTheSpecificationSays) {
  WitnessFixture f;
  ASSERT_EQ(f.put(0, 10), 200);
  // 409 with where it stands, for whatever other old size.
  for (const std::uint64_t old_size : {0U, 1U, 9U, 11U}) {
    const WitnessAnswer answer = f.witness->add_checkpoint(f.request(f.tree, old_size, 20));
    EXPECT_EQ(answer.status, 409);
    EXPECT_EQ(answer.content_type, "text/x.tlog.size");
    EXPECT_EQ(answer.body, "10\n");
  }
  EXPECT_EQ(f.put(10, 9), 400) << "the old size is larger";
  EXPECT_EQ(f.put(9, 9), 409) << "a rollback";
  // Another tree: of the same size, and of a larger one.
  EXPECT_EQ(f.witness->add_checkpoint(f.request(f.fork, 10, 10)).status, 409);
  EXPECT_EQ(f.witness->add_checkpoint(f.request(f.fork, 10, 20)).status, 422);
  // A proof where none belongs, none where one belongs, and one of another way.
  AddCheckpoint request = *parse_add_checkpoint(f.request(f.tree, 10, 20));
  const Proof good = request.proof;
  request.proof.clear();
  EXPECT_EQ(f.witness->add_checkpoint(serialize(request)).status, 422);
  request.proof = *prove_consistency(9, 20, f.tree);
  EXPECT_EQ(f.witness->add_checkpoint(serialize(request)).status, 422);
  request.proof = good;
  request.proof.push_back(good.front());
  EXPECT_EQ(f.witness->add_checkpoint(serialize(request)).status, 422);
  // Whose log it is.
  const auto signed_by = [&](const std::string& origin, const PrivateKey& key) {
    AddCheckpoint other = *parse_add_checkpoint(f.request(f.tree, 10, 20));
    other.checkpoint = serialize(*sign_note(serialize(Checkpoint{origin, 20, *tree_hash(20, f.tree)}),
                                            origin == kOrigin ? kOrigin : "example.org/other", key));
    return f.witness->add_checkpoint(serialize(other)).status;
  };
  EXPECT_EQ(signed_by("example.org/other", f.log_key), 404);
  EXPECT_EQ(signed_by(kOrigin, f.witness_key), 403);
  EXPECT_EQ(f.witness->size_of(kOrigin), 10U) << "nothing of that moved it";
  EXPECT_EQ(f.put(10, 20), 200);
}

TEST(Witnesses, RefuseWhatIsNoRequest) {
  WitnessFixture f;
  const std::string good = f.request(f.tree, 0, 10);
  const std::string note = f.checkpoint(f.tree, 10);
  for (const std::string& bad :
       {std::string(), std::string("old 0"), "old 0\n" + note, "old 00\n\n" + note, "old -1\n\n" + note,
        "old  0\n\n" + note, "Old 0\n\n" + note, "old 0\nAAAA\n\n" + note, std::string("old 0\n\n"),
        "old 0\n\n\n" + note, good.substr(0, good.size() - 1),
        std::string(limits::kAddCheckpointBytesMax + 1, 'o')})
    EXPECT_EQ(f.witness->add_checkpoint(bad).status, 400) << bad.substr(0, 80);
  AddCheckpoint many = *parse_add_checkpoint(good);
  many.proof.assign(limits::kConsistencyHashesMax + 1, sha256("x"));
  EXPECT_EQ(f.witness->add_checkpoint(serialize(many)).status, 400);
  EXPECT_EQ(f.witness->size_of(kOrigin), 0U);
}

TEST(Witnesses, ExtensionLinesAndOthersSignaturesArePassedOver) {
  WitnessFixture f;
  AddCheckpoint request = *parse_add_checkpoint(f.request(f.tree, 0, 10));
  Note note =
      *sign_note(parse_note(request.checkpoint)->text + "of some other log's kind\n", kOrigin, f.log_key);
  note.signatures.push_back(sign_note(note.text, "stranger", f.witness_key)->signatures.front());
  request.checkpoint = serialize(note);
  const WitnessAnswer answer = f.witness->add_checkpoint(serialize(request));
  EXPECT_TRUE(f.is_cosignature(answer, note.text)) << answer.body;
  f.open();
  EXPECT_EQ(f.witness->size_of(kOrigin), 10U);
}

TEST(Witnesses, WhatTheyRememberIsTheirsOrAnError) {
  WitnessFixture f;
  ASSERT_EQ(f.put(0, 10), 200);
  f.open();
  EXPECT_EQ(f.witness->size_of(kOrigin), 10U);
  fs::path file;
  for (const fs::path& path : f.env.files()) {
    if (path.extension() == ".checkpoint") file = path;
  }
  const std::size_t size = f.env.status(file)->size;
  const VerifierKey log{.name = kOrigin, .key = f.log_key.public_key()};
  f.witness.reset();
  const std::string lines = std::string(as_text(*f.env.read_file(file, size)));
  const std::size_t signatures = lines.find("\n\n");
  for (std::size_t byte = 0; byte < size; ++byte) {
    // The log's own signature is not needed to know what was cosigned.
    const bool of_log = byte > signatures && byte < lines.find(kName) - 4;
    if (of_log) continue;
    ASSERT_TRUE(f.env.flip(file, byte, static_cast<int>(byte % 8)));
    EXPECT_FALSE(Witness::open(f.env, "/w", {.name = kName, .logs = {log}}, f.witness_key)) << byte;
    ASSERT_TRUE(f.env.flip(file, byte, static_cast<int>(byte % 8)));
  }
  // Of another witness, or of another log under this one's name.
  EXPECT_FALSE(Witness::open(f.env, "/w", {.name = kName, .logs = {log}}, f.log_key));
  EXPECT_TRUE(Witness::open(f.env, "/w", {.name = kName, .logs = {log}}, f.witness_key));
}

// The one promise of a witness: what it has answered for, it answers for after any crash, and never for less
// or for a fork of it.
TEST(WitnessFaults, APowerCutAtAnyOperationNeverTakesItBack) {
  int cuts = 0;
  for (const Survival survival : {Survival::kAll, Survival::kSynced, Survival::kSome}) {
    const std::uint64_t seeds = survival == Survival::kSome ? 6 : 1;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
      for (std::uint64_t cut = 1;; ++cut) {
        WitnessFixture f(seed);
        f.env.cut_at(cut);
        std::uint64_t cosigned = 0;
        for (const std::uint64_t size : {3U, 7U, 8U, 31U}) {
          if (f.put(cosigned, size) != 200) break;
          cosigned = size;
        }
        const bool finished = !f.env.is_off();
        f.env.reboot(survival);
        ++cuts;
        f.open();
        if (testing::Test::HasFatalFailure()) return;
        const std::uint64_t stands = f.witness->size_of(kOrigin);
        const std::string where = "cut " + std::to_string(cut) + " seed " + std::to_string(seed);
        ASSERT_GE(stands, cosigned) << where;
        if (stands > 5) {
          EXPECT_EQ(f.witness->add_checkpoint(f.request(f.fork, stands, 40)).status, 422) << where;
        }
        EXPECT_EQ(f.put(stands, 40), 200) << where;
        if (finished) break;
      }
    }
  }
  EXPECT_GT(cuts, 80);
}

TEST(WitnessFaults, AFullDiskIsNoCosignature) {
  WitnessFixture f;
  ASSERT_EQ(f.put(0, 10), 200);
  f.env.set_capacity(1);
  EXPECT_EQ(f.put(10, 20), 500);
  EXPECT_EQ(f.witness->size_of(kOrigin), 10U);
  f.env.set_capacity(UINT64_MAX);
  EXPECT_EQ(f.put(10, 20), 200);
}

// A project with a policy: its readers believe what a quorum cosigned and no more.
struct ProjectFixture {
  FaultEnv env;
  Workspace workspace;
  std::optional<Root> root;
  PrivateKey witness;

  ProjectFixture() : witness(*PrivateKey::generate(env)) {
    SP_CHECK(env.make_directories("/p").has_value());
    workspace = *create_workspace(env, "/p");
    root = *workspace.load_root();
    for (int i = 0; i < 3; ++i) add(i);
  }
  Ledger ledger() { return std::move(*workspace.open_ledger(*root)); }
  Envelope envelope(int i) {
    const std::vector<PrivateKey> signers{*workspace.load_key("runner", *root)};
    return sign_statement(
        {{{"out", sha256("artifact " + std::to_string(i))}}, std::string(predicate::kGate), {{"number", i}}},
        signers);
  }
  void add(int i) {
    Ledger now = ledger();
    ASSERT_TRUE(now.add(envelope(i), *workspace.load_key("log", *root)));
  }
  void demand(const std::string& quorum) {
    const std::string text = "witness w " +
                             note_verifier_key("w.example", witness.public_key(), NoteKeyType::kCosignature) +
                             "\nquorum " + quorum + "\n";
    ASSERT_TRUE(write_durably(env, witness_policy_file(workspace), as_bytes(text)));
  }
  Result<std::optional<Witnessed>> check(std::int64_t later_s = 0,
                                         std::optional<std::int64_t> age_max_s = {}) {
    Ledger now = ledger();
    return check_witnesses(workspace, now.log(), now.log_keys(), env.now_unix_s() + later_s, age_max_s);
  }
  void keep(const Note& note) {
    const auto kept = keep_cosigned(env, workspace.log_directory(), ledger().log_keys(), note);
    ASSERT_TRUE(kept) << kept.error().message;
  }
  Note cosigned() {
    Note note = *parse_note(ledger().log().signed_checkpoint());
    note.signatures.push_back(*cosign(note.text, "w.example", witness, env.now_unix_s()));
    return note;
  }
};

TEST(WitnessedLogs, AreBelievedAsFarAsTheQuorumCosigned) {
  ProjectFixture f;
  const auto nothing = f.check();
  ASSERT_TRUE(nothing);
  EXPECT_FALSE(*nothing) << "without a policy";

  f.demand("w");
  const auto refused = f.check();
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().hint.find("sallyport log cosign"), std::string::npos);

  f.keep(f.cosigned());
  const auto by = f.check();
  ASSERT_TRUE(by && *by) << by.error().message;
  EXPECT_EQ((*by)->checkpoint.size, 3U);
  EXPECT_EQ((*by)->witnesses, std::vector<std::string>{"w"});
  f.add(3);
  f.add(4);
  const auto waiting = f.check();
  ASSERT_FALSE(waiting);
  EXPECT_NE(waiting.error().message.find("2 of its 5 entries wait"), std::string::npos)
      << waiting.error().message;
  f.keep(f.cosigned());
  EXPECT_TRUE(f.check());
}

TEST(WitnessedLogs, AreBelievedWhileTheCosignaturesAreYoung) {
  ProjectFixture f;
  const auto unbounded = f.check(0, 60);
  ASSERT_FALSE(unbounded) << "nobody can say how old a log without witnesses is";
  EXPECT_EQ(unbounded.error().kind, ErrorKind::kDenied);
  f.demand("none");
  EXPECT_TRUE(f.check());
  EXPECT_FALSE(f.check(0, 60));

  f.demand("w");
  f.keep(f.cosigned());
  EXPECT_TRUE(f.check(60, 60));
  EXPECT_FALSE(f.check(61, 60));
  EXPECT_TRUE(f.check(1'000'000)) << "any age when none is asked for";
}

TEST(WitnessedLogs, TheCheckpointItselfBearsTheCosignaturesUntilTheLogGrows) {
  ProjectFixture f;
  const Note note = f.cosigned();
  f.keep(note);
  EXPECT_EQ(f.ledger().log().signed_checkpoint(), serialize(note));
  f.add(3);
  EXPECT_NE(f.ledger().log().signed_checkpoint(), serialize(note));
  EXPECT_EQ(*read_cosigned(f.env, f.workspace.log_directory()), serialize(note));
  const Note newer = f.cosigned();
  f.keep(newer);
  f.keep(note);
  EXPECT_EQ(*read_cosigned(f.env, f.workspace.log_directory()), serialize(newer))
      << "an older one is passed over";
  EXPECT_TRUE(f.ledger().fsck());
}

// Whoever holds the log's key makes another log for a client that has no pin.
TEST(WitnessedLogs, AForkWithoutTheWitnessesIsRefused) {
  ProjectFixture f;
  f.demand("w");
  const Note note = f.cosigned();
  const PrivateKey log_key = *f.workspace.load_key("log", *f.root);
  const LogKeys keys = f.ledger().log_keys();
  std::vector<Bytes> entries = *f.ledger().log().entries(0, 3);
  const auto rebuilt = [&](const std::vector<Bytes>& list) {
    SP_CHECK(remove_tree(f.env, f.workspace.log_directory()).has_value());
    auto log = Log::create(f.env, f.workspace.log_directory(), keys, log_key);
    SP_CHECK(log && log->append(list, log_key));
    SP_CHECK(write_durably(f.env, f.workspace.log_directory() / "cosigned", as_bytes(serialize(note)))
                 .has_value());
    return f.check();
  };
  EXPECT_TRUE(rebuilt(entries));
  std::swap(entries[0], entries[1]);
  const auto forked = rebuilt(entries);
  ASSERT_FALSE(forked);
  EXPECT_NE(forked.error().message.find("forked"), std::string::npos) << forked.error().message;
  entries.pop_back();
  const auto cut = rebuilt(entries);
  ASSERT_FALSE(cut);
  EXPECT_NE(cut.error().message.find("rolled back"), std::string::npos) << cut.error().message;
}

TEST(WitnessedLogs, ABrokenPolicyIsNoPolicyless) {
  ProjectFixture f;
  f.demand("nobody");
  EXPECT_FALSE(f.check());
}

}  // namespace
}  // namespace sallyport::trust
