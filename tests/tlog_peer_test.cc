// Standard Go clients of transparency logs beside ours: Tessera's check of a whole log over our log, the note
// package over our cosignatures, and Tessera's own log as a client of our witness.
//
// They are built from the module proxy once, below .deps. Where that cannot be done, each test says so and is
// skipped.
#include "tests/tlog_peer.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <iostream>

#include "services/witness/service.h"
#include "trust/tlog.h"
#include "trust/witness_policy.h"

namespace sallyport {
namespace {

using services::http::Answer;
using services::http::Request;

constexpr const char* kOrigin = "example.org/log";

// The log's files, as any web server would serve them.
class Files final : public services::http::Handler {
 public:
  explicit Files(fs::path root) : root_(std::move(root)) {}
  Answer handle(const Request& request) override {
    const auto bytes = system_env().read_file(root_ / request.path.substr(1));
    if (!bytes) return refuse(404, "not here");
    return {.content_type = "application/octet-stream", .body = std::string(as_text(*bytes))};
  }
  Answer refuse(int status, const std::string& message) override {
    return {.status = status, .content_type = "text/plain", .body = message};
  }

 private:
  fs::path root_;
};

struct Answered {
  int exit = -1;
  std::string out = {};
};

class TlogPeer : public testing::Test {
 protected:
  static const fs::path& program() {
    static const fs::path kProgram = tests::tlog_peer();
    return kProgram;
  }
  void SetUp() override {
    if (program().empty()) {
      std::cerr << "SKIPPED LOUDLY: the Go clients of tests/peers/tlog could not be built; nothing was "
                   "compared\n";
      GTEST_SKIP() << "the Go clients of tests/peers/tlog could not be built";
    }
    std::string pattern = (fs::temp_directory_path() / "sallyport-tlog-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }

  Answered peer(const std::string& words) const {
    const std::string out = (folder_ / "out").string();
    const std::string command =
        "'" + program().string() + "' " + words + " >'" + out + "' 2>'" + out + ".err'";
    const int status = std::system(command.c_str());
    const auto said = system_env().read_file(out);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, said ? std::string(as_text(*said)) : std::string()};
  }
  std::string log_key() const { return trust::note_verifier_key(kOrigin, key_.public_key()); }
  fs::path log_folder() const { return folder_ / "log"; }

  // Enough that tiles of the second level are full, in batches that end within and at the ends of tiles.
  void write_log() {
    auto log = trust::Log::create(system_env(), log_folder(), {kOrigin, {key_.public_key()}}, key_);
    ASSERT_TRUE(log) << log.error().message;
    for (const std::uint64_t batch : {1U, 255U, 300U, 65'000U, 4'444U}) {
      std::vector<Bytes> entries;
      for (std::uint64_t i = 0; i < batch; ++i)
        entries.push_back(to_bytes("entry " + std::to_string(log->size() + i)));
      ASSERT_TRUE(log->append(entries, key_));
    }
  }
  static void flip(const fs::path& path) {
    Bytes bytes = *system_env().read_file(path);
    ASSERT_FALSE(bytes.empty());
    bytes[bytes.size() / 2] ^= 0x04;
    fs::remove(path);
    ASSERT_TRUE(system_env().write_new(path, bytes, 0644));
  }

  fs::path folder_;
  trust::PrivateKey key_ = *trust::PrivateKey::generate(system_env());
};

TEST_F(TlogPeer, TesserasFsckAcceptsOurLogAndRejectsAFlippedBit) {
  write_log();
  const std::string words = "fsck 'file://" + log_folder().string() + "' '" + log_key() + "'";
  ASSERT_EQ(peer(words).exit, 0);
  for (const char* file : {"tile/entries/000", "tile/entries/272", "tile/entries/273.p/112", "tile/0/117",
                           "tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"}) {
    const fs::path path = log_folder() / file;
    ASSERT_TRUE(fs::exists(path)) << file;
    flip(path);
    EXPECT_EQ(peer(words).exit, 1) << file;
    flip(path);
  }
  ASSERT_EQ(peer(words).exit, 0) << "put right again";
  flip(log_folder() / "checkpoint");
  EXPECT_EQ(peer(words).exit, 1);
}

TEST_F(TlogPeer, OverHttpToo) {
  write_log();
  Files files(log_folder());
  const auto server = services::http::Server::start(files);
  ASSERT_TRUE(server) << server.error().message;
  const std::string words =
      "fsck http://127.0.0.1:" + std::to_string((*server)->port()) + "/ '" + log_key() + "'";
  EXPECT_EQ(peer(words).exit, 0);
  flip(log_folder() / "tile/entries/100");
  EXPECT_EQ(peer(words).exit, 1);
  (*server)->stop();
}

TEST_F(TlogPeer, GosNotePackageOpensOurCosignatures) {
  const trust::PrivateKey witness = *trust::PrivateKey::generate(system_env());
  const std::string vkey =
      trust::note_verifier_key("witness.example/w1", witness.public_key(), trust::NoteKeyType::kCosignature);
  trust::Note note = *trust::parse_note(*trust::sign_checkpoint({kOrigin, 12'345, sha256("root")}, key_));
  const auto opens = [&](const trust::Note& which) {
    const fs::path file = folder_ / "note";
    fs::remove(file);
    EXPECT_TRUE(system_env().write_new(file, as_bytes(trust::serialize(which)), 0644));
    return peer("cosigned '" + file.string() + "' '" + log_key() + "' '" + vkey + "'").exit == 0;
  };
  EXPECT_FALSE(opens(note)) << "not cosigned";
  note.signatures.push_back(*trust::cosign(note.text, "witness.example/w1", witness, 1'790'000'000));
  EXPECT_TRUE(opens(note));
  note.signatures.back().sig[5] ^= 1;
  EXPECT_FALSE(opens(note)) << "of another time";
}

TEST_F(TlogPeer, TesserasLogGetsItsCosignaturesFromOurWitness) {
  std::string vkey = peer("key '" + (folder_ / "log.key").string() + "'").out;
  ASSERT_TRUE(vkey.ends_with('\n'));
  vkey.pop_back();
  const auto log = trust::parse_verifier_key(vkey);
  ASSERT_TRUE(log) << log.error().message;
  auto witness =
      trust::Witness::open(system_env(), folder_ / "w", {.name = "witness.example/w1", .logs = {*log}},
                           *trust::PrivateKey::generate(system_env()));
  ASSERT_TRUE(witness) << witness.error().message;
  services::witness::Service service(std::move(*witness));
  const auto server = services::http::Server::start(service);
  ASSERT_TRUE(server) << server.error().message;
  const std::string policy_text = "log " + vkey + "\nwitness w1 " + service.witness().verifier_key() +
                                  " http://127.0.0.1:" + std::to_string((*server)->port()) + "/\nquorum w1\n";
  const fs::path policy = folder_ / "policy";
  ASSERT_TRUE(system_env().write_new(policy, as_bytes(policy_text), 0644));
  const Answered ran = peer("witnessed '" + (folder_ / "theirs").string() + "' '" +
                            (folder_ / "log.key").string() + "' '" + policy.string() + "' 5");
  (*server)->stop();
  ASSERT_EQ(ran.exit, 0);
  const auto checked = trust::check_witnessed(ran.out, *trust::parse_witness_policy(policy_text),
                                              {.now_unix_s = system_env().now_unix_s()});
  ASSERT_TRUE(checked) << checked.error().message << "\n" << ran.out;
  EXPECT_EQ(checked->checkpoint.size, 5U);
  EXPECT_EQ(checked->witnesses, std::vector<std::string>{"w1"});
  EXPECT_EQ(service.witness().size_of(log->name), 5U);
}

}  // namespace
}  // namespace sallyport
