// prep-anonymization-regression enacted: the diabetes table is published without names but with exact age,
// sex, body mass index and blood pressure, and an outsider joins it with what he knows of 100 patients. The
// honest release has no blood pressure, decades and bands in place of numbers, and no small classes.
#include <cmath>

#include "drills/data.h"
#include "drills/drill.h"
#include "learn/anonymity.h"
#include "learn/random.h"

namespace sallyport::data_engineering::data_preprocessing {

extern const drills::Drill reidentification_drill;

namespace {

constexpr std::size_t kKnown = 100;
constexpr std::size_t kLeast = 5;
constexpr double kDecade = 10;
constexpr double kBand = 6;  // of the body mass index

struct Publication {
  Dataset release;
  Dataset known;  // to the outsider
  double found = 0;
};

Dataset without(const Dataset& data, std::initializer_list<std::string_view> names) {
  Dataset out = data;
  std::erase_if(out.columns,
                [&](const Column& c) { return std::ranges::find(names, c.name) != names.end(); });
  return out;
}

void prepare(Publication& out, std::uint64_t seed) {
  learn::Random random(seed);
  out.release = without(drills::diabetes(), {"id"});
  out.release.name = "release";
  out.release.roles = {.label = "progression"};
  out.known = without(drills::diabetes(), {"s1", "s2", "s3", "s4", "s5", "s6", "progression"})
                  .pick(random.sample(drills::diabetes().rows(), kKnown));
  out.known.name = "known";
  out.known.roles = {.id = "id"};
}

Result<void> publish_exact(drills::World& world) {
  prepare(world.state<Publication>(), world.seed());
  return {};
}

// "30 to 39" for 34 and a width of 10.
void band(Column& column, double width) {
  for (const double value : column.numbers) {
    const double low = std::floor(value / width) * width;
    column.texts.push_back(number_text(low) + " to " + number_text(low + width - 0.1));
  }
  column.numeric = false;
  column.numbers.clear();
}

Result<void> publish_coarse(drills::World& world) {
  Publication& out = world.state<Publication>();
  prepare(out, world.seed());
  out.release = without(out.release, {"bp", "s1", "s2", "s3", "s4", "s5", "s6"});
  std::vector<std::size_t> quasi;
  for (std::size_t i = 0; i < out.release.columns.size(); ++i) {
    Column& column = out.release.columns[i];
    if (column.name == "age") band(column, kDecade);
    if (column.name == "bmi") band(column, kBand);
    if (column.name != "progression") quasi.push_back(i);
  }
  const learn::EquivalenceClasses classes = learn::equivalence_classes(out.release, quasi);
  std::vector<std::size_t> rows;
  for (std::size_t row = 0; row < out.release.rows(); ++row) {
    if (classes.sizes[classes.of_row[row]] >= kLeast) rows.push_back(row);
  }
  out.release = out.release.pick(rows);
  return {};
}

// The outsider compares age, sex, index and, where it was published, pressure.
Result<void> join(drills::World& world) {
  Publication& state = world.state<Publication>();
  std::vector<std::string> names;
  for (const std::string_view name : {"age", "sex", "bmi", "bp"}) {
    const Column* column = state.release.find(name);
    if (column != nullptr && column->numeric) names.emplace_back(name);
  }
  state.found = static_cast<double>(TRY(learn::linked_uniquely(state.release, state.known, names))) /
                static_cast<double>(state.known.rows());
  return {};
}

bool harmed(const drills::World& world) { return world.state<Publication>().found >= 0.5; }

Result<Subjects> present(drills::World& world) {
  const Publication& state = world.state<Publication>();
  return Subjects{
      .datasets = {
          {"release", {.data = &state.release, .reference = &state.known, .relation = Relation::kAnchor}}}};
}

}  // namespace

const drills::Drill reidentification_drill{
    .threat = "prep-anonymization-regression",
    .story = "a table of patients is published with exact age, sex, body mass index and blood pressure",
    .honest_story = "the same table in decades and bands, without blood pressure and without small classes",
    .attack = publish_exact,
    .honest = publish_coarse,
    .victim = join,
    .harmed = harmed,
    .present = present,
    .trials = 20,
    .rate_at_least = 1.0,
    .false_positive_at_most = 0.0,
    .harm = "an outsider who knows 100 patients finds more than half of them",
};

}  // namespace sallyport::data_engineering::data_preprocessing
