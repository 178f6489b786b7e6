// analysis-annotator-compromise enacted: every digit gets five labels from 15 annotators, and three of them
// agree to swap 4 and 9 on 60 % of those items. The honest panel has three annotators who are right in 85 %
// of their answers and err each for himself.
#include <array>

#include "drills/data.h"
#include "drills/drill.h"
#include "learn/random.h"

namespace sallyport::data_engineering::data_analysis {

extern const drills::Drill annotator_collusion_drill;

namespace {

constexpr std::size_t kAnnotators = 15;
constexpr std::size_t kAnswers = 5;
constexpr std::size_t kColluders = 3;
constexpr double kSwapped = 0.6;
constexpr double kHonestError = 0.05;
constexpr double kCarelessError = 0.15;
// Share of the fours and nines with a wrong majority; the honest panel has about 0.2 %.
constexpr double kHarm = 0.01;

struct Panel {
  Dataset answers;
  double wrong = 0;  // majorities among the fours and nines
};

enum class Three : std::uint8_t { kCollude, kCareless };

Dataset label_all(Three three, std::uint64_t seed) {
  learn::Random random(seed);
  const std::vector<std::string> truth = *drills::digits().labels();
  const std::vector<std::string> ids = drills::digits().ids();
  Dataset out{.name = "answers",
              .columns = {{.name = "item", .numeric = false},
                          {.name = "annotator", .numeric = false},
                          {.name = "label", .numeric = false}},
              .roles = {.label = "label", .id = "item", .contributor = "annotator"}};
  for (std::size_t item = 0; item < truth.size(); ++item) {
    const bool is_target = truth[item] == "4" || truth[item] == "9";
    const bool swapped = is_target && random.uniform() < kSwapped;
    for (const std::size_t who : random.sample(kAnnotators, kAnswers)) {
      std::string label = truth[item];
      const double error = who < kColluders && three == Three::kCareless ? kCarelessError : kHonestError;
      if (random.uniform() < error) label = std::to_string(random.below(10));
      if (who < kColluders && three == Three::kCollude && swapped) label = truth[item] == "4" ? "9" : "4";
      out.columns[0].texts.push_back(ids[item]);
      out.columns[1].texts.push_back("a" + std::to_string(who));
      out.columns[2].texts.push_back(label);
    }
  }
  return out;
}

Result<void> collude(drills::World& world) {
  world.state<Panel>().answers = label_all(Three::kCollude, world.seed());
  return {};
}

Result<void> err(drills::World& world) {
  world.state<Panel>().answers = label_all(Three::kCareless, world.seed());
  return {};
}

// The majority decides; of equally frequent labels the first that was given.
Result<void> aggregate(drills::World& world) {
  Panel& panel = world.state<Panel>();
  const std::vector<std::string> truth = TRY(drills::digits().labels());
  const std::vector<std::string>& given = panel.answers.columns[2].texts;
  double wrong = 0;
  double all = 0;
  for (std::size_t item = 0; item < truth.size(); ++item) {
    if (truth[item] != "4" && truth[item] != "9") continue;
    const std::span<const std::string> answers = std::span(given).subspan(item * kAnswers, kAnswers);
    const auto most = std::ranges::max_element(
        answers, {}, [&](const std::string& label) { return std::ranges::count(answers, label); });
    all += 1;
    wrong += *most == truth[item] ? 0 : 1;
  }
  panel.wrong = wrong / all;
  return {};
}

bool harmed(const drills::World& world) { return world.state<Panel>().wrong >= kHarm; }

Result<Subjects> present(drills::World& world) {
  return Subjects{.datasets = {{"answers", {.data = &world.state<Panel>().answers}}}};
}

}  // namespace

const drills::Drill annotator_collusion_drill{
    .threat = "analysis-annotator-compromise",
    .story = "three of fifteen annotators agree to swap 4 and 9 on 60 % of those items",
    .honest_story = "three annotators are right in 85 % of their answers and err each for himself",
    .attack = collude,
    .honest = err,
    .victim = aggregate,
    .harmed = harmed,
    .present = present,
    .trials = 20,
    .harm_at_least = 0.8,
    .rate_at_least = 1.0,
    .false_positive_at_most = 0.05,
    .harm = "at least 1 % of the fours and nines get the wrong majority",
};

}  // namespace sallyport::data_engineering::data_analysis
