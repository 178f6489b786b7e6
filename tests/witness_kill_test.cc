// The real witness, killed with SIGKILL at moments that a seed chooses while a log grows and asks it: what it
// answered for it answers for afterwards, and it never cosigns a fork of that.
#include <gtest/gtest.h>
#include <signal.h>

#include <random>
#include <thread>

#include "services/http/http.h"
#include "tests/program.h"
#include "trust/merkle.h"
#include "trust/witness.h"

namespace sallyport {
namespace {

constexpr const char* kOrigin = "example.org/log";

class WitnessProgram : public tests::Program {
 public:
  WitnessProgram(const fs::path& root, const std::string& log_key)
      : tests::Program(
            {"log", "witness", "--root", root.string(), "--name", "witness.example/w1", "--log", log_key}) {}

  // 0 when it is not there.
  services::http::Exchange ask(const trust::AddCheckpoint& request) const {
    const auto answer = services::http::ask(
        port(), {.method = "POST", .target = "/add-checkpoint", .body = trust::serialize(request)});
    return answer ? *answer : services::http::Exchange{};
  }
};

struct GrowingLog {
  trust::PrivateKey key = *trust::PrivateKey::generate(system_env());
  trust::MemoryTree tree;
  trust::MemoryTree fork;

  GrowingLog() {
    for (int i = 0; i < 4'000; ++i) {
      tree.append(trust::leaf_hash(to_bytes("entry " + std::to_string(i))));
      fork.append(trust::leaf_hash(to_bytes("forked " + std::to_string(i))));
    }
  }
  std::string verifier_key() const { return trust::note_verifier_key(kOrigin, key.public_key()); }
  trust::AddCheckpoint request(trust::MemoryTree& of, std::uint64_t old_size, std::uint64_t size) const {
    trust::AddCheckpoint out;
    out.old_size = old_size;
    out.proof = *trust::prove_consistency(old_size, size, of);
    out.checkpoint = *trust::sign_checkpoint({kOrigin, size, *trust::tree_hash(size, of)}, key);
    return out;
  }
};

TEST(WitnessKills, NothingThatItAnsweredForIsTakenBack) {
  constexpr int kKills = 25;
  std::string pattern = (fs::temp_directory_path() / "sallyport-witness-XXXXXX").string();
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  const fs::path folder = pattern;
  GrowingLog log;
  std::mt19937 random(7);
  std::uint64_t answered = 0;
  int in_flight = 0;
  for (int round = 0; round < kKills; ++round) {
    WitnessProgram witness(folder / "w", log.verifier_key());
    ASSERT_NE(witness.port(), 0) << "round " << round << ": it did not start";
    // Where it stands: at what it answered for, or one step on, when it was killed before it could say so.
    const auto first = witness.ask(log.request(log.tree, 0, 1));
    std::uint64_t at = 1;
    if (round == 0) {
      ASSERT_EQ(first.status, 200);
    } else {
      ASSERT_EQ(first.status, 409) << "round " << round;
      const auto said = trust::parse_tree_size(std::string_view(first.body).substr(0, first.body.size() - 1));
      ASSERT_TRUE(said) << first.body;
      at = *said;
      ASSERT_GE(at, answered) << "round " << round << ": taken back";
      ASSERT_LE(at, answered + 1) << "round " << round;
      ASSERT_EQ(witness.ask(log.request(log.fork, at, 3'999)).status, 422) << "round " << round;
    }
    std::jthread killer([&, wait_ms = random() % 60] {
      std::this_thread::sleep_for(std::chrono::milliseconds(wait_ms));
      ::kill(witness.process(), SIGKILL);
    });
    answered = at;
    while (answered < 3'990) {
      const auto status = witness.ask(log.request(log.tree, answered, answered + 1)).status;
      if (status != 200) {
        ASSERT_EQ(status, 0) << "round " << round;
        ++in_flight;
        break;
      }
      ++answered;
    }
    killer.join();
  }
  EXPECT_GT(answered, 0U);
  EXPECT_GT(in_flight, kKills / 2);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace sallyport
