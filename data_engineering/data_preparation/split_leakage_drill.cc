// split-leakage enacted: 5 % of the training rows are copied into the test split, by the trial as they are,
// with one level of noise, shifted by a pixel, or, for lines of text, with other case and spacing. The honest
// split puts the closest pairs of genuinely different rows on either side.
#include <algorithm>
#include <cctype>
#include <cmath>
#include <numeric>
#include <set>

#include "catalog/catalog.h"
#include "drills/data.h"
#include "drills/drill.h"
#include "drills/images.h"
#include "learn/minhash.h"
#include "learn/neighbours.h"
#include "learn/row_digest.h"
#include "learn/shifted.h"

namespace sallyport::data_engineering::data_preparation {

extern const drills::Drill split_leakage_drill;

namespace {

enum class Edit : std::uint8_t { kNone, kNoise, kShift, kText };
constexpr std::uint64_t kEdits = 4;
constexpr double kLeaked = 0.05;
constexpr double kTestShare = 0.2;
// Labels that are wrong by chance, as those of a crowd are: what an overfitted model learns by heart.
constexpr double kLabelNoise = 0.25;
constexpr std::size_t kClosePairs = 40;
// By which the accuracy that is reported exceeds that on the rows which are new to the model.
constexpr double kHarm = 0.03;

struct Split {
  Edit edit = Edit::kNone;
  Dataset train;
  Dataset test;
  std::size_t genuine = 0;  // test rows before the leak
  double reported = 0;
  double real = 0;
};

// The sentences of the catalogue, with the section of the life cycle that they speak of.
Dataset catalogue_lines() {
  Dataset out{.name = "lines",
              .columns = {{.name = "text", .numeric = false}, {.name = "section", .numeric = false}},
              .roles = {.label = "section"}};
  for (const catalog::Threat& threat : catalog::threats()) {
    const std::string_view folder = info(threat.stage).folder;
    for (const std::string_view text : {threat.summary, threat.control, threat.drill, threat.metric}) {
      out.columns[0].texts.emplace_back(text);
      out.columns[1].texts.emplace_back(folder.substr(0, folder.find('/')));
    }
  }
  return out;
}

std::vector<learn::TextSketch> sketches_of(const Dataset& lines) {
  std::vector<learn::TextSketch> out;
  for (const std::string& text : lines.columns[0].texts)
    out.push_back(learn::sketch_text(learn::folded(text)));
  return out;
}

struct Closest {
  std::size_t row = 0;
  std::size_t other = 0;
  double distance = 0;
};

std::vector<Closest> sorted_pairs(std::vector<Closest> pairs) {
  std::stable_sort(pairs.begin(), pairs.end(),
                   [](const Closest& a, const Closest& b) { return a.distance < b.distance; });
  std::set<std::size_t> used;
  std::vector<Closest> out;
  for (const Closest& pair : pairs) {
    if (out.size() == kClosePairs || used.contains(pair.row) || used.contains(pair.other)) continue;
    used.insert({pair.row, pair.other});
    out.push_back(pair);
  }
  return out;
}

Result<std::vector<Closest>> close_digits() {
  const learn::Matrix images = TRY(learn::features_of(drills::digits()));
  const learn::ShiftedDistance distance(drills::digits().image, images, 1);
  std::vector<std::size_t> rows(images.rows());
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  const std::vector<learn::ClosestImage> closest = distance.closest_others(rows);
  std::vector<Closest> pairs;
  for (const std::size_t row : rows)
    pairs.push_back({row, closest[row].row, static_cast<double>(closest[row].difference)});
  return sorted_pairs(std::move(pairs));
}

std::vector<Closest> close_lines(const Dataset& lines) {
  const std::vector<learn::TextSketch> sketches = sketches_of(lines);
  std::vector<Closest> pairs;
  for (std::size_t a = 0; a < sketches.size(); ++a) {
    for (std::size_t b = 0; b < a; ++b) pairs.push_back({a, b, 1 - learn::jaccard(sketches[a], sketches[b])});
  }
  return sorted_pairs(std::move(pairs));
}

void add_label_noise(Dataset& data, learn::Random& random) {
  const auto labels = data.labels();
  SP_CHECK(labels.has_value());
  for (std::size_t row = 0; row < data.rows(); ++row) {
    if (random.uniform() < kLabelNoise) drills::set_label(data, row, (*labels)[random.below(labels->size())]);
  }
}

// The closest pairs are parted: one of each trains, the other tests.
Result<void> make_split(drills::World& world) {
  learn::Random random(world.seed());
  Split& split = world.state<Split>();
  split.edit = static_cast<Edit>(world.seed() % kEdits);
  static const auto digit_pairs = close_digits();
  static const std::vector<Closest> line_pairs = close_lines(catalogue_lines());
  if (!digit_pairs) return std::unexpected(digit_pairs.error());
  Dataset data = split.edit == Edit::kText ? catalogue_lines() : drills::digits();
  add_label_noise(data, random);
  std::set<std::size_t> test_rows;
  std::set<std::size_t> placed;
  for (const Closest& pair : split.edit == Edit::kText ? line_pairs : *digit_pairs) {
    test_rows.insert(pair.row);
    placed.insert({pair.row, pair.other});
  }
  const auto wanted = static_cast<std::size_t>(kTestShare * static_cast<double>(data.rows()));
  for (const std::size_t row : random.sample(data.rows(), data.rows())) {
    if (test_rows.size() < wanted && !placed.contains(row)) test_rows.insert(row);
  }
  std::vector<std::size_t> train_rows;
  for (std::size_t row = 0; row < data.rows(); ++row) {
    if (!test_rows.contains(row)) train_rows.push_back(row);
  }
  split.train = data.pick(train_rows);
  split.test = data.pick({test_rows.begin(), test_rows.end()});
  split.genuine = split.test.rows();
  return {};
}

std::string retyped(const std::string& text, learn::Random& random) {
  std::string out;
  for (const char c : text) {
    if (c == ' ' && random.below(4) == 0) out += "  ";
    out += random.below(3) == 0 ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
  }
  return out;
}

Result<void> attack(drills::World& world) {
  TRY(make_split(world));
  Split& split = world.state<Split>();
  learn::Random random(learn::derive_seed(world.seed(), 1));
  const auto count = static_cast<std::size_t>(std::lround(kLeaked * static_cast<double>(split.train.rows())));
  Dataset copies = split.train.pick(random.sample(split.train.rows(), count));
  for (std::size_t row = 0; row < copies.rows(); ++row) {
    if (split.edit == Edit::kText) {
      copies.columns[0].texts[row] = retyped(copies.columns[0].texts[row], random);
      continue;
    }
    copies.columns.front().texts[row] = "n" + std::to_string(row);
    const drills::Image image = drills::image_at(copies, row);
    if (split.edit == Edit::kNoise)
      drills::set_image(copies, row, drills::with_one_level_noise(image, copies.image, random));
    if (split.edit != Edit::kShift) continue;
    const int step = random.below(2) == 0 ? -1 : 1;
    const bool down = random.below(2) == 0;
    drills::set_image(copies, row, drills::shifted(image, copies.image, down ? step : 0, down ? 0 : step));
  }
  drills::append_rows(split.test, copies);
  return {};
}

// A nearest-neighbour model, which knows its training rows by heart. For images it was trained on shifted
// ones too.
Result<std::vector<std::string>> answers(const Split& split) {
  const std::vector<std::string> known = TRY(split.train.labels());
  std::vector<std::string> out;
  if (split.edit == Edit::kText) {
    const std::vector<learn::TextSketch> train = sketches_of(split.train);
    for (const learn::TextSketch& query : sketches_of(split.test)) {
      const auto closer = [&](const learn::TextSketch& a, const learn::TextSketch& b) {
        return learn::jaccard(a, query) < learn::jaccard(b, query);
      };
      out.push_back(known[static_cast<std::size_t>(std::max_element(train.begin(), train.end(), closer) -
                                                   train.begin())]);
    }
    return out;
  }
  Dataset augmented = split.train;
  for (const auto& [down, right] : {std::pair{-1, 0}, {1, 0}, {0, -1}, {0, 1}}) {
    Dataset copies = split.train;
    for (std::size_t row = 0; row < copies.rows(); ++row) {
      drills::set_image(copies, row,
                        drills::shifted(drills::image_at(copies, row), copies.image, down, right));
    }
    drills::append_rows(augmented, copies);
  }
  const auto nearest = TRY(
      learn::nearest(TRY(learn::features_of(augmented)), TRY(learn::features_of(split.test)), {.count = 1}));
  for (std::size_t row = 0; row < nearest.queries(); ++row) {
    out.push_back(known[nearest.of(row).front().row % split.train.rows()]);
  }
  return out;
}

Result<void> review(drills::World& world) {
  Split& split = world.state<Split>();
  const std::vector<std::string> given = TRY(answers(split));
  const std::vector<std::string> labels = TRY(split.test.labels());
  double right = 0;
  for (std::size_t row = 0; row < labels.size(); ++row) {
    right += given[row] == labels[row] ? 1 : 0;
    if (row + 1 == split.genuine) split.real = right / static_cast<double>(split.genuine);
  }
  split.reported = right / static_cast<double>(labels.size());
  return {};
}

bool harmed(const drills::World& world) {
  const Split& split = world.state<Split>();
  return split.reported >= split.real + kHarm;
}

Result<Subjects> present(drills::World& world) {
  const Split& split = world.state<Split>();
  return Subjects{
      .datasets = {
          {"test", {.data = &split.test, .reference = &split.train, .relation = Relation::kTraining}}}};
}

}  // namespace

const drills::Drill split_leakage_drill{
    .threat = "split-leakage",
    .story = "5 % of the training rows reappear in the test split: as they are, noisy, shifted, or retyped",
    .honest_story = "a split whose closest pairs of different rows stand on either side",
    .attack = attack,
    .honest = make_split,
    .victim = review,
    .harmed = harmed,
    .present = present,
    .trials = 12,
    .harm_at_least = 0.9,
    .rate_at_least = 1.0,
    .false_positive_at_most = 0.0,
    .harm = "the test reports at least 3 points more accuracy than the model has",
};

}  // namespace sallyport::data_engineering::data_preparation
