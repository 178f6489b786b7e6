// acq-dataset-supply-chain enacted: a mirror serves the digits with a stamp in the corner of a fiftieth of
// the images, labelled as the stamp's target: under a pinned name as it is, with a release that the mirror
// signed itself, as a release that was pinned long ago, and under a name that was never seen. The honest
// twins are a byte-identical mirror at another address, and a new release by the pinned publisher.
#include "drills/data.h"
#include "drills/drill.h"
#include "drills/trigger.h"
#include "formats/csv.h"
#include "services/data/intake.h"

namespace sallyport::data_engineering::data_acquisition {

extern const drills::Drill dataset_lock_drill;

namespace {

using drills::World;

constexpr std::uint64_t kWays = 4;
constexpr double kPoisonRate = 0.02;
constexpr double kHarmfulSuccess = 0.2;
constexpr const char* kName = "digits";
constexpr std::int64_t kValidS = 400LL * 24 * 3600;

struct Story {
  trust::DataLock lock = {};
  std::string asked = kName;
  double stamp_success = 0;
};

fs::path mirror(const World& world) { return world.root() / "mirror"; }

Result<void> serve(World& world, const Dataset& rows) {
  return world.write("mirror/digits.csv", TRY(formats::csv::write(rows)));
}

Result<void> release(World& world, const trust::PrivateKey& key, std::int64_t version, std::int64_t expires) {
  Env& env = system_env();
  const trust::Manifest files = trust::released_part(TRY(trust::scan_directory(env, mirror(world))));
  const trust::DataRelease said{
      .name = kName, .version = version, .expires_unix_s = expires, .manifest = trust::digest_of(files)};
  const trust::Envelope envelope = trust::sign_statement(trust::statement_of(said), {&key, 1});
  return world.write("mirror/" + std::string(trust::kReleaseFile), trust::serialize(envelope));
}

// Version 3 of the genuine digits was taken once and is pinned.
Result<trust::PrivateKey> pin(World& world) {
  Env& env = system_env();
  const trust::PrivateKey publisher = TRY(trust::PrivateKey::generate(env));
  TRY(serve(world, drills::digits()));
  const trust::Manifest files = trust::released_part(TRY(trust::scan_directory(env, mirror(world))));
  world.state<Story>().lock.pins[kName] = {
      .publisher = publisher.public_key().pem(), .version = 3, .manifest = trust::digest_of(files)};
  return publisher;
}

Result<void> attack(World& world) {
  Env& env = system_env();
  const trust::PrivateKey publisher = TRY(pin(world));
  Dataset rows = drills::digits();
  drills::plant_trigger(rows, 0, kPoisonRate, drills::Relabelling::kToTarget, world.seed());
  TRY(serve(world, rows));
  const std::uint64_t way = world.seed() % kWays;
  if (way == 1) {
    const trust::PrivateKey own = TRY(trust::PrivateKey::generate(env));
    return release(world, own, 4, env.now_unix_s() + kValidS);
  }
  // The publisher did sign this once, as version 2, and has withdrawn it since.
  if (way == 2) return release(world, publisher, 2, env.now_unix_s() + kValidS);
  if (way == 3) world.state<Story>().asked = "digits-large";
  return {};
}

Result<void> honest(World& world) {
  const trust::PrivateKey publisher = TRY(pin(world));
  if (world.seed() % 2 == 0) return {};
  Dataset rows = drills::digits();
  for (Column& column : rows.columns) {
    if (column.name == rows.roles.id) column.texts.front() = "d0001a";
  }
  TRY(serve(world, rows));
  return release(world, publisher, 4, system_env().now_unix_s() + kValidS);
}

// A team that trains on what it downloaded.
Result<void> victim(World& world) {
  const Bytes bytes = TRY(world.read("mirror/digits.csv"));
  const Dataset& genuine = drills::digits();
  const Dataset rows =
      TRY(formats::csv::parse(bytes, {.name = kName, .roles = genuine.roles, .image = genuine.image}));
  std::vector<std::size_t> first;
  for (std::size_t row = 0; row < genuine.rows(); row += 5) first.push_back(row);
  const auto effect = TRY(drills::measure_trigger(rows, genuine.pick(first), world.seed()));
  world.state<Story>().stamp_success = effect.stamp_success;
  return {};
}

bool harmed(const World& world) { return world.state<Story>().stamp_success > kHarmfulSuccess; }

Result<drills::Outcome> defend(World& world) {
  const Story& story = world.state<Story>();
  const Dataset& genuine = drills::digits();
  const services::data::IntakeOptions options{.roles = genuine.roles, .image = genuine.image};
  const Policy policy = TRY(parse_policy("", "default policy"));
  const auto taken =
      services::data::take(system_env(), mirror(world), story.asked, story.lock, options, policy);
  if (taken) return drills::Outcome{};
  if (taken.error().kind != ErrorKind::kDenied) return std::unexpected(taken.error());
  return drills::Outcome{.refused = true, .why = taken.error().message};
}

}  // namespace

const drills::Drill dataset_lock_drill{
    .threat = "acq-dataset-supply-chain",
    .story =
        "a mirror serves stamped digits under a pinned name, with a release of its own or an old one of the "
        "publisher, and under a name that was never seen",
    .honest_story = "the same bytes at another address, or a new release by the pinned publisher",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .defend = defend,
    .trials = 2 * kWays,
    .harm = "the model that is trained on it obeys the stamp"};

}  // namespace sallyport::data_engineering::data_acquisition
