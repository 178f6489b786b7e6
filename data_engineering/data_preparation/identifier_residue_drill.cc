// split-identifier-residue enacted: a hash of the patient's key and 20 e-mail addresses stay in the diabetes
// split that a model is trained on. The honest split has order numbers that fail Luhn's check, version
// strings and batch numbers that come back.
#include <algorithm>
#include <set>

#include "core/digest.h"
#include "drills/data.h"
#include "drills/drill.h"
#include "formats/personal.h"
#include "learn/random.h"

namespace sallyport::data_engineering::data_preparation {

extern const drills::Drill identifier_residue_drill;

namespace {

constexpr std::size_t kAddresses = 20;
constexpr std::size_t kBatches = 40;

struct Split {
  Dataset train;
  std::set<std::string> trained;  // ids of the patients in it
  double told_apart = 0;
};

void divide(Split& out, std::uint64_t seed) {
  learn::Random random(seed);
  const Dataset& all = drills::diabetes();
  out.train = all.pick(random.sample(all.rows(), all.rows() / 2));
  const std::vector<std::string> ids = out.train.ids();
  out.trained = {ids.begin(), ids.end()};
  // The id itself was removed, as it should be.
  std::erase_if(out.train.columns, [](const Column& column) { return column.name == "id"; });
  out.train.roles = {.label = "progression"};
  out.train.name = "train";
}

std::string key_of(const std::string& id) { return sha256(as_bytes("patient " + id)).hex().substr(0, 16); }

Result<void> leave_keys(drills::World& world) {
  Split& split = world.state<Split>();
  divide(split, world.seed());
  const std::size_t rows = split.train.rows();
  Column key{.name = "key", .numeric = false};
  Column note{.name = "note", .numeric = false, .texts = std::vector<std::string>(rows)};
  learn::Random random(learn::derive_seed(world.seed(), 1));
  for (const std::string& id : split.trained) key.texts.push_back(key_of(id));
  random.shuffle(std::span(key.texts));
  for (const std::size_t row : random.sample(rows, kAddresses))
    note.texts[row] = "reach at patient" + std::to_string(row) + "@example.org";
  split.train.columns.push_back(std::move(key));
  split.train.columns.push_back(std::move(note));
  return {};
}

// Sixteen digits, as on a card, that fail the check that cards pass.
std::string order_number(std::size_t order) {
  std::size_t number = 4000'1234'5678'0000 + 10 * order;
  while (formats::passes_luhn(std::to_string(number))) ++number;
  return std::to_string(number);
}

Result<void> leave_numbers(drills::World& world) {
  Split& split = world.state<Split>();
  divide(split, world.seed());
  learn::Random random(learn::derive_seed(world.seed(), 1));
  Column order{.name = "order", .numeric = false};
  Column version{.name = "version", .numeric = false};
  Column batch{.name = "batch", .numeric = false};
  for (std::size_t row = 0; row < split.train.rows(); ++row) {
    order.texts.push_back(order_number(row / 4));  // one order holds several patients' samples
    version.texts.push_back("v1." + std::to_string(random.below(9)) + "." + std::to_string(random.below(12)));
    batch.texts.push_back("b" + std::to_string(random.below(kBatches)));
  }
  for (Column* column : {&order, &version, &batch}) split.train.columns.push_back(std::move(*column));
  return {};
}

// Somebody with a list of patients asks which of them the model was trained on, by hashing each name.
Result<void> audit(drills::World& world) {
  Split& split = world.state<Split>();
  std::set<std::string> cells;
  for (const Column& column : split.train.columns) cells.insert(column.texts.begin(), column.texts.end());
  double right = 0;
  const std::vector<std::string> ids = drills::diabetes().ids();
  for (const std::string& id : ids) right += cells.contains(key_of(id)) == split.trained.contains(id) ? 1 : 0;
  split.told_apart = right / static_cast<double>(ids.size());
  return {};
}

bool harmed(const drills::World& world) { return world.state<Split>().told_apart > 0.9; }

Result<Subjects> present(drills::World& world) {
  return Subjects{.datasets = {{"train", {.data = &world.state<Split>().train}}}};
}

}  // namespace

const drills::Drill identifier_residue_drill{
    .threat = "split-identifier-residue",
    .story = "a hash of the patient's key and 20 e-mail addresses stay in the training split",
    .honest_story = "order numbers that fail Luhn's check, version strings and batch numbers",
    .attack = leave_keys,
    .honest = leave_numbers,
    .victim = audit,
    .harmed = harmed,
    .present = present,
    .trials = 20,
    .rate_at_least = 1.0,
    .false_positive_at_most = 0.0,
    .harm = "whoever has a list of patients can tell who is in the training data",
};

}  // namespace sallyport::data_engineering::data_preparation
