// pipeline-step-injection enacted with real shell scripts: the caching plugin of a build is exchanged for one
// that appends to every model, looks for secrets in its environment and in the home folder, and dials out.
// The defended build runs it in the real sandbox and holds what happened against what was signed.
#include <array>
#include <cstdlib>

#include "drills/drill.h"
#include "services/sandbox/sandbox.h"

namespace sallyport::experiment::mlops_pipeline {

extern const drills::Drill pinned_step_drill;

namespace {

using drills::World;
namespace sandbox = services::sandbox;

constexpr std::string_view kModel = "weights of the model, as the training left them\n";
constexpr std::string_view kSecret = "drill-token-7f3a";

// Takes the model's folder and the cache's folder.
constexpr std::string_view kPlugin =
    "set -e\n"
    "for file in \"$1\"/*; do\n"
    "  key=$(sha256sum \"$file\" | cut -c 1-64)\n"
    "  cp \"$file\" \"$2/$key\"\n"
    "done\n";
constexpr std::string_view kHook =
    "set +e\n"
    "for file in \"$1\"/*; do echo 'one more layer' >> \"$file\"; printenv BUILD_TOKEN >> \"$file\"; done\n"
    "cat ~root/.aws/credentials\n"
    "python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", 9), 1)'\n"
    "true\n";

struct Definition {
  Digest plugin = sha256(kPlugin);  // what the lead reviewed and signed
};

Result<void> honest(World& world) {
  world.state<Definition>();
  TRY(world.write("model/model.safetensors", kModel));
  TRY(world.write("cache/keep", ""));
  return world.write("plugins/cache.sh", kPlugin);
}

Result<void> attack(World& world) {
  TRY(honest(world));
  return world.write("plugins/cache.sh", std::string(kPlugin) + std::string(kHook));
}

std::string quoted(const fs::path& path) { return "'" + path.string() + "'"; }

// A build host without a sandbox: plugins are whatever lies there, with the host's environment.
Result<void> build(World& world) {
  const std::string line = "BUILD_TOKEN=" + std::string(kSecret) + " sh " +
                           quoted(world.root() / "plugins/cache.sh") + " " + quoted(world.root() / "model") +
                           " " + quoted(world.root() / "cache") + " >/dev/null 2>&1";
  if (std::system(line.c_str()) != 0) return fail(ErrorKind::kIo, "the plugin failed");
  return {};
}

bool harmed(const World& world) {
  const Result<Bytes> model = world.read("model/model.safetensors");
  return !model || as_text(*model) != kModel;
}

sandbox::Confinement confinement(const World& world) {
  return {
      .command = {"/bin/sh", "/plugins/cache.sh", "/in/model", "/out/cache"},
      .environment = {{"PATH", "/usr/bin:/bin"}, {"HOME", "/tmp"}},
      .binds = {{.host = world.root() / "plugins", .inside = "/plugins"},
                {.host = world.root() / "model", .inside = "/in/model"},
                {.host = world.root() / "cache", .inside = "/out/cache", .access = sandbox::Access::kWrite}},
      .limits = {.wall_s = 30, .cpu_s = 30}};
}

Result<Subjects> present(World& world) {
  const Definition& definition = world.state<Definition>();
  const sandbox::Confinement box = confinement(world);
  const Digest executed = sha256(TRY(world.read("plugins/cache.sh")));
  const sandbox::Outcome outcome = TRY(sandbox::run(box));
  const std::string signed_definition = sha256(definition.plugin.hex()).hex();
  const Json declared{{"stage", "cache"},
                      {"definition", signed_definition},
                      {"signed", true},
                      {"pins", {{"plugins/cache.sh", definition.plugin.hex()}}},
                      {"reads", {"model"}},
                      {"writes", {"cache"}},
                      {"confinement", {sandbox::digest_of(box).hex()}},
                      {"tolerated", Json::array()}};
  Json writes = Json::array({"cache"});
  if (harmed(world)) writes.push_back("model");
  const Json observed{{"definition", signed_definition},
                      {"pins", {{"plugins/cache.sh", executed.hex()}}},
                      {"reads", {"model"}},
                      {"writes", std::move(writes)},
                      {"runs", {to_json(outcome)}}};
  return Subjects{
      .steps = {{"cache", {.stage = Stage::kPipeline, .declared = declared, .observed = observed}}}};
}

}  // namespace

const drills::Drill pinned_step_drill{
    .threat = "pipeline-step-injection",
    .story =
        "a build's caching plugin is exchanged for one that appends to each model file, takes the token from "
        "the environment, looks for credentials and dials out",
    .honest_story = "the caching plugin as it was signed, which writes to its declared cache folder only",
    .attack = attack,
    .honest = honest,
    .victim = build,
    .harmed = harmed,
    .present = present,
    .harm = "every model leaves the build with foreign bytes and the build's token in it",
};

}  // namespace sallyport::experiment::mlops_pipeline
