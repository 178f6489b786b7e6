// versions-slow-poison enacted: each of twelve releases of the digits relabels two more threes as eights. The
// honest releases bring genuine new rows and two corrections each, whose direction is random.
#include "drills/data.h"
#include "drills/drill.h"
#include "drills/images.h"
#include "learn/neighbours.h"
#include "learn/random.h"
#include "learn/votes.h"

namespace sallyport::experiment::versioned_data {

extern const drills::Drill release_drift_drill;

namespace {

constexpr std::size_t kReleases = 12;
constexpr std::size_t kChanges = 2;
constexpr std::size_t kNewRows = 25;
constexpr std::size_t kAnchorRows = 1400;
// The smallest change that a release must bring for the victim's own comparison with the one before it.
constexpr std::size_t kNoticed = 5;

struct Series {
  Dataset anchor;
  Dataset last;
  std::size_t largest_step = 0;  // labels that one release changed
  std::size_t reversed = 0;      // threes of the anchor that are eights in the end
};

// A release adds rows; `relabel` is called for each change of each release and returns the row and the label.
template <class Relabel>
void release_all(Series& out, learn::Random& random, const Relabel& relabel) {
  std::vector<std::size_t> order = random.sample(drills::digits().rows(), drills::digits().rows());
  const std::vector<std::size_t> first(order.begin(), order.begin() + kAnchorRows);
  out.anchor = drills::digits().pick(first);
  out.anchor.name = "anchor";
  const std::size_t all = kAnchorRows + kReleases * kNewRows;
  out.last = drills::digits().pick({order.begin(), order.begin() + static_cast<std::ptrdiff_t>(all)});
  out.last.name = "release 12";
  Column release{.name = "release"};
  for (std::size_t row = 0; row < all; ++row)
    release.numbers.push_back(row < kAnchorRows ? 0
                                                : static_cast<double>(1 + (row - kAnchorRows) / kNewRows));
  for (std::size_t number = 1; number <= kReleases; ++number) {
    for (std::size_t i = 0; i < kChanges; ++i) {
      const auto& [row, label] = relabel(out.last);
      drills::set_label(out.last, row, label);
      release.numbers[row] = static_cast<double>(number);
    }
  }
  out.largest_step = kChanges;
  out.last.columns.push_back(std::move(release));
  out.last.roles.time = "release";
}

Result<void> poison(drills::World& world) {
  Series& out = world.state<Series>();
  learn::Random random(world.seed());
  release_all(out, random, [&](const Dataset& now) {
    const std::vector<std::string> labels = *now.labels();
    std::size_t row = random.below(kAnchorRows);
    while (labels[row] != "3") row = random.below(kAnchorRows);
    return std::pair<std::size_t, std::string>(row, "8");
  });
  return {};
}

Result<void> correct(drills::World& world) {
  Series& out = world.state<Series>();
  learn::Random random(world.seed());
  release_all(out, random, [&](const Dataset&) {
    return std::pair<std::size_t, std::string>(random.below(kAnchorRows), std::to_string(random.below(10)));
  });
  return {};
}

// Compares each release with the one before it, as most do, and trains on the last.
Result<void> train(drills::World& world) {
  Series& out = world.state<Series>();
  const std::vector<std::string> before = TRY(out.anchor.labels());
  const std::vector<std::string> after = TRY(out.last.labels());
  for (std::size_t row = 0; row < before.size(); ++row)
    out.reversed += before[row] == "3" && after[row] == "8" ? 1 : 0;
  return {};
}

// A sixth of the threes teach eight, and no single release changed enough to be looked at.
bool harmed(const drills::World& world) {
  const Series& out = world.state<Series>();
  return out.largest_step < kNoticed && out.reversed >= kReleases;
}

Result<Subjects> present(drills::World& world) {
  const Series& out = world.state<Series>();
  return Subjects{
      .datasets = {
          {"release", {.data = &out.last, .reference = &out.anchor, .relation = Relation::kAnchor}}}};
}

}  // namespace

const drills::Drill release_drift_drill{
    .threat = "versions-slow-poison",
    .story = "each of twelve releases relabels two more threes as eights",
    .honest_story = "twelve releases with new rows and two corrections each, in any direction",
    .attack = poison,
    .honest = correct,
    .victim = train,
    .harmed = harmed,
    .present = present,
    .trials = 20,
    .rate_at_least = 1.0,
    .false_positive_at_most = 0.05,
    .harm =
        "a seventh of the threes in the last release teach eight, and no release changed more than two "
        "labels",
};

}  // namespace sallyport::experiment::versioned_data
