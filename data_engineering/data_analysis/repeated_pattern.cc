// Finds a trigger: a rare pattern of features that keeps coming back with one label, on rows that belong
// elsewhere.
//
// Patterns are mined first. In an image a pattern is the ink of a 2 x 2 window in a few levels; in another
// table it is the exact value of a column, or of two. One that is rare, and whose rows have almost all one
// label where chance would give them many, is a candidate. Genuine strokes make candidates too: a class that
// inks a corner is rare there and pure. So each candidate is confirmed or cleared by neighbours that are
// sought with the pattern masked out: what is left of a genuine row is still of its class, what is left of a
// stamped one is not.
//
// Missed: a trigger on rows that have the trigger's label by right (clean-label), one blended over the whole
// image, one whose values vary from row to row, and one on fewer rows than the printed effect.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <mutex>
#include <set>

#include "core/guard.h"
#include "core/limits.h"
#include "core/parallel.h"
#include "learn/product.h"
#include "learn/random.h"
#include "learn/row_sample.h"
#include "learn/sample_fold.h"
#include "learn/spectral.h"
#include "learn/statistics.h"
#include "learn/votes.h"

namespace sallyport::data_engineering::data_analysis {

extern const Guard repeated_pattern;

namespace {

constexpr Parameter kParameters[] = {
    {"alpha", 0.01, "probability of a finding in a data set without a trigger, over all patterns together"},
    {"purity", 0.9, "share of a pattern's rows that have one label, at least"},
    {"support_share", 0.1, "share of all rows that have the pattern, at most"},
    {"disagreement", 0.5, "share of a pattern's rows whose masked neighbours must have another label"},
    {"levels", 4, "levels of ink that a pixel of a pattern is told apart in"},
    {"voters", 11, "neighbours that vote on a row, 64 at most"},
    {"rows_max", 10000, "rows that are judged; more are sampled by row number"},
    {"sample_seed", 0, "chooses that sample; keep it from whoever supplies data"},
};

// Beyond this many columns a table that is no image is searched for single values only.
constexpr std::size_t kPairColumnsMax = 64;
// Candidates that are confirmed, the most surprising first.
constexpr std::size_t kCandidatesMax = 2000;

// What measures the rate of false findings.
constexpr std::size_t kLooks = 5;
constexpr std::size_t kLookRows = 600;
constexpr std::size_t kLookRowsMin = 50;

struct Candidate {
  std::vector<std::size_t> columns;  // of the feature matrix
  std::vector<std::size_t> rows;     // with the pattern and the label
  std::uint32_t label = 0;
  std::size_t support = 0;
  double log_p = 0;  // of so many equal labels by chance
  std::size_t disagreeing = 0;
};

// Which columns are looked at together.
std::vector<std::vector<std::size_t>> windows_of(const ImageShape& image, std::size_t columns) {
  std::vector<std::vector<std::size_t>> out;
  const auto height = static_cast<std::size_t>(std::max(0, image.height));
  const auto width = static_cast<std::size_t>(std::max(0, image.width));
  if (height * width == columns && height > 1 && width > 1) {
    for (std::size_t row = 0; row + 1 < height; ++row) {
      for (std::size_t column = 0; column + 1 < width; ++column) {
        const std::size_t at = row * width + column;
        out.push_back({at, at + 1, at + width, at + width + 1});
      }
    }
    return out;
  }
  for (std::size_t i = 0; i < columns; ++i) {
    out.push_back({i});
    for (std::size_t j = i + 1; j < columns && columns <= kPairColumnsMax; ++j) out.push_back({i, j});
  }
  return out;
}

class Miner {
 public:
  Miner(const learn::RowSample& sample, const learn::Matrix& features, const learn::Classes& classes,
        const Parameters& parameters)
      : sample_(sample),
        features_(features),
        classes_(classes),
        totals_(classes.counts()),
        parameters_(parameters) {}

  // Patterns with more rows of one label than chance gives them, the least likely first.
  std::vector<Candidate> mine() {
    std::vector<Candidate> out;
    for (const std::vector<std::size_t>& window : windows_of(sample_.rows.image, features_.columns())) {
      mine_window(window, out);
    }
    const double level =
        std::log(parameters_.get("alpha") / static_cast<double>(std::max<std::size_t>(1, tested_)));
    std::erase_if(out, [&](const Candidate& candidate) { return candidate.log_p > level; });
    std::stable_sort(out.begin(), out.end(),
                     [](const Candidate& a, const Candidate& b) { return a.log_p < b.log_p; });
    if (out.size() > kCandidatesMax) out.resize(kCandidatesMax);
    return out;
  }

  // Patterns that occur more than once, candidates or not: each was a chance to be wrong.
  std::size_t tested() const { return tested_; }

 private:
  std::uint64_t code_of(std::size_t row, const std::vector<std::size_t>& window, double levels) const {
    const bool is_image = sample_.rows.image.max_value > 0;
    std::uint64_t code = 0;
    for (const std::size_t column : window) {
      const float value = features_.at(row, column);
      std::uint32_t item = 0;
      if (is_image) {
        const double scaled = static_cast<double>(value) / sample_.rows.image.max_value * levels;
        item = static_cast<std::uint32_t>(std::clamp(scaled, 0.0, levels - 1));
      } else {
        std::memcpy(&item, &value, sizeof item);
      }
      code = is_image ? code * 256 + item : (code << 32) + item;
    }
    return code;
  }

  void mine_window(const std::vector<std::size_t>& window, std::vector<Candidate>& out) {
    const std::size_t rows = features_.rows();
    std::vector<std::pair<std::uint64_t, std::size_t>> coded(rows);
    const double levels = parameters_.get("levels");
    for (std::size_t row = 0; row < rows; ++row) coded[row] = {code_of(row, window, levels), row};
    std::sort(coded.begin(), coded.end());
    const auto support_max =
        static_cast<std::size_t>(parameters_.get("support_share") * static_cast<double>(rows));
    for (std::size_t begin = 0; begin < rows;) {
      std::size_t end = begin;
      while (end < rows && coded[end].first == coded[begin].first) ++end;
      if (end - begin > 1 && end - begin <= support_max) {
        ++tested_;
        consider(window, std::span(coded).subspan(begin, end - begin), out);
      }
      begin = end;
    }
  }

  void consider(const std::vector<std::size_t>& window,
                std::span<const std::pair<std::uint64_t, std::size_t>> group, std::vector<Candidate>& out) {
    std::map<std::uint32_t, std::size_t> counts;
    for (const auto& [code, row] : group) ++counts[classes_.of_row[row]];
    const auto top = std::max_element(counts.begin(), counts.end(),
                                      [](const auto& a, const auto& b) { return a.second < b.second; });
    if (static_cast<double>(top->second) < parameters_.get("purity") * static_cast<double>(group.size()))
      return;
    const double share = static_cast<double>(totals_[top->first]) / static_cast<double>(features_.rows());
    const double p = learn::binomial_upper_tail(top->second, group.size(), share);
    Candidate candidate{.columns = window,
                        .rows = {},
                        .label = top->first,
                        .support = group.size(),
                        .log_p = std::log(std::max(p, 1e-300))};
    for (const auto& [code, row] : group) {
      if (classes_.of_row[row] == top->first) candidate.rows.push_back(row);
    }
    out.push_back(std::move(candidate));
  }

  const learn::RowSample& sample_;
  const learn::Matrix& features_;
  const learn::Classes& classes_;
  const std::vector<std::uint64_t> totals_;
  const Parameters& parameters_;
  std::size_t tested_ = 0;
};

// Asks the neighbours of every row for its class: once with all features, which says how often those of an
// ordinary row disagree with its label, and once more for each candidate that the row is of, without the
// candidate's columns. Distances are measured once, and what the columns add to them is taken off again.
class Poll {
 public:
  Poll(const learn::Matrix& features, const learn::Classes& classes, std::vector<Candidate>& candidates,
       std::size_t voters)
      : features_(features),
        classes_(classes),
        candidates_(candidates),
        voters_(voters),
        candidates_of_(features.rows()),
        squares_(features.rows()),
        ranges_(features.columns()) {
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (candidates[i].columns.size() == features.columns()) continue;  // nothing would be left
      for (const std::size_t row : candidates[i].rows) candidates_of_[row].push_back(i);
    }
    std::vector<float> least(features.columns(), std::numeric_limits<float>::infinity());
    std::vector<float> most(features.columns(), -std::numeric_limits<float>::infinity());
    for (std::size_t row = 0; row < features.rows(); ++row) {
      for (std::size_t j = 0; j < features.columns(); ++j) {
        const float value = features.at(row, j);
        squares_[row] += value * value;
        least[j] = std::min(least[j], value);
        most[j] = std::max(most[j], value);
      }
    }
    for (std::size_t j = 0; j < ranges_.size(); ++j) ranges_[j] = most[j] - least[j];
  }

  // Sets `disagreeing` of each candidate, and gives the share of ordinary rows of each class.
  std::vector<double> run() {
    std::vector<double> disagreeing(classes_.names.size(), 1);
    std::vector<double> all(classes_.names.size(), 2);
    for (const std::uint32_t label : classes_.of_row) all[label] += 1;
    std::mutex mutex;
    constexpr std::size_t kRowsInBlock = 256;
    parallel_for((features_.rows() + kRowsInBlock - 1) / kRowsInBlock, [&](std::size_t block) {
      std::vector<std::size_t> rows;
      for (std::size_t row = block * kRowsInBlock; row < (block + 1) * kRowsInBlock; ++row) {
        if (row < features_.rows()) rows.push_back(row);
      }
      const learn::Matrix products = learn::row_products(features_.pick_rows(rows), features_, 1);
      std::vector<std::size_t> of_candidate(candidates_.size());
      std::vector<std::size_t> of_class(classes_.names.size());
      for (std::size_t i = 0; i < rows.size(); ++i) ask(rows[i], products.row(i), of_candidate, of_class);
      const std::scoped_lock lock(mutex);
      for (std::size_t i = 0; i < of_candidate.size(); ++i) candidates_[i].disagreeing += of_candidate[i];
      for (std::size_t i = 0; i < of_class.size(); ++i) disagreeing[i] += static_cast<double>(of_class[i]);
    });
    for (std::size_t i = 0; i < all.size(); ++i) disagreeing[i] /= all[i];
    return disagreeing;
  }

 private:
  // `products` are the row's scalar products with all rows.
  void ask(std::size_t row, std::span<const float> products, std::vector<std::size_t>& of_candidate,
           std::vector<std::size_t>& of_class) const {
    std::vector<learn::Neighbour> near;
    near.reserve(products.size());
    for (std::size_t other = 0; other < products.size(); ++other) {
      const float squared = squares_[row] + squares_[other] - 2 * products[other];
      if (other != row) near.push_back({static_cast<std::uint32_t>(other), std::max(0.0F, squared)});
    }
    of_class[classes_.of_row[row]] += vote(near) == classes_.of_row[row] ? 0 : 1;
    if (candidates_of_[row].empty() || near.empty()) return;
    // Without its columns no distance shrinks by more than their ranges allow; the others are out of reach.
    float reach = 0;
    for (const std::size_t i : candidates_of_[row]) {
      float most = 0;
      for (const std::size_t column : candidates_[i].columns) most += ranges_[column] * ranges_[column];
      reach = std::max(reach, most);
    }
    reach += near[std::min(voters_, near.size()) - 1].squared_distance;
    std::erase_if(near, [&](const learn::Neighbour& other) { return other.squared_distance > reach; });
    std::vector<learn::Neighbour> masked(near.size());
    for (const std::size_t i : candidates_of_[row]) {
      for (std::size_t k = 0; k < near.size(); ++k) {
        float left = near[k].squared_distance;
        for (const std::size_t column : candidates_[i].columns) {
          const float apart = features_.at(row, column) - features_.at(near[k].row, column);
          left -= apart * apart;
        }
        masked[k] = {near[k].row, std::max(0.0F, left)};
      }
      of_candidate[i] += vote(masked) == candidates_[i].label ? 0 : 1;
    }
  }

  std::uint32_t vote(std::vector<learn::Neighbour>& near) const {
    const auto count = static_cast<std::ptrdiff_t>(std::min(voters_, near.size()));
    std::partial_sort(near.begin(), near.begin() + count, near.end());
    return learn::vote(near, classes_.of_row, voters_, [](std::uint32_t) { return true; });
  }

  const learn::Matrix& features_;
  const learn::Classes& classes_;
  std::vector<Candidate>& candidates_;
  std::size_t voters_;
  std::vector<std::vector<std::size_t>> candidates_of_;  // of each row
  std::vector<float> squares_;                           // the squared length of each row
  std::vector<float> ranges_;                            // of each column
};

std::string names_of(const Dataset& rows, const std::vector<std::size_t>& columns) {
  const std::vector<std::size_t> features = rows.feature_columns();
  std::string out;
  for (const std::size_t column : columns)
    out += (out.empty() ? "" : ", ") + rows.columns[features[column]].name;
  return out;
}

// Windows that overlap a trigger find the same rows again; the rows of a pattern are reported once.
void report(const learn::RowSample& sample, const learn::Classes& classes,
            const std::vector<Candidate>& confirmed, std::set<std::size_t>& reported,
            std::vector<Finding>& findings) {
  for (const Candidate& candidate : confirmed) {
    const auto is_new = [&](std::size_t row) { return !reported.contains(row); };
    const auto fresh = std::count_if(candidate.rows.begin(), candidate.rows.end(), is_new);
    if (2 * static_cast<std::size_t>(fresh) < candidate.rows.size()) continue;
    const std::string& label = classes.names[candidate.label];
    findings.push_back(
        {.severity = Severity::kHigh,
         .where = {.path = sample.rows.name, .column = names_of(sample.rows, candidate.columns)},
         .message = "a pattern that " + std::to_string(candidate.support) + " of " +
                    std::to_string(sample.numbers.size()) + " rows share comes with label " + label + " " +
                    std::to_string(candidate.rows.size()) + " times; without it " +
                    std::to_string(candidate.disagreeing) + " of those rows look like another class",
         .remedy = "leave the rows out, find the step that made them, and train again"});
    for (const std::size_t row : candidate.rows) {
      if (!reported.insert(row).second || findings.size() >= limits::kFindingsPerGuardMax) continue;
      findings.push_back({.severity = Severity::kHigh,
                          .confidence = Confidence::kMedium,
                          .where = {.path = sample.rows.name, .row = sample.numbers[row]},
                          .message = "carries a suspected trigger with label " + label});
    }
  }
}

struct Confirmation {
  std::vector<Candidate> confirmed;
  std::size_t candidates = 0;
  std::size_t tested = 0;
  double base = 0;  // ordinary disagreement, the largest of any class
};

Result<Confirmation> search(const learn::RowSample& sample, const learn::Classes& classes,
                            const Parameters& parameters) {
  const auto voters = static_cast<std::size_t>(std::clamp(parameters.get("voters"), 1.0, 64.0));
  const learn::Matrix raw = TRY(learn::features_of(sample.rows, learn::Missing::kMedian));
  const learn::Matrix features = TRY(learn::comparable_features(sample.rows));
  Miner miner(sample, raw, classes, parameters);
  std::vector<Candidate> candidates = miner.mine();
  const std::vector<double> base = Poll(features, classes, candidates, voters).run();
  Confirmation out{.confirmed = {},
                   .candidates = candidates.size(),
                   .tested = miner.tested(),
                   .base = *std::max_element(base.begin(), base.end())};
  const double level =
      parameters.get("alpha") / static_cast<double>(std::max<std::size_t>(1, candidates.size()));
  for (Candidate& candidate : candidates) {
    const std::size_t rows = candidate.rows.size();
    if (static_cast<double>(candidate.disagreeing) <
        parameters.get("disagreement") * static_cast<double>(rows))
      continue;
    if (learn::binomial_upper_tail(candidate.disagreeing, rows, base[candidate.label]) > level) continue;
    out.confirmed.push_back(std::move(candidate));
  }
  return out;
}

// The fewest rows of one label that mining would notice, and how likely their neighbours are to give them
// away.
Statistic power_of(const Confirmation& found, std::size_t rows, std::size_t classes,
                   const Parameters& parameters) {
  const double level = parameters.get("alpha") / static_cast<double>(std::max<std::size_t>(1, found.tested));
  const double share = 1.0 / static_cast<double>(classes);
  std::uint64_t fewest = 2;
  while (std::pow(share, static_cast<double>(fewest)) > level) ++fewest;
  const auto needed =
      static_cast<std::uint64_t>(std::ceil(parameters.get("disagreement") * static_cast<double>(fewest)));
  return {.name = "patterns confirmed as triggers",
          .value = static_cast<double>(found.confirmed.size()),
          .sample_size = found.tested,
          .power = learn::binomial_upper_tail(needed, fewest, 1 - found.base),
          .effect = "one pattern on " + std::to_string(fewest) + " of " + std::to_string(rows) +
                    " rows of other classes, all relabelled to one"};
}

// Samples of the rows that were not reported, searched as the whole was: how often something is found there
// all the same.
Result<void> measure_alarms(const learn::RowSample& sample, const std::set<std::size_t>& reported,
                            const Parameters& parameters, Statistic& statistic) {
  std::vector<std::size_t> others;
  for (std::size_t row = 0; row < sample.numbers.size(); ++row) {
    if (!reported.contains(row)) others.push_back(row);
  }
  const std::size_t count = std::min(others.size() / 2, kLookRows);
  if (count < kLookRowsMin) return {};
  learn::Random random(0x100c);
  double alarms = 0;
  for (std::size_t look = 0; look < kLooks; ++look) {
    std::vector<std::size_t> rows;
    for (const std::size_t i : random.sample(others.size(), count)) rows.push_back(others[i]);
    learn::RowSample some{.seen = count, .rows_max = count, .rows = sample.rows.pick(rows), .numbers = {}};
    some.numbers.assign(rows.begin(), rows.end());
    const learn::Classes classes = TRY(learn::classes_of(some.rows));
    if (classes.names.size() < 2) continue;
    alarms += TRY(search(some, classes, parameters)).confirmed.empty() ? 0 : 1.0 / kLooks;
  }
  statistic.false_positive_rate = alarms;
  statistic.effect += "; false alarms in " + std::to_string(kLooks) + " samples of " + std::to_string(count) +
                      " rows that were not reported";
  return {};
}

// Tran, Li and Madry 2018: within a class, poisoned rows stand out along the direction of largest variance.
Statistic spectral_score(const learn::Matrix& features, const learn::Classes& classes,
                         const std::set<std::size_t>& reported) {
  std::vector<double> bad;
  std::vector<double> clean;
  for (std::uint32_t label = 0; label < classes.names.size(); ++label) {
    std::vector<std::size_t> rows;
    bool has_reported = false;
    for (std::size_t row = 0; row < classes.of_row.size(); ++row) {
      if (classes.of_row[row] != label) continue;
      rows.push_back(row);
      has_reported = has_reported || reported.contains(row);
    }
    if (!has_reported) continue;
    const std::vector<double> scores = learn::spectral_scores(features.pick_rows(rows));
    for (std::size_t i = 0; i < rows.size(); ++i)
      (reported.contains(rows[i]) ? bad : clean).push_back(scores[i]);
  }
  return {.name = "spectral signature of the reported rows, area under the ROC within their class",
          .value = bad.empty() || clean.empty() ? 0.5 : learn::area_under_roc(bad, clean),
          .sample_size = bad.size() + clean.size()};
}

Result<Examination> judge(const std::any& summary, const Contract&, const Parameters& parameters) {
  const learn::RowSample sample = TRY(learn::settled(std::any_cast<const learn::RowSample&>(summary)));
  const learn::Classes classes = TRY(learn::classes_of(sample.rows));
  if (classes.names.size() < 2) {
    return invalid("data set " + sample.rows.name + ": fewer than two classes",
                   "a trigger is told by the class that it does not belong to");
  }
  const Confirmation found = TRY(search(sample, classes, parameters));
  Examination out;
  std::set<std::size_t> reported;
  report(sample, classes, found.confirmed, reported, out.findings);
  out.statistics.push_back(power_of(found, sample.numbers.size(), classes.names.size(), parameters));
  TRY(measure_alarms(sample, reported, parameters, out.statistics.back()));
  out.statistics.push_back({.name = "candidates cleared by masked neighbours",
                            .value = static_cast<double>(found.candidates - found.confirmed.size()),
                            .sample_size = found.candidates});
  if (!reported.empty()) {
    out.statistics.push_back(spectral_score(TRY(learn::comparable_features(sample.rows)), classes, reported));
  }
  out.statistics.push_back(
      {.name = "rows judged",
       .value = static_cast<double>(sample.numbers.size()) / static_cast<double>(sample.seen),
       .sample_size = sample.seen});
  return out;
}

}  // namespace

const Guard repeated_pattern{
    .id = "repeated_pattern",
    .threats = {"analysis-feature-backdoor"},
    .summary = "a rare pattern of features that ties rows of other classes to one label",
    .looks_for =
        "2 x 2 windows of ink, or values of one or two columns, repeated with one label on rows whose masked "
        "neighbours have another",
    .parameters = kParameters,
    .dataset = {.summarise = learn::summarise_sample, .merge = learn::merge_samples, .judge = judge},
};

}  // namespace sallyport::data_engineering::data_analysis
