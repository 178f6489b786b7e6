#include "services/server/audit.h"

#include <gtest/gtest.h>

#include <thread>

#include "catalog/coverage.h"
#include "core/forwarding_env.h"
#include "core/guard.h"

namespace sallyport::services::server {
namespace {

class AuditTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    directory_ =
        fs::temp_directory_path() / (std::string("sallyport_") + test->name() + std::to_string(getpid()));
    fs::remove_all(directory_);
    key_ = Audit::create(system_env(), directory_).value();
  }
  void TearDown() override { fs::remove_all(directory_); }

  // What the guard says of the log as it stands.
  std::vector<std::string> findings(std::int64_t answered, const Json& anchors = Json::array()) {
    const auto records = read_audit(system_env(), directory_);
    if (!records) return {records.error().message};
    const Guard* guard = catalog::find_guard("audit_chain");
    const auto got = guard->event(
        {.name = "audit", .records = *records, .first_key = key_, .anchors = anchors, .answered = answered},
        Parameters(guard->parameters));
    if (!got) return {got.error().message};
    std::vector<std::string> out;
    for (const Finding& finding : got->findings) out.push_back(finding.message);
    return out;
  }

  std::string file(const char* name) {
    return std::string(as_text(system_env().read_file(directory_ / name).value()));
  }
  void put(const char* name, std::string_view bytes) {
    fs::remove(directory_ / name);
    ASSERT_TRUE(system_env().write_new(directory_ / name, as_bytes(bytes), 0600));
  }

  fs::path directory_;
  Digest key_;
};

// Waits for no disk: what these tests tear, they tear themselves.
class NoSync : public ForwardingEnv {
 public:
  NoSync() : ForwardingEnv(system_env()) {}
  Result<void> sync_file(const fs::path&) override { return {}; }
  Result<void> sync_directory(const fs::path&) override { return {}; }
};

AuditOptions quiet() { return {.thread = AuditThread::kNone, .uptime_ms = [] { return 0; }}; }

TEST_F(AuditTest, restarts_and_rotations_make_one_chain) {
  for (int session = 0; session < 3; ++session) {
    const auto audit = Audit::open(system_env(), directory_, quiet());
    ASSERT_TRUE(audit) << audit.error().message;
    for (int i = 0; i < 10; ++i) {
      ASSERT_TRUE((*audit)->append({{"i", i}}));
      (*audit)->count_answer();
      if (i == 5) {
        ASSERT_TRUE((*audit)->rotate());
      }
    }
    EXPECT_EQ((*audit)->answered(), 10U * static_cast<unsigned>(session + 1));
  }
  EXPECT_TRUE(fs::exists(directory_ / "000004.jsonl"));
  ASSERT_TRUE(compress_segment(system_env(), directory_ / "000001.jsonl"));
  EXPECT_EQ(findings(30), std::vector<std::string>{});
  EXPECT_FALSE(findings(31).empty());
  fs::remove(directory_ / "000002.jsonl");
  EXPECT_EQ(findings(30), std::vector<std::string>{"audit: segment 2 is missing"});
}

// A process that is killed, or a machine that loses power, leaves the log at any length behind the last sync.
// Nothing that was synced may be missing, nothing torn may be believed, and the chain goes on.
TEST_F(AuditTest, opens_after_every_torn_end_and_refuses_a_missing_one) {
  NoSync env;
  std::string synced, whole, state;
  {
    const auto audit = Audit::open(env, directory_, quiet());
    ASSERT_TRUE((*audit)->append({{"i", 1}}));
    ASSERT_TRUE((*audit)->sync());
    synced = file("000001.jsonl");
    state = file("state.json");
    for (int i = 2; i < 5; ++i) ASSERT_TRUE((*audit)->append({{"i", i}}));
    whole = file("000001.jsonl");
  }
  for (std::size_t length = 0; length <= whole.size(); ++length) {
    const bool boundary =
        length == 0 || whole[length - 1] == '\n' || (length < whole.size() && whole[length] == '\n');
    if (!boundary && length % 13 != 0) continue;
    put("000001.jsonl", whole.substr(0, length));
    put("state.json", state);
    const auto audit = Audit::open(env, directory_, quiet());
    ASSERT_EQ(audit.has_value(), length >= synced.size()) << length;
    if (!audit) continue;
    ASSERT_TRUE((*audit)->append({{"i", 5}}));
    ASSERT_EQ(findings(-1, Json::array()), std::vector<std::string>{}) << length;
    EXPECT_TRUE(file("000001.jsonl").starts_with(synced));
  }
}

TEST_F(AuditTest, a_zeroed_end_is_cut_off_and_counted) {
  { ASSERT_TRUE(Audit::open(system_env(), directory_, quiet())); }
  put("000001.jsonl", file("000001.jsonl") + std::string(512, '\0') + "\n{}\n");
  const auto audit = Audit::open(system_env(), directory_, quiet());
  ASSERT_TRUE(audit);
  EXPECT_NE(file("000001.jsonl").find("\"dropped_bytes\":516"), std::string::npos);
  EXPECT_EQ(findings(0), std::vector<std::string>{});
}

class FullDisk : public ForwardingEnv {
 public:
  FullDisk() : ForwardingEnv(system_env()) {}
  Result<void> append(const fs::path& path, BytesView bytes) override {
    if (!full) return ForwardingEnv::append(path, bytes);
    TRY(ForwardingEnv::append(path, bytes.first(bytes.size() / 2)));
    return fail(ErrorKind::kIo, "no space left on device");
  }
  bool full = false;
};

TEST_F(AuditTest, a_full_disk_refuses_records_and_loses_none_that_it_took) {
  FullDisk env;
  {
    const auto audit = Audit::open(env, directory_, quiet());
    ASSERT_TRUE((*audit)->append({{"i", 1}}));
    env.full = true;
    EXPECT_FALSE((*audit)->append({{"i", 2}}));
    env.full = false;
    EXPECT_FALSE((*audit)->append({{"i", 3}})) << "half a record stands there: nothing may follow it";
  }
  const auto audit = Audit::open(env, directory_, quiet());
  ASSERT_TRUE(audit) << audit.error().message;
  EXPECT_NE(file("000001.jsonl").find("{\"i\":1}"), std::string::npos);
  EXPECT_EQ(findings(1), std::vector<std::string>{});
}

TEST_F(AuditTest, many_threads_share_syncs_and_the_chain_holds) {
  {
    const auto audit = Audit::open(system_env(), directory_,
                                   {.durability = AuditDurability::kSynced, .heartbeat_ms = 20});
    ASSERT_TRUE(audit);
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 25; ++i) {
          EXPECT_TRUE((*audit)->append({{"thread", t}, {"i", i}}));
          (*audit)->count_answer();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  const std::string text = file("000001.jsonl");
  EXPECT_NE(text.find("heartbeat"), std::string::npos);
  // Silence is judged by the promised heartbeat, which 20 ms on a loaded machine may miss.
  for (const std::string& message : findings(200)) EXPECT_TRUE(message.starts_with("silence")) << message;
}

TEST_F(AuditTest, a_second_log_in_the_same_folder_is_refused) {
  EXPECT_FALSE(Audit::create(system_env(), directory_));
}

}  // namespace
}  // namespace sallyport::services::server
