// export-no-integrity-format enacted: a model's directory whose container protects nothing lies in a bucket.
// Whoever may write there flips a bit, cuts a file short, adds a helper script or a hook, renames a file,
// replaces one by a link, makes one executable, or takes the signature away; the honest twin is a copy that
// was made in another order.
#include "drills/outcome.h"
#include "trust/keys.h"
#include "trust/model_signature.h"

namespace sallyport::production::model_export {

extern const drills::Drill model_signature_drill;

namespace {

using drills::World;

constexpr const char* kSignature = "model.sig";

// Everything about a directory that a loader could act on.
using Contents = std::map<std::string, std::pair<fs::perms, Bytes>>;

struct Story {
  std::string public_key = {};
  Contents released = {};
  Contents loaded = {};
};

fs::path bucket(const World& world) { return world.root() / "bucket"; }

// A loader that takes what it finds and follows every link.
Result<Contents> load(const fs::path& directory) {
  Contents out;
  TRY(drills::in_file_system([&] {
    for (const auto& item : fs::recursive_directory_iterator(directory)) {
      if (item.is_directory()) continue;
      const fs::path target = fs::canonical(item.path());
      const auto bytes = system_env().read_file(target);
      const fs::perms mode = item.status().permissions() & fs::perms::owner_exec;
      if (bytes) out[item.path().lexically_relative(directory).string()] = {mode, *bytes};
    }
  }));
  return out;
}

Result<void> release(World& world) {
  Story& story = world.state<Story>();
  Env& env = system_env();
  TRY(world.write("bucket/weights.bin", Bytes(4096, 7)));
  TRY(world.write("bucket/config.json", R"({"labels": ["cat", "dog"]})"));
  TRY(world.write("bucket/tokenizer/vocabulary.txt", "a\nb\n"));
  const auto key = TRY(trust::PrivateKey::generate(env, trust::KeyAlgorithm::kEcdsaP256));
  const trust::ModelSigner signer{.key = TRY(trust::EcdsaPrivateKey::from_pem(key.pem()))};
  story.public_key = signer.key.public_key().pem();
  const Json statement = trust::model_statement("model", TRY(trust::scan_directory(env, bucket(world))), "");
  TRY(world.write(kSignature, TRY(trust::sign_model(statement, signer, env.now_unix_s()))));
  story.released = TRY(load(bucket(world)));
  return {};
}

constexpr std::uint64_t kWays = 8;

Result<void> attack(World& world) {
  TRY(release(world));
  const fs::path model = bucket(world);
  Bytes weights(4096, 7);
  switch (world.seed() % kWays) {
    case 0:
      weights[(world.seed() * 2654435761U) % weights.size()] ^= 1;
      return world.write("bucket/weights.bin", weights);
    case 1: return world.write("bucket/weights.bin", BytesView(weights).first(4095));
    case 2: return world.write("bucket/helper.py", "open('mark', 'w')\n");
    case 3: return world.write("bucket/.git/hooks/post-checkout", "#!/bin/sh\ntouch mark\n");
    case 4:
      return drills::in_file_system([&] { fs::rename(model / "config.json", model / "config.json.bak"); });
    case 5:
      TRY(world.write("elsewhere.json", R"({"labels": ["dog", "cat"]})"));
      return drills::in_file_system([&] {
        fs::remove(model / "config.json");
        fs::create_symlink("../elsewhere.json", model / "config.json");
      });
    case 6:
      return drills::in_file_system(
          [&] { fs::permissions(model / "config.json", fs::perms::owner_exec, fs::perm_options::add); });
    default:
      weights[0] = 8;
      TRY(drills::in_file_system([&] { fs::remove(world.root() / kSignature); }));
      return world.write("bucket/weights.bin", weights);
  }
}

Result<void> honest(World& world) {
  TRY(release(world));
  const fs::path from = bucket(world);
  const fs::path to = world.root() / "copy";
  return drills::in_file_system([&] {
    for (const char* path : {"tokenizer/vocabulary.txt", "weights.bin", "config.json"}) {
      fs::create_directories((to / path).parent_path());
      fs::copy_file(from / path, to / path);
    }
    fs::remove_all(from);
    fs::rename(to, from);
  });
}

Result<void> victim(World& world) {
  world.state<Story>().loaded = TRY(load(bucket(world)));
  return {};
}

bool harmed(const World& world) {
  const Story& story = world.state<Story>();
  return story.loaded != story.released;
}

Result<std::vector<std::string>> differences(const World& world) {
  const auto key = TRY(trust::EcdsaPublicKey::from_pem(world.state<Story>().public_key));
  const Bytes bundle = TRY(world.read(kSignature));
  return trust::check_model(system_env(), bucket(world), TRY(trust::open_model_bundle(bundle, key)),
                            world.root() / kSignature);
}

Result<drills::Outcome> defend(World& world) {
  const auto found = differences(world);
  if (!found || found->empty()) return drills::outcome_of(found);
  return drills::Outcome{.refused = true, .why = found->front()};
}

}  // namespace

const drills::Drill model_signature_drill{
    .threat = "export-no-integrity-format",
    .story =
        "in the bucket, a bit of the weights flips, a file is cut short, a script or a hook is added, a file "
        "is renamed, linked or made executable, or the signature is gone",
    .honest_story = "the signed directory, copied file by file in another order",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .defend = defend,
    .trials = 2 * kWays,
    .harm = "the loader takes a directory that nobody released"};

}  // namespace sallyport::production::model_export
