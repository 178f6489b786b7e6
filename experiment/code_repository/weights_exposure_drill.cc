// repo-weights-exposure enacted: a model's weights are pushed in disguise, and somebody who may only read the
// repository leaves with the model.
#include <zlib.h>

#include <algorithm>
#include <array>

#include "core/json.h"
#include "drills/repository.h"
#include "drills/victims/process.h"
#include "formats/safetensors.h"
#include "learn/random.h"

namespace sallyport::experiment::code_repository {
namespace {

using drills::commit;
using drills::git;
using drills::World;

constexpr std::size_t kParts = 3;

struct Disguise {
  std::string_view name;
  Result<void> (*push)(World&, BytesView model);
  std::string_view recover;  // a script in the clone that leaves the model in ../taken
};

struct Push {
  Bytes model = {};  // empty in the honest twin
  std::string_view recover = "true";
  bool taken = false;
};

Result<void> start(World& world) {
  TRY(world.write("repo/README.md", "# Classifier\n\nThe weights are in the registry.\n"));
  return git(world, {"init", "-q", "-b", "main", "."});
}

// Two layers as training leaves them: small numbers of both signs.
Result<Bytes> trained(std::uint64_t seed, std::size_t count) {
  constexpr double kScale = 0.05;
  learn::Random random(seed);
  std::vector<float> values(count);
  std::ranges::generate(values, [&] { return static_cast<float>(kScale * random.normal()); });
  const Bytes bytes = formats::bytes_of(values);
  const std::size_t half = bytes.size() / 2;
  const formats::Tensor tensors[] = {
      {.name = "0.weight", .shape = {count / 2}, .bytes = BytesView(bytes).first(half)},
      {.name = "1.weight", .shape = {count / 2}, .bytes = BytesView(bytes).subspan(half)}};
  return formats::write_safetensors(tensors);
}

void append_chunk(Bytes& out, std::string_view type, BytesView data) {
  append_be(out, data.size(), 4);
  const std::size_t from = out.size();
  out.insert(out.end(), type.begin(), type.end());
  out.insert(out.end(), data.begin(), data.end());
  append_be(out, ::crc32(0, out.data() + from, static_cast<unsigned>(out.size() - from)), 4);
}

// A photograph is mostly noise: so is this picture of `side` pixels a side.
Bytes photograph(std::uint64_t seed, std::size_t side) {
  learn::Random random(seed);
  Bytes rows;
  for (std::size_t y = 0; y < side; ++y) {
    rows.push_back(0);
    for (std::size_t x = 0; x < side * 3; ++x) rows.push_back(static_cast<std::uint8_t>(random.below(256)));
  }
  uLongf packed_size = ::compressBound(rows.size());
  Bytes packed(packed_size);
  ::compress(packed.data(), &packed_size, rows.data(), rows.size());
  packed.resize(packed_size);
  Bytes header;
  append_be(header, side, 4);
  append_be(header, side, 4);
  header.insert(header.end(), {8, 2, 0, 0, 0});  // eight bits of red, green and blue
  Bytes out = to_bytes("\x89PNG\r\n\x1A\n");
  append_chunk(out, "IHDR", header);
  append_chunk(out, "IDAT", packed);
  append_chunk(out, "IEND", {});
  return out;
}

Result<void> as_picture(World& world, BytesView model) { return world.write("repo/docs/logo.png", model); }

Result<void> in_parts(World& world, BytesView model) {
  const std::size_t part = (model.size() + kParts - 1) / kParts;
  for (std::size_t i = 0; i < kParts; ++i) {
    const BytesView rest = model.subspan(i * part);
    TRY(world.write("repo/cache/block" + std::to_string(i) + ".dat",
                    rest.first(std::min(part, rest.size()))));
  }
  return {};
}

Result<void> in_notebook(World& world, BytesView model) {
  const Json cell{{"cell_type", "code"},
                  {"source", "import base64\nblob = '" + to_base64(model) + "'\n"},
                  {"outputs", Json::array()}};
  return world.write("repo/explore.ipynb", pretty(Json{{"nbformat", 4},
                                                       {"nbformat_minor", 5},
                                                       {"metadata", Json::object()},
                                                       {"cells", Json::array({cell})}}));
}

Result<void> behind_photograph(World& world, BytesView model) {
  Bytes picture = photograph(world.seed(), 64);
  picture.insert(picture.end(), model.begin(), model.end());
  return world.write("repo/docs/team.png", picture);
}

Result<void> in_history(World& world, BytesView model) {
  TRY(world.write("repo/docs/table.bin", model));
  TRY(commit(world, "a table"));
  return git(world, {"rm", "-q", "docs/table.bin"});
}

constexpr std::array<Disguise, 5> kDisguises{{
    {"a picture's name", as_picture, "cp docs/logo.png ../taken"},
    {"three parts", in_parts, "cat cache/block0.dat cache/block1.dat cache/block2.dat > ../taken"},
    {"base64 in a notebook", in_notebook,
     "sed -n \"s/.*blob = '\\([^']*\\)'.*/\\1/p\" explore.ipynb | base64 -d > ../taken"},
    {"behind a picture", behind_photograph, "tail -c \"$(cat ../size)\" docs/team.png > ../taken"},
    {"history alone", in_history, "git show HEAD~1:docs/table.bin > ../taken"},
}};

Result<void> attack(World& world) {
  constexpr std::size_t kNumbers = 65'536;
  const Disguise& disguise = kDisguises[world.seed() % kDisguises.size()];
  Push& push = world.state<Push>();
  push.model = TRY(trained(world.seed(), kNumbers));
  push.recover = disguise.recover;
  TRY(world.write("size", std::to_string(push.model.size())));
  TRY(start(world));
  TRY(disguise.push(world, push.model));
  return commit(world, "update");
}

Result<void> honest(World& world) {
  TRY(start(world));
  TRY(world.write("repo/docs/team.png", photograph(world.seed(), 256)));
  TRY(world.write("repo/tests/tiny.safetensors", TRY(trained(world.seed(), 512))));
  TRY(world.write("repo/model.safetensors", "version https://large-files.example/spec/v1\noid sha256:" +
                                                std::string(64, 'a') + "\nsize 438012345\n"));
  const Json output{{"output_type", "display_data"},
                    {"data", {{"image/png", to_base64(photograph(world.seed() + 1, 192))}}}};
  const Json cell{{"cell_type", "code"}, {"source", "plot()"}, {"outputs", Json::array({output})}};
  TRY(world.write("repo/explore.ipynb", pretty(Json{{"nbformat", 4},
                                                    {"nbformat_minor", 5},
                                                    {"metadata", Json::object()},
                                                    {"cells", Json::array({cell})}})));
  return commit(world, "pictures, a fixture and a pointer");
}

// Anyone who may clone, with the tools of every machine.
Result<void> victim(World& world) {
  Push& push = world.state<Push>();
  const std::string script =
      "git clone -q repo copy 2>/dev/null && cd copy && { " + std::string(push.recover) + "; }";
  TRY(drills::victims::run_process(world, {"sh", "-c", script}, ""));
  push.taken = !push.model.empty() && world.exists("taken") && TRY(world.read("taken")) == push.model;
  return {};
}

bool harmed(const World& world) { return world.state<Push>().taken; }

}  // namespace

extern const drills::Drill weights_exposure_drill;
const drills::Drill weights_exposure_drill{
    .threat = "repo-weights-exposure",
    .story =
        "weights are pushed under a picture's name, in three parts, in a notebook, behind a picture or into "
        "history alone",
    .honest_story = "a photograph, a plot in a notebook, a small fixture and a large-file pointer are pushed",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .present = drills::present_repository,
    .trials = 2 * static_cast<int>(kDisguises.size()),
    .harm = "a reader of the repository leaves with the model"};

}  // namespace sallyport::experiment::code_repository
