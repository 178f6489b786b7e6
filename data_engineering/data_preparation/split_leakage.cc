// Finds rows of one split that stand in the other: exactly, edited a little, or through the one they
// describe.
//
// The judged data set is the test split, the reference the training split. Whole rows are joined by SHA-256
// of their contents, once verbatim and once with case and spacing folded; ids and groups by their names.
// Texts that were edited further are found by MinHash and decided by their exact Jaccard similarity. Images
// are compared in every shift up to `shift` pixels by their largest difference in any pixel: one level of
// noise moves an 8 x 8 digit by up to 8 in Euclidean distance, further than the closest different digits
// stand apart (5.3), but by 1 level in its worst pixel, where different digits differ by at least 3.
//
// A table of few values repeats itself: equal rows are held to the rate at which training rows equal one
// another, and are reported with low severity when the test split has no more of them.
//
// Missed: copies of numeric rows with noise, images that are scaled, rotated or noisier than `tolerance`,
// paraphrases.
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "core/guard.h"
#include "core/limits.h"
#include "core/parallel.h"
#include "learn/minhash.h"
#include "learn/row_digest.h"
#include "learn/row_sample.h"
#include "learn/shifted.h"
#include "learn/statistics.h"

namespace sallyport::data_engineering::data_preparation {

extern const Guard split_leakage;

namespace {

constexpr Parameter kParameters[] = {
    {"tolerance", 0.094,
     "difference in every pixel up to which two images are copies, as a share of the range"},
    {"shift", 1, "pixels by which a copy of an image may be shifted"},
    {"jaccard", 0.8, "similarity of the 5-byte shingles from which on two texts are copies"},
    {"alpha", 0.001, "probability of calling equal rows leaked that are as common within training"},
    {"rows_max", 20000, "rows a side that are compared for near copies; more are sampled by row number"},
    {"sample_seed", 0, "chooses that sample; keep it from whoever makes the split"},
};

// Training rows that are held against the others, to see how close different rows come by themselves.
constexpr std::size_t kOrdinaryRows = 300;

struct Entry {
  learn::RowDigest content;
  learn::RowDigest folded;
  learn::RowDigest id;
  learn::RowDigest group;
  std::uint64_t number;
  double time_number;
  std::string time_text;
};

struct Split {
  std::vector<Entry> entries;
  learn::RowSample sample;
  bool has_id = true;
  bool has_group = true;
  bool has_time = true;
};

struct Summary {
  Split test;
  Split train;
};

bool has(const Dataset& data, const std::string& role) { return data.find(role) != nullptr; }

Result<std::any> summarise(const Dataset& shard, Side side, const Contract&, const Parameters& parameters) {
  const auto rows_max = static_cast<std::size_t>(parameters.get("rows_max"));
  const auto seed = static_cast<std::uint64_t>(parameters.get("sample_seed"));
  Split split{.entries = {},
              .sample = learn::sample_rows(shard, rows_max, seed),
              .has_id = has(shard, shard.roles.id),
              .has_group = has(shard, shard.roles.group),
              .has_time = has(shard, shard.roles.time)};
  const std::vector<learn::RowDigest> content = learn::row_digests(shard, learn::TextForm::kVerbatim);
  const std::vector<learn::RowDigest> folded = learn::row_digests(shard, learn::TextForm::kFolded);
  const std::vector<std::string> ids = shard.ids();
  const std::vector<std::string> groups = learn::cell_texts(shard.find(shard.roles.group));
  const Column* time = shard.find(shard.roles.time);
  for (std::size_t row = 0; row < shard.rows(); ++row) {
    split.entries.push_back(
        {.content = content[row],
         .folded = folded[row],
         .id = learn::row_digest(ids[row]),
         .group = split.has_group ? learn::row_digest(groups[row]) : learn::RowDigest{},
         .number = shard.first_row + row,
         .time_number = time != nullptr && time->numeric ? time->numbers[row] : 0,
         .time_text = time != nullptr && !time->numeric ? time->texts[row] : std::string()});
  }
  Summary out;
  out.test.sample = out.train.sample = {.rows_max = rows_max, .seed = seed};
  (side == Side::kData ? out.test : out.train) = std::move(split);
  return std::any(std::move(out));
}

Split merged(Split a, Split b) {
  a.entries.insert(a.entries.end(), std::make_move_iterator(b.entries.begin()),
                   std::make_move_iterator(b.entries.end()));
  a.sample = learn::merge(std::move(a.sample), std::move(b.sample));
  a.has_id = a.has_id && b.has_id;
  a.has_group = a.has_group && b.has_group;
  a.has_time = a.has_time && b.has_time;
  return a;
}

std::any merge(std::any a, std::any b) {
  Summary x = std::any_cast<Summary>(std::move(a));
  Summary y = std::any_cast<Summary>(std::move(b));
  return Summary{merged(std::move(x.test), std::move(y.test)),
                 merged(std::move(x.train), std::move(y.train))};
}

// The lowest training row of each value of a member, so that a finding names the same row in any sharding.
std::map<learn::RowDigest, std::uint64_t> first_rows(const Split& split, learn::RowDigest Entry::*member) {
  std::map<learn::RowDigest, std::uint64_t> out;
  for (const Entry& entry : split.entries) {
    const auto [at, is_new] = out.emplace(entry.*member, entry.number);
    if (!is_new) at->second = std::min(at->second, entry.number);
  }
  return out;
}

// Training rows that equal another one under another id.
std::uint64_t repeated_rows(const Split& train) {
  std::map<learn::RowDigest, std::pair<std::uint64_t, std::set<learn::RowDigest>>> groups;
  for (const Entry& entry : train.entries) {
    auto& [count, ids] = groups[entry.content];
    ++count;
    ids.insert(entry.id);
  }
  std::uint64_t out = 0;
  for (const auto& [content, group] : groups) out += group.second.size() > 1 ? group.first : 0;
  return out;
}

class Search {
 public:
  Search(Split test, Split train, const Parameters& parameters)
      : test_(std::move(test)), train_(std::move(train)), parameters_(parameters) {
    std::sort(test_.entries.begin(), test_.entries.end(),
              [](const Entry& a, const Entry& b) { return a.number < b.number; });
  }

  void equal_rows() {
    const auto contents = first_rows(train_, &Entry::content);
    const auto folded = first_rows(train_, &Entry::folded);
    const auto ids = first_rows(train_, &Entry::id);
    std::vector<std::pair<std::uint64_t, std::uint64_t>> equal;
    for (const Entry& entry : test_.entries) {
      if (const auto at = contents.find(entry.content); at != contents.end()) {
        equal.emplace_back(entry.number, at->second);
      } else if (const auto like = folded.find(entry.folded); like != folded.end()) {
        add(entry.number, Severity::kHigh,
            "equals training row " + std::to_string(like->second) + " but for case and spacing");
      } else if (const auto same = ids.find(entry.id); test_.has_id && train_.has_id && same != ids.end()) {
        add(entry.number, Severity::kHigh, "has the id of training row " + std::to_string(same->second));
      }
    }
    const std::uint64_t repeated = repeated_rows(train_);
    const double rate =
        (static_cast<double>(repeated) + 1) / (static_cast<double>(train_.entries.size()) + 2);
    const bool common = repeated > 0 && learn::binomial_upper_tail(equal.size(), test_.entries.size(), rate) >
                                            parameters_.get("alpha");
    for (const auto& [row, of] : equal) {
      add(row, common ? Severity::kLow : Severity::kHigh,
          "equals training row " + std::to_string(of) +
              (common ? ", as often as training rows equal each other" : ""));
    }
  }

  // One group's rows belong on one side: they describe the same person, page or device.
  void shared_groups() {
    if (!test_.has_group || !train_.has_group) return;
    const auto groups = first_rows(train_, &Entry::group);
    std::uint64_t shared = 0;
    for (const Entry& entry : test_.entries) shared += groups.contains(entry.group) ? 1 : 0;
    if (shared == 0) return;
    out_.findings.push_back({.severity = Severity::kHigh,
                             .where = {.path = name(), .column = test_.sample.rows.roles.group},
                             .message = std::to_string(shared) + " of " +
                                        std::to_string(test_.entries.size()) +
                                        " rows are of groups that training rows are of too",
                             .remedy = "split by group, so that all rows of one stand on one side"});
  }

  void time_order() {
    if (!test_.has_time || !train_.has_time || train_.entries.empty()) return;
    const auto key = [](const Entry& entry) { return std::tie(entry.time_number, entry.time_text); };
    const Entry& newest = *std::max_element(train_.entries.begin(), train_.entries.end(),
                                            [&](const Entry& a, const Entry& b) { return key(a) < key(b); });
    const auto older = std::count_if(test_.entries.begin(), test_.entries.end(),
                                     [&](const Entry& entry) { return key(entry) < key(newest); });
    if (older == 0) return;
    out_.findings.push_back({.severity = Severity::kHigh,
                             .where = {.path = name(), .column = test_.sample.rows.roles.time},
                             .message = std::to_string(older) + " of " +
                                        std::to_string(test_.entries.size()) +
                                        " rows are older than the newest training row",
                             .remedy = "split by time: test on what came after all that was trained on"});
  }

  Result<void> near_texts() {
    const std::vector<std::string> train = texts_of(train_.sample.rows);
    const std::vector<std::string> test = texts_of(test_.sample.rows);
    if (train.empty() || test.empty()) return {};
    const double least = parameters_.get("jaccard");
    for (const learn::SimilarPair& pair : learn::similar_texts(sketches(train), sketches(test), least)) {
      char similarity[16];
      std::snprintf(similarity, sizeof similarity, "%.2f", pair.similarity);
      add(test_.sample.numbers[pair.query], Severity::kHigh,
          "is the text of training row " + std::to_string(train_.sample.numbers[pair.text]) +
              " edited: Jaccard similarity " + similarity);
    }
    return {};
  }

  Result<void> near_images() {
    const ImageShape& shape = test_.sample.rows.image;
    const std::size_t pixels = test_.sample.rows.feature_columns().size();
    if (shape.height <= 0 || shape.max_value <= 0 ||
        pixels != static_cast<std::size_t>(shape.height) * static_cast<std::size_t>(shape.width) ||
        train_.sample.rows.rows() == 0) {
      return {};
    }
    const learn::Matrix train = TRY(learn::features_of(train_.sample.rows, learn::Missing::kMedian));
    const learn::Matrix test = TRY(learn::features_of(test_.sample.rows, learn::Missing::kMedian));
    const learn::ShiftedDistance distance(shape, train, static_cast<int>(parameters_.get("shift")));
    const auto tolerance = static_cast<float>(parameters_.get("tolerance") * shape.max_value);
    const std::vector<learn::ClosestImage> closest = distance.closest(test);
    for (std::size_t i = 0; i < closest.size(); ++i) {
      const std::uint64_t row = test_.sample.numbers[i];
      if (closest[i].difference <= tolerance) {
        add(row, Severity::kHigh,
            "is training row " + std::to_string(train_.sample.numbers[closest[i].row]) +
                " again, up to a shift and " + number_text(closest[i].difference) + " levels in any pixel");
      }
      if (!found_.contains(row))
        margin_ = std::min(margin_, closest[i].difference / static_cast<float>(shape.max_value));
    }
    ordinary_images(distance, train, tolerance);
    compared_images_ = true;
    return {};
  }

  Examination finish() && {
    for (auto& [row, finding] : found_) {
      if (out_.findings.size() < limits::kFindingsPerGuardMax) out_.findings.push_back(std::move(finding));
    }
    const auto share = [](const Split& split) {
      return split.entries.empty() ? 1.0
                                   : static_cast<double>(split.sample.numbers.size()) /
                                         static_cast<double>(split.entries.size());
    };
    const learn::Interval interval = learn::clopper_pearson(found_.size(), test_.entries.size());
    Statistic leaked{.name = "test rows that stand in training",
                     .value = test_.entries.empty() ? 0
                                                    : static_cast<double>(found_.size()) /
                                                          static_cast<double>(test_.entries.size()),
                     .low = interval.low,
                     .high = interval.high,
                     .sample_size = test_.entries.size(),
                     .power = share(test_) * share(train_),
                     .effect = "one copy edited within the stated tolerances; an exact copy is always found",
                     .false_positive_rate = ordinary_rate_};
    out_.statistics.push_back(std::move(leaked));
    if (compared_images_) {
      out_.statistics.push_back({.name = "closest pair that is not reported, as a share of the range",
                                 .value = static_cast<double>(margin_),
                                 .sample_size = test_.sample.numbers.size()});
    }
    return std::move(out_);
  }

 private:
  const std::string& name() const { return test_.sample.rows.name; }

  // A row is reported once, for the strongest reason, which is looked for first.
  void add(std::uint64_t row, Severity severity, std::string message) {
    found_.emplace(row, Finding{.severity = severity,
                                .where = {.path = name(), .row = row},
                                .message = std::move(message),
                                .remedy = "leave the row out of the test split and measure again"});
  }

  // How often ordinary training rows would be taken for copies of one another: the false-positive rate on
  // this data.
  void ordinary_images(const learn::ShiftedDistance& distance, const learn::Matrix& train, float tolerance) {
    std::vector<std::size_t> rows(std::min(train.rows(), kOrdinaryRows));
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = i * train.rows() / rows.size();
    std::uint64_t close = 0;
    for (const learn::ClosestImage& image : distance.closest_others(rows))
      close += image.difference <= tolerance ? 1 : 0;
    if (!rows.empty()) ordinary_rate_ = static_cast<double>(close) / static_cast<double>(rows.size());
  }

  static std::vector<std::string> texts_of(const Dataset& rows) {
    std::vector<std::string> out;
    for (const Column& column : rows.columns) {
      if (column.numeric || rows.roles.covers(column.name)) continue;
      out.resize(rows.rows());
      for (std::size_t row = 0; row < out.size(); ++row) out[row] += learn::folded(column.texts[row]);
    }
    return out;
  }

  static std::vector<learn::TextSketch> sketches(const std::vector<std::string>& texts) {
    std::vector<learn::TextSketch> out(texts.size());
    parallel_for(texts.size(), [&](std::size_t i) { out[i] = learn::sketch_text(texts[i]); });
    return out;
  }

  Split test_;
  Split train_;
  const Parameters& parameters_;
  std::map<std::uint64_t, Finding> found_;
  Examination out_;
  bool compared_images_ = false;
  float margin_ = 1;
  std::optional<double> ordinary_rate_;
};

Result<Examination> judge(const std::any& any_summary, const Contract&, const Parameters& parameters) {
  Summary summary = std::any_cast<const Summary&>(any_summary);
  summary.test.sample = TRY(learn::settled(std::move(summary.test.sample)));
  summary.train.sample = TRY(learn::settled(std::move(summary.train.sample)));
  if (summary.train.entries.empty()) {
    return invalid("data set " + summary.test.sample.rows.name + ": no training split to hold it against",
                   "this guard compares the test split with the training split");
  }
  Search search(std::move(summary.test), std::move(summary.train), parameters);
  search.equal_rows();
  TRY(search.near_texts());
  TRY(search.near_images());
  search.shared_groups();
  search.time_order();
  return std::move(search).finish();
}

}  // namespace

const Guard split_leakage{
    .id = "split_leakage",
    .threats = {"split-leakage"},
    .summary = "training rows, or close copies of them, in the test split",
    .looks_for =
        "test rows equal to training rows, equal but for case and spacing, texts of nearly the same "
        "shingles, "
        "images within a shift and a level, shared ids and groups, rows older than training",
    .parameters = kParameters,
    .dataset = {.summarise = summarise, .merge = merge, .judge = judge, .relation = Relation::kTraining},
};

}  // namespace sallyport::data_engineering::data_preparation
