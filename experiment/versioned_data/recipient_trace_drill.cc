// versions-dataset-theft enacted on the way out: one of four partners publishes its copy, shuffled, cut down
// to as little as a tenth, its pixels blurred and its names removed. The honest twin is a public table of the
// same subject that shares half of its rows with ours, and is nobody's copy.
#include <algorithm>

#include "drills/data.h"
#include "drills/drill.h"
#include "learn/random.h"
#include "learn/recipient_rows.h"

namespace sallyport::experiment::versioned_data {

extern const drills::Drill recipient_trace_drill;

namespace {

using drills::World;

const std::vector<std::string> kPartners{"acme", "birch", "cobalt", "dune"};
constexpr double kKept[] = {0.1, 0.25, 0.5, 1.0};
constexpr std::size_t kDrawnRows = 128;
constexpr std::size_t kChanceRows = 2'000;
constexpr double kBlur = 0.05;  // of a column's range, a standard deviation
constexpr std::string_view kRelease = "digits@1";

struct Plan {
  std::string leaker = {};  // empty: the suspect is nobody's copy
  std::size_t named = 0;    // of the suspects, the leaker and nobody else
  std::size_t accused = 0;  // others
  bool marked = false;      // whether copies were told apart at all
};

Bytes key_of(const World& world) { return to_bytes(sha256("rows " + std::to_string(world.seed())).hex()); }

Dataset table() {
  Dataset out = drills::digits();
  out.roles = {.label = "digit", .id = "id"};
  return out;
}

// As a thief would publish it: no names, another order, fewer rows, other pixels.
Dataset laundered(const Dataset& copy, double kept, learn::Random& random) {
  const auto count = static_cast<std::size_t>(kept * static_cast<double>(copy.rows()));
  Dataset out = copy.pick(random.sample(copy.rows(), count));
  std::erase_if(out.columns, [](const Column& column) { return column.name == "id"; });
  for (Column& column : out.columns) {
    if (!column.numeric || column.name == "digit") continue;
    const auto [low, high] = std::ranges::minmax(copy.find(column.name)->numbers);
    for (double& pixel : column.numbers) pixel += kBlur * (high - low) * random.normal();
  }
  out.roles = {.label = "digit"};
  return out;
}

Result<void> look(World& world) {
  Plan& plan = world.state<Plan>();
  plan.named = plan.accused = 0;
  const Dataset original = table();
  const Bytes key = key_of(world);
  learn::Random random(world.seed());
  Dataset source = original;
  if (plan.marked && !plan.leaker.empty()) {
    source = TRY(learn::copy_for(original, key, {std::string(kRelease), plan.leaker, kDrawnRows}));
  }
  for (const double kept : kKept) {
    // A public table has half of the rows at most, as they are.
    const Dataset suspect =
        plan.leaker.empty()
            ? original.pick(random.sample(original.rows(), static_cast<std::size_t>(kept * 0.5 * 1797)))
            : laundered(source, kept, random);
    const learn::Traced traced =
        TRY(learn::trace_copy(original, suspect, key, kRelease, kPartners,
                              {.rows = kDrawnRows, .alpha = 1e-6, .chance_rows = kChanceRows}));
    for (const learn::RecipientTrace& one : traced.recipients) {
      if (one.named) ++(one.recipient == plan.leaker ? plan.named : plan.accused);
    }
  }
  return {};
}

Result<void> attack(World& world) {
  world.state<Plan>().leaker = kPartners[world.seed() % kPartners.size()];
  return {};
}
Result<void> honest(World& world) {
  world.state<Plan>().leaker.clear();
  return {};
}
// Partners have the same bytes, so nobody can tell them apart.
Result<void> victim(World& world) {
  world.state<Plan>().marked = false;
  return look(world);
}
bool harmed(const World& world) {
  const Plan& plan = world.state<Plan>();
  return !plan.leaker.empty() && plan.named == 0;
}

Result<drills::Outcome> defend(World& world) {
  Plan& plan = world.state<Plan>();
  plan.marked = true;
  TRY(look(world));
  if (plan.leaker.empty())
    return drills::Outcome{plan.accused > 0, "a partner was accused of a public table"};
  const bool all = plan.named == std::size(kKept) && plan.accused == 0;
  return drills::Outcome{all, plan.leaker + " named in " + std::to_string(plan.named) +
                                  " of 4 suspects with 10, 25, 50 and 100 % of the rows, others in " +
                                  std::to_string(plan.accused)};
}

}  // namespace

constexpr drills::Drill recipient_trace_drill{
    .threat = "versions-dataset-theft",
    .story =
        "one of four partners publishes its copy: shuffled, cut down to as little as a tenth, blurred, "
        "without names",
    .honest_story = "a public table that shares half of its rows with ours",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .defend = defend,
    .trials = 3,
    .rate_at_least = 0.66,
    .harm = "nobody can say who gave the data away"};

}  // namespace sallyport::experiment::versioned_data
