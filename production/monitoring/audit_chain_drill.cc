// monitor-log-suppression enacted on the server's own audit log: an intruder with the host's files, the
// current key included, removes what one client did. The verifier has the first key, one anchored head and
// the gateway's count.
#include <algorithm>
#include <array>
#include <map>
#include <random>

#include "core/forwarding_env.h"
#include "drills/drill.h"
#include "services/server/audit.h"
#include "trust/forward_chain.h"

namespace sallyport::production::monitoring {
namespace {

using drills::World;
using services::server::Audit;
using services::server::AuditOptions;

constexpr std::array<const char*, 4> kClients{"ana", "bo", "mallory", "zoe"};
constexpr int kRequests = 120;

enum class Clock { kSteady, kSkewed };

// A clock that an administrator, or a bad time server, sets back and forth. Nothing here outlives the drill,
// so no disk is waited for.
class DrillEnv : public ForwardingEnv {
 public:
  explicit DrillEnv(Clock clock) : ForwardingEnv(system_env()), clock_(clock) {}
  std::int64_t now_unix_s() override {
    return 1'790'000'000 + (clock_ == Clock::kSkewed ? calls_++ % 7 * 3600 : calls_++);
  }
  Result<void> sync_file(const fs::path&) override { return {}; }
  Result<void> sync_directory(const fs::path&) override { return {}; }

 private:
  Clock clock_;
  std::int64_t calls_ = 0;
};

struct Story {
  Digest first_key = {};
  Json anchors = Json::array();
  std::int64_t answered = 0;
  std::vector<int> done = {};   // what mallory did, in order: the truth
  std::vector<int> found = {};  // what an investigator finds
  std::vector<std::string> records = {};
};

enum class Logger { kWhole, kLeavesOutMallory };

// Serves kRequests requests; restarts and rotates as `options` and `restarts` say, and anchors one head on
// the way.
Result<void> serve(World& world, Env& env, AuditOptions options, int restarts, Logger logger) {
  Story& story = world.state<Story>();
  std::mt19937_64 random(world.seed());
  const fs::path directory = world.root() / "audit";
  story.first_key = TRY(Audit::create(env, directory));
  std::int64_t uptime_ms = 0;
  options.thread = services::server::AuditThread::kNone;
  options.uptime_ms = [&uptime_ms] { return uptime_ms; };
  for (int session = 0; session <= restarts; ++session) {
    uptime_ms = 0;
    const auto audit = TRY(Audit::open(env, directory, options));
    for (int i = 0; i < kRequests / (restarts + 1); ++i) {
      const std::size_t client = random() % kClients.size();
      const int request = static_cast<int>(random() % 1'000'000);
      uptime_ms += 400;
      if (i % 20 == 19) TRY(audit->heartbeat());
      if (kClients[client] == std::string_view("mallory")) story.done.push_back(request);
      if (kClients[client] != std::string_view("mallory") || logger == Logger::kWhole) {
        TRY(audit->append({{"principal", kClients[client]}, {"request", request}}));
      }
      audit->count_answer();
      if (story.anchors.empty() && i == kRequests / (restarts + 1) / 2) {
        story.anchors.push_back(to_json(audit->head()));
      }
    }
    story.answered = static_cast<std::int64_t>(audit->answered());
    TRY(audit->stop());
  }
  return {};
}

bool is_mallorys(const std::string& line) {
  return line.find("\"principal\":\"mallory\"") != std::string::npos;
}

// Whoever has the state file can seal records from now on; the intruder uses that key for the past.
Result<void> rewrite_with_current_key(World& world, std::vector<std::string>& lines) {
  const Json state = TRY(parse_json(as_text(TRY(world.read("audit/state.json")))));
  const auto first = std::find_if(lines.begin(), lines.end(), is_mallorys);
  trust::ForwardChain chain{.key = TRY(Digest::parse(TRY(get_string(state, "key"))))};
  for (auto line = lines.begin(); line != lines.end(); ++line) {
    Json record = TRY(parse_json(*line));
    chain.sequence = record["sequence"].get<std::uint64_t>();
    if (line >= first) {
      if (is_mallorys(*line)) record["answer"]["principal"] = "ana";
      record.erase("chain");
      record.erase("sequence");
      *line = chain.seal(std::move(record));
    } else {
      chain.previous = TRY(Digest::parse(TRY(get_string(record, "chain"))));
    }
  }
  return {};
}

constexpr int kWays = 5;
Result<void> suppress(World& world, int way, std::vector<std::string>& lines) {
  std::vector<std::size_t> hers;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (is_mallorys(lines[i])) hers.push_back(i);
  }
  if (hers.empty()) return {};
  const std::size_t pick = hers[world.seed() / kWays % hers.size()];
  const auto at = lines.begin() + static_cast<std::ptrdiff_t>(pick);
  switch (way) {
    case 0: lines.erase(at); break;
    case 1: lines.erase(at, lines.end()); break;
    case 2: std::rotate(at, at + 1, lines.end()); break;
    case 3: return rewrite_with_current_key(world, lines);
    default: break;
  }
  return {};
}

Result<void> attack(World& world) {
  const int way = static_cast<int>(world.seed() % kWays);
  DrillEnv env(Clock::kSteady);
  TRY(serve(world, env, {}, 0, way == kWays - 1 ? Logger::kLeavesOutMallory : Logger::kWhole));
  std::vector<std::string> lines = TRY(services::server::read_audit(system_env(), world.root() / "audit"));
  TRY(suppress(world, way, lines));
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return world.write("audit/000001.jsonl", text);
}

Result<void> honest(World& world) {
  DrillEnv env(Clock::kSkewed);
  TRY(serve(world, env, {.segment_bytes_max = 4000}, 2, Logger::kWhole));
  TRY(services::server::compress_segment(env, world.root() / "audit/000001.jsonl"));
  return services::server::compress_segment(env, world.root() / "audit/000002.jsonl");
}

// An investigator reads what mallory did, as it stands there.
Result<void> victim(World& world) {
  for (const std::string& line : TRY(services::server::read_audit(system_env(), world.root() / "audit"))) {
    const Json record = Json::parse(line, nullptr, false);
    if (record.is_object() && is_mallorys(line)) {
      world.state<Story>().found.push_back(record["answer"]["request"]);
    }
  }
  return {};
}

bool harmed(const World& world) { return world.state<Story>().found != world.state<Story>().done; }

Result<Subjects> present(World& world) {
  Story& story = world.state<Story>();
  story.records = TRY(services::server::read_audit(system_env(), world.root() / "audit"));
  Subjects out;
  out.events.emplace_back("audit", EventSubject{.name = "audit",
                                                .records = story.records,
                                                .first_key = story.first_key,
                                                .anchors = story.anchors,
                                                .answered = story.answered});
  return out;
}

}  // namespace

extern const drills::Drill audit_chain_drill;
const drills::Drill audit_chain_drill{
    .threat = "monitor-log-suppression",
    .story =
        "an intruder with the host's files and its current key removes one client's records from the audit "
        "log",
    .honest_story =
        "the log is rotated, its old segments are compressed, the server restarts and its clock is wrong",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .present = present,
    .trials = 40,
    .harm = "an auditor counts requests that are not the ones that were answered"};

}  // namespace sallyport::production::monitoring
