// export-loader-bug enacted: a loader that trusts a file's tables hands out what lies beside the file in
// memory.
#include "drills/drill.h"
#include "drills/victims/python.h"

namespace sallyport::production::model_export {
namespace {

using drills::World;

struct Model {
  std::string name;
};

Bytes gguf(std::uint64_t extent) {
  constexpr std::size_t kAlignment = 32;
  Bytes out = to_bytes("GGUF");
  const auto text = [&](std::string_view value) {
    append_le(out, value.size(), 8);
    out.insert(out.end(), value.begin(), value.end());
  };
  append_le(out, 3, 4);
  append_le(out, 1, 8);
  append_le(out, 1, 8);
  text("general.architecture");
  append_le(out, 8, 4);
  text("llama");
  text("weights");
  append_le(out, 1, 4);
  append_le(out, extent, 8);
  append_le(out, 0, 4);
  append_le(out, 0, 8);
  out.resize((out.size() + kAlignment - 1) / kAlignment * kAlignment);
  out.resize(out.size() + kAlignment, 1);
  return out;
}

Bytes safetensors(std::uint64_t end) {
  const std::string header = R"({"weights":{"dtype":"U8","shape":[)" + std::to_string(end) +
                             R"(],"data_offsets":[0,)" + std::to_string(end) + "]}}";
  Bytes out;
  append_le(out, header.size(), 8);
  out.insert(out.end(), header.begin(), header.end());
  out.resize(out.size() + 32, 1);
  return out;
}

// 8 floats, or 32 bytes, are in the file; the attack asks for more.
Result<void> write_model(World& world, std::uint64_t factor) {
  const bool ggml = world.seed() % 2 == 0;
  world.state<Model>().name = ggml ? "model.gguf" : "model.safetensors";
  return world.write(world.state<Model>().name, ggml ? gguf(8 * factor) : safetensors(32 * factor));
}
Result<void> attack(World& world) { return write_model(world, 4); }
Result<void> honest(World& world) { return write_model(world, 1); }

// As CVE-2026-7482 had it: sizes from the tables, the file somewhere in the server's memory.
Result<void> victim(World& world) {
  constexpr std::string_view kScript = R"python(
import json, struct, sys
name = sys.argv[1]
file = open(name, "rb").read()
memory = file + b"SESSION-TOKEN-OF-ANOTHER-USER" * 4
if name.endswith(".gguf"):
    at = file.index(b"weights") + len(b"weights") + 4
    extent, kind, offset = struct.unpack_from("<QIQ", file, at)
    begin = (at + 20 + 31) // 32 * 32 + offset
    end = begin + 4 * extent
else:
    size = struct.unpack_from("<Q", file)[0]
    begin, end = (8 + size + n for n in json.loads(file[8:8 + size])["weights"]["data_offsets"])
open("pushed.bin", "wb").write(memory[begin:end])
)python";
  return drills::victims::run_python(world, kScript, {world.state<Model>().name});
}

bool harmed(const World& world) {
  const Result<Bytes> pushed = world.read("pushed.bin");
  return pushed && as_text(*pushed).find("SESSION-TOKEN") != std::string_view::npos;
}

Result<Subjects> present(World& world) {
  const std::string& name = world.state<Model>().name;
  const Bytes& bytes = world.keep(TRY(world.read(name)));
  Subjects out;
  out.files.emplace_back(name, FileSubject{.path = name, .bytes = bytes});
  return out;
}

}  // namespace

extern const drills::Drill loader_bug_drill;
const drills::Drill loader_bug_drill{
    .threat = "export-loader-bug",
    .story = "a model's table says that a tensor is longer than its file, and the loader believes it",
    .honest_story = "the same model with the truth in its table",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .present = present,
    .trials = 2,
    .harm = "the server's memory leaves with the model"};

}  // namespace sallyport::production::model_export
