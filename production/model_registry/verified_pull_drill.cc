// registry-unverified-pull enacted: whoever is on the way between the registry and a client answers in its
// stead: with another file, with the manifest of another model, with a log that was rolled back to an older
// alias, with one that lacks the gate, and with a file that is cut short. The honest twin is a cache that
// hands on what the registry said earlier, byte for byte.
#include <map>

#include "drills/tracking.h"
#include "services/tracking/pull.h"
#include "trust/workspace.h"

namespace sallyport::production::model_registry {

extern const drills::Drill verified_pull_drill;

namespace {

using drills::TrackingServer;
using drills::World;
namespace tracking = services::tracking;

constexpr std::uint64_t kWays = 5;
constexpr std::string_view kOld = "the weights of version one";
constexpr std::string_view kNew = "the weights of version two";
constexpr std::string_view kEvil = "the weights of whoever is between";
constexpr std::string_view kLog = "/api/2.0/sallyport/registry-log";

// The answers by target, as somebody between gives them.
using Answers = std::map<std::string, std::string>;

struct Story {
  Answers answers = {};
  trust::Root* root = nullptr;
  std::string loaded = {};
  std::int64_t version = 2;  // that the alias names
};

Answers record(const TrackingServer& server) {
  Answers out;
  const auto keep = [&](const std::string& target) { out[target] = server.text({"", "GET", target, ""}); };
  keep(std::string(kLog));
  for (const char* version : {"1", "2"}) {
    keep("/api/2.0/sallyport/manifest?name=digits&version=" + std::string(version));
    keep("/api/2.0/mlflow-artifacts/artifacts/versions/digits/" + std::string(version) + "/weights.bin");
  }
  return out;
}

struct Recorded {
  Answers before = {};  // while the alias named version 1
  Answers after = {};
};

Result<Recorded> furnish(World& world) {
  const fs::path folder = world.root() / "registry";
  const TrackingServer server = TRY(TrackingServer::open(folder, tracking::anybody()));
  Recorded out;
  int version = 0;
  for (const std::string_view weights : {kOld, kNew}) {
    const std::string run = TRY(server.new_run("0"));
    if (server.put("", "0/" + run + "/artifacts/m/weights.bin", weights) != 200)
      return invalid("no artifact was kept");
    TRY(server.register_version("digits", run, ++version));
    const Json move{{"name", "digits"}, {"alias", "champion"}, {"version", std::to_string(version)}};
    server.call("POST", "registered-models/alias", move);
    (version == 1 ? out.before : out.after) = record(server);
  }
  const trust::Workspace workspace = TRY(trust::Workspace::open(system_env(), folder));
  world.state<Story>().root = &world.keep(TRY(workspace.load_root()));
  return out;
}

Result<std::string> pulled(const World& world, const Answers& answers) {
  const Story& story = world.state<Story>();
  const fs::path to = world.root() / "pulled";
  TRY(remove_tree(system_env(), to));
  const auto fetch = [&](const std::string& target) -> Result<std::string> {
    const auto found = answers.find(target);
    if (found == answers.end() || found->second.empty())
      return fail(ErrorKind::kDenied, "no whole answer to " + target);
    return found->second;
  };
  const tracking::PullOptions options{
      .model = "digits", .wanted = "champion", .to = to, .pin = world.root() / "pin"};
  TRY(tracking::pull(system_env(), *story.root, fetch, options));
  const Bytes bytes = TRY(system_env().read_file(to / "weights.bin"));
  return std::string(as_text(bytes));
}

// The client has pulled before: its pin is of the log as it is.
Result<void> honest(World& world) {
  const Recorded recorded = TRY(furnish(world));
  Story& story = world.state<Story>();
  story.answers = recorded.after;
  TRY(pulled(world, recorded.after));
  return {};
}

std::string weights_of(int version) {
  return "/api/2.0/mlflow-artifacts/artifacts/versions/digits/" + std::to_string(version) + "/weights.bin";
}

Result<void> attack(World& world) {
  const Recorded recorded = TRY(furnish(world));
  Story& story = world.state<Story>();
  TRY(pulled(world, recorded.after));
  story.answers = recorded.after;
  const std::uint64_t way = world.seed() % kWays;
  if (way == 0) story.answers[weights_of(2)] = kEvil;
  if (way == 1) {
    story.answers[weights_of(2)] = kOld;
    story.answers["/api/2.0/sallyport/manifest?name=digits&version=2"] =
        recorded.after.at("/api/2.0/sallyport/manifest?name=digits&version=1");
  }
  if (way == 2) {
    story.answers = recorded.before;
    story.version = 1;
  }
  if (way == 3) {
    Json log = TRY(parse_json(story.answers[std::string(kLog)]));
    log["envelopes"].erase(log["envelopes"].size() - 2);
    story.answers[std::string(kLog)] = canonical(log);
    story.answers[weights_of(2)] = kEvil;
  }
  if (way == 4) story.answers[weights_of(2)].resize(kNew.size() / 2);
  return {};
}

// A client that takes what comes.
Result<void> victim(World& world) {
  Story& story = world.state<Story>();
  story.loaded = story.answers[weights_of(static_cast<int>(story.version))];
  return {};
}
bool harmed(const World& world) { return world.state<Story>().loaded != kNew; }

Result<drills::Outcome> defend(World& world) {
  const Story& story = world.state<Story>();
  const auto got = pulled(world, story.answers);
  if (got && *got == kNew) return drills::Outcome{};
  if (got) return drills::Outcome{.refused = false, .why = "other weights were pulled"};
  return drills::Outcome{.refused = true, .why = got.error().message};
}

}  // namespace

const drills::Drill verified_pull_drill{.threat = "registry-unverified-pull",
                                        .story =
                                            "somebody between the registry and a client swaps a file, a "
                                            "manifest or the whole log, leaves a statement "
                                            "out, or cuts the stream short",
                                        .honest_story = "a cache hands on what the registry said earlier",
                                        .attack = attack,
                                        .honest = honest,
                                        .victim = victim,
                                        .harmed = harmed,
                                        .defend = defend,
                                        .trials = kWays,
                                        .harm = "the client loads another model than the registry approved"};

}  // namespace sallyport::production::model_registry
