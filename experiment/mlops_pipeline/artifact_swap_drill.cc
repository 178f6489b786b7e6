// pipeline-artifact-swap enacted: while a packager works, an intruder on the build host flips the model's
// path between the trained file and a trojan of the same size, 10,000 rounds long. A packager that checks the
// path and then packs the path ships the trojan; one that packs the very bytes that it hashed never does.
// What a packager does who hashes honestly and lies about the rest is enacted by probe_agreement_drill.cc.
#include <unistd.h>

#include <atomic>
#include <thread>

#include "drills/drill.h"
#include "trust/store.h"

namespace sallyport::experiment::mlops_pipeline {

extern const drills::Drill artifact_swap_drill;

namespace {

using drills::World;

constexpr int kRounds = 10'000;
constexpr std::size_t kModelBytes = 4096;

struct Build {
  Digest trained;  // as the training step's attestation names it
  Bytes model;
  bool contested = false;
  int trojans_packed = 0;
};

trust::Store store_of(const World& world) { return trust::Store(system_env(), world.root() / "store"); }

Result<void> honest(World& world) {
  Build& build = world.state<Build>();
  build.model.assign(kModelBytes, 7);
  TRY(world.write("trained/model.bin", build.model));
  trust::Store store = store_of(world);
  TRY(store.create());
  build.trained = TRY(store.put(build.model));
  return {};
}

Result<void> attack(World& world) {
  TRY(honest(world));
  Build& build = world.state<Build>();
  Bytes trojan = build.model;
  trojan[kModelBytes / 2] = 8;
  TRY(world.write("trojan/model.bin", trojan));
  build.contested = true;
  return {};
}

// Flips the object's path from one file to the other, whole at every moment, until it is stopped.
class Flipper {
 public:
  explicit Flipper(const World& world) {
    if (!world.state<Build>().contested) return;
    const fs::path object = store_of(world).path_of(world.state<Build>().trained);
    const fs::path next = world.root() / "next";
    thread_ = std::thread([this, object, next, root = world.root()] {
      for (bool trojan = true; !stop_; trojan = !trojan) {
        const fs::path target = root / (trojan ? "trojan/model.bin" : "trained/model.bin");
        if (::symlink(target.c_str(), next.c_str()) == 0) ::rename(next.c_str(), object.c_str());
      }
    });
  }
  ~Flipper() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  Flipper(const Flipper&) = delete;
  Flipper& operator=(const Flipper&) = delete;

 private:
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

// Checks the file at the path, then packs the file at the path.
Result<void> pack_by_path(World& world) {
  Build& build = world.state<Build>();
  const fs::path object = store_of(world).path_of(build.trained);
  const Flipper flipper(world);
  for (int round = 0; round < kRounds; ++round) {
    const auto checked = system_env().digest_file(object);
    if (!checked || checked->digest != build.trained) continue;
    const auto packed = system_env().read_file(object);
    if (packed && *packed != build.model) ++build.trojans_packed;
  }
  return {};
}

bool harmed(const World& world) { return world.state<Build>().trojans_packed > 0; }

// Refused when rounds were lost to the trojan and none of them shipped it.
Result<drills::Outcome> pack_from_store(World& world) {
  Build& build = world.state<Build>();
  const trust::Store store = store_of(world);
  int refused = 0;
  int trojans = 0;
  std::string why;
  {
    const Flipper flipper(world);
    for (int round = 0; round < kRounds; ++round) {
      const Result<Bytes> packed = store.get(build.trained);
      if (!packed) {
        ++refused;
        why = packed.error().message;
      } else if (*packed != build.model) {
        ++trojans;
      }
    }
  }
  if (trojans > 0) return fail(ErrorKind::kDenied, std::to_string(trojans) + " trojans were packed");
  if (build.contested) {
    return drills::Outcome{.refused = refused > 0,
                           .why = std::to_string(refused) + " of " + std::to_string(kRounds) +
                                  " rounds met the trojan, 0 packed it: " + why};
  }
  // The honest twin packs the same files again, later and in another order: the same digest comes out.
  TRY(world.write("one/a.bin", build.model));
  TRY(world.write("one/b.bin", "labels"));
  TRY(world.write("two/b.bin", "labels"));
  TRY(world.write("two/a.bin", build.model));
  trust::Store writable = store_of(world);
  const bool same =
      TRY(writable.put_directory(world.root() / "one")) == TRY(writable.put_directory(world.root() / "two"));
  return drills::Outcome{.refused = !same || refused > 0, .why = "a repack has another digest"};
}

}  // namespace

const drills::Drill artifact_swap_drill{
    .threat = "pipeline-artifact-swap",
    .story =
        "while the model is packed, its path flips between the trained file and a trojan of the same size, "
        "for 10,000 rounds",
    .honest_story = "the same files packed again, later and in another order",
    .attack = attack,
    .honest = honest,
    .victim = pack_by_path,
    .harmed = harmed,
    .defend = pack_from_store,
    .harm = "the official build ships the trojan",
    .alone = true,
};

}  // namespace sallyport::experiment::mlops_pipeline
