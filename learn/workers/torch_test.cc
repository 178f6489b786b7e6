// sallyport-torch as a process: training that repeats to the bit, and what replay says of an honest and a
// tampered one.
#include <gtest/gtest.h>

#include <algorithm>

#include <bit>
#include <filesystem>
#include <fstream>

#include "core/env.h"
#include "formats/csv.h"
#include "learn/engine.h"
#include "learn/export.h"
#include "learn/random.h"
#include "learn/replay.h"
#include "learn/worker.h"
#include "learn/workers/testing.h"
#include "tests/paths.h"

namespace sallyport::learn::workers {
namespace {

Bytes read(const fs::path& path) {
  const auto bytes = system_env().read_file(path);
  EXPECT_TRUE(bytes) << path;
  return bytes.value_or(Bytes{});
}

Json read_json(const fs::path& path) { return parse_json(as_text(read(path))).value_or(Json::object()); }

// Digits split once; each step reads from `in` and writes to a folder of its own.
class TorchWorker : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    fs::create_directories(in());
    const Bytes csv = read(fs::path(tests::source_dir()) / "tests/data/digits.csv");
    const auto all = formats::csv::parse(csv, {.roles = {.label = "digit", .id = "id"}});
    ASSERT_TRUE(all);
    Random random(20);
    const std::vector<std::size_t> order = random.sample(all->rows(), all->rows());
    const auto cut = order.begin() + static_cast<std::ptrdiff_t>(all->rows() / 5);
    put("test", *formats::csv::write(all->pick({order.begin(), cut})));
    put("train", *formats::csv::write(all->pick({cut, order.end()})));
    ASSERT_EQ(step("train", "first", {"--epochs", "12"}).status, 0);
    fs::copy(out("first") / "model", in() / "model", fs::copy_options::recursive);
  }
  static void TearDownTestSuite() { delete folder_; }

  static fs::path in() { return folder_->path() / "in"; }
  static fs::path out(const std::string& name) { return folder_->path() / name; }
  static void put(const std::string& name, const std::string& text) {
    std::ofstream(in() / name, std::ios::binary) << text;
  }
  static Ended step(const std::string& command, const std::string& to, std::vector<std::string> more = {}) {
    fs::create_directories(out(to));
    std::vector<std::string> words{command,   "--label", "digit",  "--id", "id",
                                   "--image", "8x8x16",  "--seed", "7"};
    words.insert(words.end(), more.begin(), more.end());
    return run_worker("torch", words, {{"SALLYPORT_IN", in()}, {"SALLYPORT_OUT", out(to)}});
  }
  static Model model() {
    return *read_model(as_text(read(in() / "model/model.json")), read(in() / "model/model.safetensors"));
  }

  static inline TemporaryFolder* folder_ = nullptr;
};

TEST_F(TorchWorker, TheSameSeedGivesTheSameBytes) {
  ASSERT_EQ(step("train", "second", {"--epochs", "12"}).status, 0);
  std::size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(out("first"))) {
    if (!entry.is_regular_file()) continue;
    ++files;
    EXPECT_EQ(read(entry.path()), read(out("second") / fs::relative(entry.path(), out("first"))))
        << entry.path();
  }
  // model.json, model.safetensors, training.json, and the checkpoints: four an epoch and the first.
  const auto record = parse_training_record(as_text(read(out("first") / "model/training.json")));
  ASSERT_TRUE(record) << record.error().message;
  EXPECT_GE(record->checkpoints.size(), 4 * 12 + 1U);
  EXPECT_EQ(files, 3 + record->checkpoints.size());
}

TEST_F(TorchWorker, ReachesTheAccuracyThatThePipelineDemands) {
  ASSERT_EQ(step("train", "full").status, 0);
  fs::rename(in() / "model", in() / "kept");
  fs::copy(out("full") / "model", in() / "model", fs::copy_options::recursive);
  EXPECT_EQ(step("validate", "scored", {"--eps", "0.1", "--steps", "20"}).status, 0);
  fs::remove_all(in() / "model");
  fs::rename(in() / "kept", in() / "model");
  const Json report = read_json(out("scored") / "validation/validation.json");
  EXPECT_GE(report["metrics"]["accuracy"], 0.97);
  EXPECT_GE(report["robustness"]["accuracy"], 0.70);
  EXPECT_EQ(report["robustness"]["attack"], "pgd");
  EXPECT_EQ(report["sample_size"], 359);
  EXPECT_LE(report["metrics"]["accuracy_low"], report["metrics"]["accuracy"]);
  const Bytes predictions = read(out("scored") / "validation/predictions.csv");
  EXPECT_EQ(report["predictions"], sha256(predictions).hex());
  const auto rows = formats::csv::parse(predictions);
  ASSERT_TRUE(rows);
  EXPECT_EQ(rows->rows(), 359U);
}

TEST_F(TorchWorker, AnHonestRunIsReproducedAndATamperedOneIsNot) {
  ASSERT_EQ(step("replay", "honest", {"--intervals", "4"}).status, 0);
  const auto honest = parse_replay_report(read_json(out("honest") / "replay.json"));
  ASSERT_TRUE(honest) << honest.error().message;
  EXPECT_TRUE(honest->data_matches && honest->start_matches && honest->end_matches && honest->digests_match);
  ASSERT_EQ(honest->intervals.size(), 4U);
  double most = 0;
  for (const IntervalReplay& interval : honest->intervals) {
    EXPECT_EQ(interval.max_abs_difference, 0) << interval.from;
    EXPECT_GT(interval.max_abs_change, 0);
    most = std::max(most, interval.max_abs_change);
  }
  EXPECT_GT(most, 1e-3);
  // The trainer claims a seed that it did not train with: the batches, and with them every stretch, are
  // others.
  Json record = read_json(in() / "model/training.json");
  const std::string kept(as_text(read(in() / "model/training.json")));
  record["recipe"]["seed"] = 8;
  put("model/training.json", pretty(record));
  EXPECT_EQ(step("replay", "tampered", {"--intervals", "2"}).status, 0);
  put("model/training.json", kept);
  const auto tampered = parse_replay_report(read_json(out("tampered") / "replay.json"));
  ASSERT_TRUE(tampered) << tampered.error().message;
  EXPECT_FALSE(tampered->start_matches);
  for (const IntervalReplay& interval : tampered->intervals) EXPECT_GT(interval.max_abs_difference, 1e-3);
}

// The runner's judge is the plain engine; what the trainer's engine does in another order has to stay far
// below the tolerance of the guard (.02), on networks of every kind of layer.
TEST_F(TorchWorker, AnotherEngineDiffersByRoundingAlone) {
  fs::rename(in() / "model", in() / "kept");
  for (const char* network : {"perceptron", "convolutions"}) {
    ASSERT_EQ(step("train", network, {"--epochs", "6", "--network", network}).status, 0);
    fs::copy(out(network) / "model", in() / "model", fs::copy_options::recursive);
    const std::string to = std::string("plain-") + network;
    EXPECT_EQ(step("replay", to, {"--intervals", "6", "--engine", "plain"}).status, 0);
    fs::remove_all(in() / "model");
    const auto report = parse_replay_report(read_json(out(to) / "replay.json"));
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_TRUE(report->start_matches);
    ASSERT_EQ(report->intervals.size(), 6U);
    double most = 0;
    for (const IntervalReplay& interval : report->intervals) {
      const double allowed = std::max(kRounding, 1e-2 * interval.max_abs_change);
      EXPECT_LT(interval.max_abs_difference, allowed) << network << interval.from;
      most = std::max(most, interval.max_abs_difference);
    }
    EXPECT_GT(most, 0) << "the two engines are one";
  }
  fs::rename(in() / "kept", in() / "model");
}

TEST_F(TorchWorker, TheExportPredictsThroughOpenVinoWhatTorchPredicts) {
  ASSERT_EQ(step("validate", "predicted", {"--sample", "10"}).status, 0);
  const auto rows = formats::csv::parse(read(out("predicted") / "validation/predictions.csv"));
  const auto test = formats::csv::parse(read(in() / "test"), {.roles = {.label = "digit", .id = "id"}});
  ASSERT_TRUE(rows && test);
  const Matrix features = *features_of(*test);
  RunningWorker running("openvino");
  ASSERT_TRUE(worker::write_frame(running.socket(), worker::load_request(), *export_onnx(model()), 30'000));
  ASSERT_TRUE(worker::error_of(worker::read_frame(running.socket(), 30'000)->header));
  const std::vector<worker::Tensor> inputs{
      {.name = "input",
       .shape = {static_cast<std::int64_t>(features.rows()), 64},
       .bytes = {reinterpret_cast<const std::uint8_t*>(features.values().data()),
                 features.values().size_bytes()}}};
  const worker::Frame request = worker::tensor_frame("infer", "inputs", inputs);
  ASSERT_TRUE(worker::write_frame(running.socket(), request.header, request.payload, 30'000));
  const auto reply = worker::read_frame(running.socket(), 30'000);
  ASSERT_TRUE(reply);
  const auto outputs = worker::tensors_in(*reply, "outputs");
  ASSERT_TRUE(outputs) << outputs.error().message;
  const worker::Tensor& probabilities = outputs->at(1);
  Reader reader(probabilities.bytes);
  for (std::size_t r = 0; r < features.rows(); ++r) {
    for (std::size_t c = 0; c < 10; ++c) {
      const float value = std::bit_cast<float>(*reader.u32_le());
      EXPECT_NEAR(value, rows->columns[3 + c].numbers[r], 1e-4) << "row " << r << ", class " << c;
    }
  }
}

TEST_F(TorchWorker, BadInputIsOneLineAndAnExitStatus) {
  const auto refused = [&](const std::string& name, const std::string& text) {
    const fs::path kept = in() / "kept-train";
    fs::rename(in() / "train", kept);
    put("train", text);
    const Ended ended = step("train", name);
    fs::rename(kept, in() / "train");
    EXPECT_EQ(ended.status, 2) << name;
    EXPECT_TRUE(ended.stderr_text.starts_with("sallyport-torch: ")) << ended.stderr_text;
    EXPECT_FALSE(fs::exists(out(name) / "model")) << name;
  };
  refused("empty", "");
  refused("no-label", "a,b\n1,2\n");
  refused("ragged", "id,p,digit\n1,2\n");
  refused("one-class", "id,p,digit\na,2,1\nb,3,1\n");
  refused("not-an-image", "id,p,digit\na,2,1\nb,3,2\n");
  EXPECT_EQ(step("train", "flags", {"--epochs", "0.5"}).status, 2);
  EXPECT_EQ(step("train", "flags", {"--code", "x"}).status, 2);
  EXPECT_EQ(step("paint", "flags").status, 64);
}

}  // namespace
}  // namespace sallyport::learn::workers
