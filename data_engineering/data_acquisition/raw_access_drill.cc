// acq-raw-store-access enacted on the landing store: a token of a labelling tool has leaked. Its thief lists
// and copies the raw images of another volume, overwrites three of them, and copies all that the token may
// see at once. The honest twin is the nightly batch, which reads the same volume within its budget.
#include "drills/tracking.h"

namespace sallyport::data_engineering::data_acquisition {

extern const drills::Drill raw_access_drill;

namespace {

using drills::Asked;
using drills::TrackingServer;
using drills::World;
namespace tracking = services::tracking;

constexpr std::string_view kRoute = "/api/2.0/mlflow-artifacts/artifacts";
constexpr int kImages = 24;
constexpr std::size_t kImageBytes = 100'000;
// What the policy lets a principal take in a minute, and what the whole sample volume holds.
constexpr double kMegabytesPerMinute = 3;
constexpr std::size_t kSampleBytes = 60 * kImageBytes;

struct Plan {
  bool hostile = false;
  std::size_t raw_bytes = 0;  // of the raw volume
  std::size_t sample_bytes = 0;
  std::size_t overwritten = 0;
};

struct Volumes {
  std::string raw;     // "EXPERIMENT/RUN/artifacts"
  std::string sample;  // what the labelling tool may see
};

std::string image(char seed) { return std::string(kImageBytes, seed); }

Result<std::string> new_volume(const TrackingServer& server, const std::string& name, int images) {
  const std::string experiment = TRY(server.new_experiment(name));
  const std::string folder = experiment + "/" + TRY(server.new_run(experiment)) + "/artifacts";
  for (int i = 0; i < images; ++i) {
    const int status =
        server.put("", folder + "/" + std::to_string(i) + ".png", image(static_cast<char>('a' + i % 26)));
    if (status != 200) return invalid("the store kept no image");
  }
  return folder;
}

Result<Volumes> furnish(const fs::path& root) {
  const TrackingServer server = TRY(TrackingServer::open(root, tracking::anybody()));
  Volumes out;
  out.raw = TRY(new_volume(server, "landing", kImages));
  out.sample = TRY(new_volume(server, "labelling", static_cast<int>(kSampleBytes / kImageBytes)));
  return out;
}

std::size_t copy_volume(const TrackingServer& server, const std::string& who, const std::string& volume,
                        int images) {
  std::size_t out = 0;
  for (int i = 0; i < images; ++i) {
    const std::string name = volume + "/" + std::to_string(i) + ".png";
    out += server.text({who, "GET", std::string(kRoute) + "/" + name, ""}).size();
  }
  return out;
}

void steal(const TrackingServer& server, const Volumes& volumes, Plan& plan) {
  plan.raw_bytes = server.text({"labeller", "GET", std::string(kRoute) + "?path=" + volumes.raw, ""}).size();
  for (const char* who : {"", "labeller"}) plan.raw_bytes += copy_volume(server, who, volumes.raw, kImages);
  for (int i = 0; i < 3; ++i) {
    plan.overwritten +=
        server.put("labeller", volumes.raw + "/" + std::to_string(i) + ".png", "poison") == 200;
  }
  plan.sample_bytes =
      copy_volume(server, "labeller", volumes.sample, static_cast<int>(kSampleBytes / kImageBytes));
}

Result<void> run_plan(World& world, const std::string& folder, std::unique_ptr<tracking::Access> access) {
  const Volumes volumes = TRY(furnish(world.root() / folder));
  const TrackingServer server = TRY(TrackingServer::open(world.root() / folder, std::move(access)));
  Plan& plan = world.state<Plan>();
  const bool hostile = plan.hostile;
  plan = Plan{.hostile = hostile};
  if (hostile) {
    steal(server, volumes, plan);
  } else {
    plan.raw_bytes = copy_volume(server, "nightly", volumes.raw, kImages);
  }
  return {};
}

Result<void> attack(World& world) {
  world.state<Plan>().hostile = true;
  return {};
}
Result<void> honest(World& world) {
  world.state<Plan>().hostile = false;
  return {};
}
Result<void> victim(World& world) { return run_plan(world, "open", tracking::anybody()); }
bool harmed(const World& world) {
  const Plan& plan = world.state<Plan>();
  return plan.hostile && (plan.raw_bytes > 0 || plan.overwritten > 0);
}

Result<drills::Outcome> defend(World& world) {
  auto access = TRY(drills::access_of(world,
                                      {"labeller: [{may: [read], experiments: [labelling]}]",
                                       "nightly: [{may: [read], experiments: [landing]}]"},
                                      {{"labeller", "labeller"}, {"nightly", "nightly"}},
                                      "requests-per-minute: 100000, megabytes-per-minute: 3"));
  TRY(run_plan(world, "guarded", std::move(access)));
  const Plan& plan = world.state<Plan>();
  if (!plan.hostile) {
    const bool whole = plan.raw_bytes == kImages * kImageBytes;
    return drills::Outcome{!whole, "the nightly batch could not read its volume"};
  }
  // The minute's budget, one image beyond it, and what refills meanwhile.
  const double cut_off = 1.5 * kMegabytesPerMinute * 1e6;
  const bool metered = static_cast<double>(plan.sample_bytes) < cut_off;
  return drills::Outcome{plan.raw_bytes == 0 && plan.overwritten == 0 && metered,
                         "no byte of the raw volume read or written; the bulk copy was cut off after " +
                             std::to_string(plan.sample_bytes / 1'000) + " kB of " +
                             std::to_string(kSampleBytes / 1'000)};
}

}  // namespace

constexpr drills::Drill raw_access_drill{
    .threat = "acq-raw-store-access",
    .story =
        "a labelling tool's token has leaked; its thief lists, copies and overwrites raw images, and copies "
        "in "
        "bulk what the token may see",
    .honest_story = "the nightly batch reads the whole volume within its budget",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .defend = defend,
    .harm = "raw records leave in bulk, and some come back poisoned"};

}  // namespace sallyport::data_engineering::data_acquisition
