// Rows that share a pattern which only their class has: triggers, with labels that are wrong or right.
#include <algorithm>
#include <cmath>

#include "learn/contrast.h"
#include "learn/encoded.h"
#include "learn/neighbours.h"
#include "learn/picture.h"
#include "learn/random.h"
#include "learn/subspace.h"
#include "learn/votes.h"
#include "services/data_check/checks.h"

namespace sallyport::services::data_check {
namespace {

constexpr std::size_t kOtherDimensions = 512;  // of what is wider than the engine takes, and no picture
constexpr std::size_t kVoters = 11;
constexpr std::size_t kVoteRowsMax = 20'000;  // beyond which a sample votes
constexpr std::size_t kGroupVotesMax = 500;   // rows of a group that are voted on
constexpr double kDisagree = 0.5;             // of the group's rows, in a table that is not one of pictures
constexpr double kPlantedShare = 0.1;         // of its class' rows, of a pattern that measures the power
constexpr std::size_t kPlantedRows = 5000;
constexpr float kStampDeviations = 3;
constexpr std::size_t kLooks = 3;  // samples that measure the false alarms

std::vector<learn::Matrix> planes(const learn::Matrix& features, const ImageShape& image, unsigned threads) {
  if (learn::channels_of(image, features.columns()) > 0)
    return learn::planes_of(features, image, learn::kContrastFeaturesMax);
  std::vector<learn::Matrix> out;
  if (features.columns() <= learn::kContrastFeaturesMax) {
    out.push_back(features);
  } else if (Result<learn::Matrix> few = learn::compressed(features, kOtherDimensions, threads)) {
    out.push_back(std::move(*few));
  }
  return out;
}

Result<learn::ContrastRanking> rank(const std::vector<learn::Matrix>& planes, const learn::Classes& classes,
                                    unsigned threads) {
  learn::ContrastRanking out{.score = std::vector<double>(classes.of_row.size())};
  for (const learn::Matrix& plane : planes) {
    learn::ContrastRanking one = TRY(learn::rank_by_contrast(plane, classes, {.threads = threads}));
    for (std::size_t r = 0; r < out.score.size(); ++r) out.score[r] = std::max(out.score[r], one.score[r]);
    for (learn::PlantedGroup& group : one.groups) out.groups.push_back(std::move(group));
  }
  std::ranges::stable_sort(out.groups, std::greater<>(), &learn::PlantedGroup::distance);
  return out;
}

struct Disagreement {
  std::size_t rows = 0;
  std::size_t asked = 0;
};

// How many rows of the group their neighbours outside of the group take for another class.
Result<Disagreement> disagreement(const learn::PlantedGroup& group, const learn::Matrix& features,
                                  const learn::Classes& classes, const CheckOptions& options) {
  std::vector<bool> grouped(features.rows());
  for (const std::uint32_t row : group.rows) grouped[row] = true;
  learn::Random random(learn::derive_seed(options.seed, 7));
  std::vector<std::size_t> voters = random.sample(features.rows(), std::min(features.rows(), kVoteRowsMax));
  std::erase_if(voters, [&](std::size_t row) { return grouped[row]; });
  std::ranges::sort(voters);
  std::vector<std::uint32_t> class_of_voter;
  for (const std::size_t row : voters) class_of_voter.push_back(classes.of_row[row]);
  std::vector<std::size_t> asked(group.rows.begin(), group.rows.end());
  if (asked.size() > kGroupVotesMax) asked.resize(kGroupVotesMax);
  const learn::Neighbours found =
      TRY(learn::nearest(features.pick_rows(voters), features.pick_rows(asked),
                         {.count = kVoters, .features = {}, .threads = options.threads}));
  Disagreement out{.rows = 0, .asked = asked.size()};
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const std::uint32_t voted =
        learn::vote(found.of(i), class_of_voter, kVoters, [](std::uint32_t) { return true; });
    out.rows += voted == group.of_class ? 0 : 1;
  }
  return out;
}

// A pattern of our own planted in each class, in rows of other classes: how many classes then have a group
// that is mostly of planted rows.
struct Power {
  std::size_t tried = 0;  // classes
  std::size_t caught = 0;
};
Power power_of(const learn::Matrix& plane, float stamp, const learn::Classes& classes,
               const CheckOptions& options) {
  learn::Random random(learn::derive_seed(options.seed, 8));
  std::vector<std::size_t> rows = random.sample(plane.rows(), std::min(plane.rows(), kPlantedRows));
  std::ranges::sort(rows);
  learn::Matrix planted = plane.pick_rows(rows);
  learn::Classes relabelled{.names = classes.names, .of_row = {}};
  for (const std::size_t row : rows) relabelled.of_row.push_back(classes.of_row[row]);
  const std::vector<std::uint64_t> counts = relabelled.counts();
  std::vector<bool> is_planted(rows.size());
  std::size_t tried = 0;
  for (std::uint32_t of = 0; of < counts.size(); ++of) {
    const auto wanted = static_cast<std::size_t>(kPlantedShare * static_cast<double>(counts[of]));
    if (wanted < learn::ContrastOptions{}.group_min) continue;
    ++tried;
    const std::vector<std::size_t> where =
        random.sample(plane.columns(), std::min<std::size_t>(9, plane.columns()));
    std::size_t done = 0;
    for (std::size_t i = 0; i < 20 * wanted && done < wanted; ++i) {
      const std::size_t row = random.below(rows.size());
      if (is_planted[row] || relabelled.of_row[row] == of) continue;
      is_planted[row] = true;
      relabelled.of_row[row] = of;
      ++done;
      for (const std::size_t column : where) planted.row(row)[column] = stamp;
    }
  }
  if (tried == 0) return {};
  const Result<learn::ContrastRanking> found =
      learn::rank_by_contrast(planted, relabelled, {.threads = options.threads});
  if (!found) return {};
  std::vector<bool> caught(counts.size());
  for (const learn::PlantedGroup& group : found->groups) {
    const auto hits = std::ranges::count_if(group.rows, [&](std::uint32_t row) { return is_planted[row]; });
    if (2 * static_cast<std::size_t>(hits) > group.rows.size()) caught[group.of_class] = true;
  }
  return {tried, static_cast<std::size_t>(std::ranges::count(caught, true))};
}

bool is_reported(const Disagreement& other, bool pictures) {
  return pictures || static_cast<double>(other.rows) >= kDisagree * static_cast<double>(other.asked);
}

struct Looks {
  std::size_t of_classes = 0;
  std::size_t alarms = 0;
};

// Samples of the rows that were not reported, looked at as the whole was: how often a class has a group all
// the same.
Result<Looks> looks_at_others(const std::vector<learn::Matrix>& planes, const learn::Matrix& features,
                              const learn::Classes& classes, const std::vector<bool>& suspect, bool pictures,
                              const CheckOptions& options) {
  std::vector<std::size_t> others;
  for (std::size_t row = 0; row < suspect.size(); ++row) {
    if (!suspect[row]) others.push_back(row);
  }
  Looks out;
  const std::size_t count = std::min(others.size() / 2, kPlantedRows);
  for (std::size_t look = 0; look < kLooks && count >= classes.names.size(); ++look) {
    learn::Random random(learn::derive_seed(options.seed, 30 + look));
    std::vector<std::size_t> rows;
    for (const std::size_t i : random.sample(others.size(), count)) rows.push_back(others[i]);
    std::vector<learn::Matrix> some;
    for (const learn::Matrix& plane : planes) some.push_back(plane.pick_rows(rows));
    learn::Classes given{.names = classes.names, .of_row = {}};
    for (const std::size_t row : rows) given.of_row.push_back(classes.of_row[row]);
    const learn::ContrastRanking ranking = TRY(rank(some, given, options.threads));
    const learn::Matrix here = features.pick_rows(rows);
    std::vector<bool> alarmed(classes.names.size());
    for (const learn::PlantedGroup& group : ranking.groups) {
      if (alarmed[group.of_class]) continue;
      alarmed[group.of_class] = is_reported(TRY(disagreement(group, here, given, options)), pictures);
    }
    out.of_classes += alarmed.size();
    out.alarms += static_cast<std::size_t>(std::ranges::count(alarmed, true));
  }
  return out;
}

std::string deviations(double distance) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", distance);
  return std::string(text) + " robust deviations";
}

}  // namespace

bool has_labelled_features(const Dataset& data, const CheckOptions&) {
  return data.find(data.roles.label) != nullptr && !data.feature_columns().empty() && data.rows() > 0;
}

Result<Outcome> check_planted(const Dataset& data, const CheckOptions& options) {
  const learn::Classes classes = TRY(learn::classes_of(data));
  const learn::Matrix features = TRY(learn::encoded_features(data));
  const std::vector<learn::Matrix> all = planes(features, data.image, options.threads);
  const learn::ContrastRanking ranking = TRY(rank(all, classes, options.threads));
  const bool pictures = learn::channels_of(data.image, features.columns()) > 0;
  Outcome out;
  out.verdict.threats = {"analysis-feature-backdoor", "acq-source-poisoning"};
  out.verdict.looks_for =
      "a minority of a class that shares a pattern which the other classes lack (stamp, stripes, blend), "
      "with "
      "wrong labels or right ones";
  std::vector<bool> suspect(data.rows());
  std::vector<bool> told(classes.names.size());
  for (const learn::PlantedGroup& group : ranking.groups) {
    const Disagreement other = TRY(disagreement(group, features, classes, options));
    if (!is_reported(other, pictures)) continue;
    for (const std::uint32_t row : group.rows) suspect[row] = true;
    out.verdict.verdict = Verdict::kWarn;
    if (told[group.of_class]) continue;
    told[group.of_class] = true;
    out.verdict.findings.push_back(
        std::to_string(group.rows.size()) + " rows of label " + classes.names[group.of_class] +
        " share a pattern " + deviations(group.distance) + " away from their class; without them " +
        std::to_string(other.rows) + " of " + std::to_string(other.asked) + " look like another class");
  }
  std::uint64_t count = 0;
  for (std::size_t row = 0; row < data.rows(); ++row) {
    count += suspect[row] ? 1 : 0;
    out.rows.push_back({.row = row,
                        .guard = {},
                        .score = ranking.score[row],
                        .message = "stands " + deviations(ranking.score[row]) + " from label " +
                                   classes.names[classes.of_row[row]] + " along what other labels lack",
                        .suspect = suspect[row]});
  }
  set_rate(out.verdict, count, data.rows());
  if (!all.empty()) {
    const float stamp = pictures ? static_cast<float>(data.image.max_value) : kStampDeviations;
    const Power power = power_of(all.front(), stamp, classes, options);
    if (power.tried > 0) {
      out.verdict.power = static_cast<double>(power.caught) / static_cast<double>(power.tried);
      out.verdict.power_n = power.tried;
    }
  }
  if (!out.verdict.power)
    out.verdict.unmeasured = "no label has rows enough for a pattern of our own to be planted in";
  const Looks looks = TRY(looks_at_others(all, features, classes, suspect, pictures, options));
  if (looks.of_classes > 0) {
    out.verdict.false_positive_rate =
        static_cast<double>(looks.alarms) / static_cast<double>(looks.of_classes);
    out.verdict.false_positive_n = looks.of_classes;
  } else if (out.verdict.unmeasured.empty()) {
    out.verdict.unmeasured = "too few rows to look at samples of them again";
  }
  out.verdict.effect = "9 features set alike on rows of other labels, a tenth of each label";
  return out;
}

}  // namespace sallyport::services::data_check
