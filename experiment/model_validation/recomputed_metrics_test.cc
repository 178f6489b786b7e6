// The smallest change that is found: one row, wherever it is and whatever is done to it.
#include <gtest/gtest.h>

#include "core/guard.h"
#include "learn/evaluation.h"
#include "learn/random.h"

namespace sallyport::experiment::model_validation {

extern const Guard recomputed_metrics;

namespace {

constexpr std::size_t kRows = 360;
const std::vector<std::string> kClasses{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};

struct Scoring {
  std::vector<std::uint32_t> labels;
  std::vector<std::uint32_t> predicted;
  std::vector<std::size_t> rows;  // which sealed row each prediction is of
};

// About one in ten is wrong.
Scoring honest_scoring() {
  learn::Random random(3);
  Scoring out;
  for (std::size_t row = 0; row < kRows; ++row) {
    const auto label = static_cast<std::uint32_t>(random.below(10));
    out.rows.push_back(row);
    out.labels.push_back(label);
    out.predicted.push_back(random.below(10) == 0 ? (label + 1) % 10 : label);
  }
  return out;
}

std::string csv_of(const Scoring& scoring) {
  std::string out = "id,predicted\n";
  for (std::size_t i = 0; i < scoring.rows.size(); ++i) {
    out += "d" + std::to_string(scoring.rows[i]) + "," + kClasses[scoring.predicted[i]] + "\n";
  }
  return out;
}

std::size_t findings_of(const Scoring& reported, const Scoring& handed_over, const Scoring& sealed) {
  std::string labels = "id,ink,digit\n";
  for (std::size_t row = 0; row < sealed.labels.size(); ++row) {
    labels += "d" + std::to_string(row) + ",0," + kClasses[sealed.labels[row]] + "\n";
  }
  const std::string csv = csv_of(handed_over);
  learn::Evaluation evaluation{.engine = "plain", .test = sha256(labels), .rows = reported.rows.size()};
  evaluation.scores = learn::score(kClasses, reported.labels, reported.predicted);
  evaluation.predictions = sha256(csv);
  const StepSubject subject{
      .stage = Stage::kValidation,
      .declared = to_json(evaluation),
      .observed = {{"predictions", csv}, {"labels", labels}, {"schema", {{"label", "digit"}, {"id", "id"}}}}};
  const auto examination = recomputed_metrics.step(subject, Parameters(recomputed_metrics.parameters));
  EXPECT_TRUE(examination) << examination.error().message;
  return examination ? examination->findings.size() : 0;
}

TEST(RecomputedMetrics, AgreesWithTheScorerOnEveryFigure) {
  const Scoring scoring = honest_scoring();
  EXPECT_EQ(findings_of(scoring, scoring, scoring), 0u);
}

TEST(RecomputedMetrics, FindsOneRowThatIsDroppedAltogetherOrFromTheFiguresAlone) {
  const Scoring all = honest_scoring();
  for (std::size_t row = 0; row < kRows; ++row) {
    Scoring without = all;
    const auto at = static_cast<std::ptrdiff_t>(row);
    without.rows.erase(without.rows.begin() + at);
    without.labels.erase(without.labels.begin() + at);
    without.predicted.erase(without.predicted.begin() + at);
    EXPECT_GT(findings_of(without, without, all), 0u) << row;
    EXPECT_GT(findings_of(without, all, all), 0u) << row;
  }
}

TEST(RecomputedMetrics, FindsOneErrorThatIsReportedAsRight) {
  const Scoring all = honest_scoring();
  for (std::size_t row = 0; row < kRows; ++row) {
    if (all.labels[row] == all.predicted[row]) continue;
    Scoring flattered = all;
    flattered.predicted[row] = flattered.labels[row];
    EXPECT_GT(findings_of(flattered, all, all), 0u) << row;
    Scoring relabelled = all;
    relabelled.labels[row] = relabelled.predicted[row];
    EXPECT_GT(findings_of(relabelled, all, all), 0u) << row;
  }
}

TEST(RecomputedMetrics, CannotTellFromWhatItCannotRead) {
  const Parameters parameters(recomputed_metrics.parameters);
  const Json schema{{"label", "digit"}, {"id", "id"}};
  const Json declared{{"metrics", {{"accuracy", 1}}}, {"sample_size", 1}};
  const std::string labels = "id,digit\nd1,3\n";
  for (const Json& observed :
       {Json::object(), Json{{"predictions", "id\nd1\n"}, {"labels", labels}, {"schema", schema}},
        Json{{"predictions", "id,predicted\nd1\n"}, {"labels", labels}, {"schema", schema}},
        Json{{"predictions", "id,predicted\nd1,3\n"},
             {"labels", "id,digit\nd1,3\nd1,4\n"},
             {"schema", schema}},
        Json{
            {"predictions", "id,predicted\nd1,3\n"}, {"labels", labels}, {"schema", {{"label", "class"}}}}}) {
    EXPECT_FALSE(recomputed_metrics.step({Stage::kValidation, declared, observed}, parameters))
        << observed.dump();
  }
}

}  // namespace
}  // namespace sallyport::experiment::model_validation
