#include "learn/training.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <sstream>

#include "formats/csv.h"
#include "learn/evaluation.h"
#include "learn/random.h"
#include "learn/replay.h"
#include "tests/paths.h"

namespace sallyport::learn {
namespace {

struct Split {
  Dataset train;
  Dataset test;
  Digest data;
};

// Every fifth digit, in a shuffled order, is held out.
const Split& digits() {
  static const Split split = [] {
    std::ifstream file(tests::source_dir() + "/tests/data/digits.csv");
    std::stringstream text;
    text << file.rdbuf();
    auto all = formats::csv::parse(std::string_view(text.view()),
                                   {.name = "digits.csv",
                                    .roles = {.label = "digit", .id = "id"},
                                    .image = {.height = 8, .width = 8, .max_value = 16}});
    SP_CHECK(all.has_value());
    Random random(20);
    std::vector<std::size_t> order = random.sample(all->rows(), all->rows());
    const auto cut = order.begin() + static_cast<std::ptrdiff_t>(all->rows() / 5);
    return Split{all->pick({cut, order.end()}), all->pick({order.begin(), cut}), sha256(text.view())};
  }();
  return split;
}

struct TrainingRun {
  Network network;
  Examples examples;
  Course course;
  Model model;
  TrainingRecord record;
  std::map<std::string, Bytes> files;

  ReadFile reader() const {
    return [this](const std::string& path) -> Result<Bytes> { return files.at(path); };
  }
};

// On the heap, because the course points at the examples.
std::unique_ptr<TrainingRun> trained(const Recipe& recipe, const ExampleWeight& weight = {}) {
  auto run = std::make_unique<TrainingRun>();
  run->network = *network_for(digits().train, Architecture::kPerceptron);
  run->examples = *examples_of(run->network, digits().train);
  run->course = {.examples = &run->examples, .data = digits().data, .recipe = recipe};
  PlainEngine engine;
  auto done = train(
      engine, run->network, run->course,
      [&](std::uint64_t step, BytesView bytes) -> Result<void> {
        run->files[checkpoint_path(step)] = Bytes(bytes.begin(), bytes.end());
        return {};
      },
      weight);
  SP_CHECK(done.has_value());
  run->model = std::move(done->model);
  run->record = std::move(done->record);
  return run;
}

constexpr Recipe kShort{.seed = 7, .epochs = 6, .checkpoint_every = 45};

const TrainingRun& honest() {
  static const std::unique_ptr<TrainingRun> run = trained(kShort);
  return *run;
}

ReplayReport replayed(const TrainingRun& run, std::size_t intervals = 3) {
  PlainEngine engine;
  auto report = replay(engine, run.model, run.record, run.course, run.reader(),
                       {.challenge = 99, .intervals = intervals});
  SP_CHECK(report.has_value());
  return *report;
}

TEST(Training, TheSameCourseGivesTheSameBytes) {
  const std::unique_ptr<TrainingRun> again = trained(kShort);
  EXPECT_EQ(to_json(again->record), to_json(honest().record));
  EXPECT_EQ(again->files, honest().files);
  Recipe other = kShort;
  other.seed = 8;
  EXPECT_NE(trained(other)->record.model, honest().record.model);
}

TEST(Training, LearnsTheDigits) {
  const std::unique_ptr<TrainingRun> run = trained({.seed = 7, .epochs = 30});
  PlainEngine engine;
  const auto evaluated = evaluate(engine, run->model, digits().test, digits().data, {});
  ASSERT_TRUE(evaluated);
  EXPECT_GE(evaluated->evaluation.scores.accuracy.value(), 0.96);
}

TEST(Training, BatchesAreAPermutationOfEveryEpoch) {
  const Recipe recipe{.seed = 1, .epochs = 2, .batch = 7};
  BatchOrder order(recipe, digits().data, 23);
  EXPECT_EQ(steps_of(recipe, 23), 8U);
  std::vector<std::vector<std::size_t>> epochs(2);
  for (std::uint64_t step = 0; step < 8; ++step) {
    for (const std::size_t row : order.rows_of(step)) epochs[step / 4].push_back(row);
  }
  EXPECT_NE(epochs[0], epochs[1]);
  BatchOrder other_data(recipe, sha256("other"), 23);
  EXPECT_NE(other_data.rows_of(0), BatchOrder(recipe, digits().data, 23).rows_of(0));
  for (std::vector<std::size_t>& rows : epochs) {
    std::ranges::sort(rows);
    ASSERT_EQ(rows.size(), 23U);
    for (std::size_t i = 0; i < 23; ++i) EXPECT_EQ(rows[i], i);
  }
}

TEST(Training, TheRateFollowsItsSchedule) {
  const Recipe cosine{.learning_rate = 0.2};
  EXPECT_DOUBLE_EQ(learning_rate_at(cosine, 0, 100), 0.2);
  EXPECT_NEAR(learning_rate_at(cosine, 50, 100), 0.1, 1e-12);
  EXPECT_NEAR(learning_rate_at(cosine, 100, 100), 0, 1e-12);
  EXPECT_DOUBLE_EQ(learning_rate_at({.learning_rate = 0.2, .schedule = Schedule::kConstant}, 99, 100), 0.2);
}

TEST(Training, RecordsAndCheckpointsAreReadStrictly) {
  const std::string json = canonical(to_json(honest().record));
  const auto back = parse_training_record(json);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(to_json(*back), to_json(honest().record));
  const auto refused = [&](auto change) {
    Json object = to_json(honest().record);
    change(object);
    return !parse_training_record(canonical(object));
  };
  EXPECT_TRUE(refused([](Json& j) { j["checkpoints"][1]["file"] = "../../etc/passwd"; }));
  EXPECT_TRUE(refused([](Json& j) { j["checkpoints"].erase(0); }));
  EXPECT_TRUE(refused([](Json& j) { std::swap(j["checkpoints"][1], j["checkpoints"][2]); }));
  EXPECT_TRUE(refused([](Json& j) { j["steps"] = 1; }));
  EXPECT_TRUE(refused([](Json& j) { j["recipe"]["momentum"] = 2; }));
  EXPECT_TRUE(refused([](Json& j) { j["recipe"]["batch"] = 0; }));
  EXPECT_TRUE(refused([](Json& j) { j["data"] = "00"; }));
  const Bytes& bytes = honest().files.begin()->second;
  EXPECT_TRUE(read_checkpoint(honest().network, bytes));
  EXPECT_FALSE(read_checkpoint(*network_for(digits().train, Architecture::kPerceptron, 32), bytes));
  EXPECT_FALSE(read_checkpoint(honest().network, write_weights(honest().model)));
}

TEST(Training, StopsWhenTheLossIsNotANumber) {
  Recipe absurd = kShort;
  absurd.learning_rate = 1e3;
  absurd.momentum = 1;
  PlainEngine engine;
  const Course course{.examples = &honest().examples, .data = digits().data, .recipe = absurd};
  const auto failed = train(engine, honest().network, course, [](auto, auto) -> Result<void> { return {}; });
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().message.find("is not finite"), std::string::npos);
}

TEST(Replay, AnHonestRunIsReproducedToTheBit) {
  const ReplayReport report = replayed(honest());
  EXPECT_TRUE(report.data_matches && report.start_matches && report.end_matches && report.digests_match);
  ASSERT_EQ(report.intervals.size(), 3U);
  EXPECT_EQ(report.intervals_total, 6U);
  for (const IntervalReplay& interval : report.intervals) {
    EXPECT_EQ(interval.max_abs_difference, 0);
    EXPECT_GT(interval.max_abs_change, 1e-3);
    for (const ClassPart& part : interval.classes) EXPECT_NEAR(part.share, 1, 0.02) << part.name;
  }
  const auto back = parse_replay_report(to_json(report));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(to_json(*back), to_json(report));
}

TEST(Replay, AStarvedClassIsFoundAndNamed) {
  const std::unique_ptr<TrainingRun> run = trained(
      kShort, [](std::uint64_t step, std::uint32_t label) { return label == 8 && step >= 90 ? 0.0F : 1.0F; });
  const ReplayReport report = replayed(*run, 6);
  EXPECT_TRUE(report.start_matches && report.end_matches && report.digests_match);
  for (const IntervalReplay& interval : report.intervals) {
    if (interval.from < 90) {
      EXPECT_EQ(interval.max_abs_difference, 0);
    } else {
      EXPECT_GT(interval.max_abs_difference, 1e-3);
      for (const ClassPart& part : interval.classes) {
        if (part.name == "8") {
          EXPECT_LT(part.share, 0.1) << interval.from;
        } else {
          EXPECT_GT(part.share, 0.2) << part.name;
        }
      }
    }
  }
}

TEST(Replay, ASeedThatNobodyDeclaredIsTold) {
  PlainEngine engine;
  const TrainingRun& run = honest();
  for (const std::uint64_t declared : {7, 8}) {
    const auto report = replay(engine, run.model, run.record, run.course, run.reader(),
                               {.intervals = 0, .declared_seed = declared});
    ASSERT_TRUE(report);
    EXPECT_EQ(report->start_matches, declared == 7);
  }
}

TEST(Replay, OtherDataAnotherEndAndAnEditedCheckpointAreTold) {
  TrainingRun run = {.network = honest().network,
                     .examples = honest().examples,
                     .course = honest().course,
                     .model = honest().model,
                     .record = honest().record,
                     .files = honest().files};
  run.model.parameters[0][0] += 1e-3F;
  EXPECT_FALSE(replayed(run).end_matches);
  run.model = honest().model;
  run.course.data = sha256("other");
  EXPECT_FALSE(replayed(run).data_matches);
  EXPECT_GT(replayed(run).intervals[0].max_abs_difference, 1e-3);
  run.course = honest().course;
  State first = *read_checkpoint(run.network, run.files.at(checkpoint_path(0)));
  first.model.parameters[0][0] += 1e-3F;
  run.files[checkpoint_path(0)] = write_checkpoint(first);
  const ReplayReport report = replayed(run);
  EXPECT_FALSE(report.start_matches);
  EXPECT_FALSE(report.digests_match);
}

TEST(Replay, ChallengesChooseDifferentIntervals) {
  EXPECT_EQ(choose_intervals(5, 9, 1), (std::vector<std::size_t>{0, 1, 2, 3, 4}));
  std::map<std::size_t, int> chosen;
  for (std::uint64_t challenge = 0; challenge < 300; ++challenge) {
    const std::vector<std::size_t> of = choose_intervals(10, 3, challenge);
    EXPECT_EQ(std::set<std::size_t>(of.begin(), of.end()).size(), 3U);
    for (const std::size_t i : of) ++chosen[i];
  }
  for (const auto& [interval, times] : chosen) EXPECT_NEAR(times, 90, 35) << interval;
  EXPECT_EQ(chosen.size(), 10U);
}

TEST(Evaluation, FiguresFollowFromThePredictions) {
  const std::vector<std::string> classes{"a", "b"};
  const std::vector<std::uint32_t> labels{0, 0, 0, 1, 1};
  const std::vector<std::uint32_t> predicted{0, 0, 1, 1, 0};
  const Scores scores = score(classes, labels, predicted);
  EXPECT_EQ(scores.accuracy.successes, 3U);
  EXPECT_EQ(scores.confusion[0][1], 1U);
  EXPECT_NEAR(scores.classes[0].recall.value(), 2.0 / 3, 1e-12);
  EXPECT_NEAR(scores.classes[1].precision.value(), 0.5, 1e-12);
}

TEST(Evaluation, WritesOneRowAnExampleAndAttacksWithinEps) {
  PlainEngine engine;
  const Attack fgsm{.eps = 0.1};
  const Attack pgd{.eps = 0.1, .steps = 10, .restarts = 2, .seed = 4};
  const auto evaluated =
      evaluate(engine, honest().model, digits().test, digits().data, {.attacks = {fgsm, pgd}, .sample = 100});
  ASSERT_TRUE(evaluated) << evaluated.error().message;
  const auto rows = formats::csv::parse(std::string_view(evaluated->predictions_csv));
  ASSERT_TRUE(rows) << rows.error().message;
  EXPECT_EQ(rows->rows(), digits().test.rows());
  EXPECT_EQ(rows->columns.size(), 13U);
  EXPECT_EQ(evaluated->evaluation.predictions, sha256(evaluated->predictions_csv));
  const std::vector<Robustness>& robustness = evaluated->evaluation.robustness;
  ASSERT_EQ(robustness.size(), 2U);
  EXPECT_EQ(robustness[0].attack, "fgsm");
  EXPECT_EQ(robustness[1].accuracy.trials, 100U);
  EXPECT_LE(robustness[1].accuracy.successes, robustness[0].accuracy.successes);
  EXPECT_LT(robustness[1].accuracy.value(), evaluated->evaluation.scores.accuracy.value());
  const Json json = to_json(evaluated->evaluation);
  EXPECT_EQ(json["robustness"]["attack"], "pgd");
  EXPECT_EQ(json["metrics"]["accuracy"], evaluated->evaluation.scores.accuracy.value());

  const Examples examples = *examples_of(honest().network, digits().test);
  const Matrix attacked = *perturb(engine, honest().model, examples, pgd, 1);
  for (std::size_t i = 0; i < attacked.values().size(); ++i) {
    EXPECT_LE(std::abs(attacked.values()[i] - examples.inputs.values()[i]), 0.1F + 1e-6F);
    EXPECT_TRUE(attacked.values()[i] >= 0 && attacked.values()[i] <= 1);
  }
}

TEST(Examples, NetworksSuitTheirTables) {
  const auto network = network_for(digits().train);
  ASSERT_TRUE(network) << network.error().message;
  EXPECT_EQ(network->layers[0].kind, LayerKind::kConv2d);
  EXPECT_EQ(network->input.scale, std::vector<float>{16});
  Dataset table = digits().train;
  table.image = {};
  const auto plain = network_for(table);
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->layers[0].kind, LayerKind::kLinear);
  EXPECT_EQ(plain->input.scale.size(), 64U);
  EXPECT_FALSE(network_for(table, Architecture::kConvolutions));
  table.image = {.height = 9, .width = 9, .max_value = 16};
  EXPECT_FALSE(network_for(table));
}

}  // namespace
}  // namespace sallyport::learn
