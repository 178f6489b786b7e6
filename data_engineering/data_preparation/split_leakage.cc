// Finds rows of one split that stand in the other: exactly, edited a little, or through the one they
// describe.
//
// The judged data set is the test split, the reference the training split. Whole rows are joined by SHA-256
// of their contents, once verbatim and once with case and spacing folded; ids and groups by their names.
// Texts that were edited further are found by MinHash and decided by their exact Jaccard similarity; a column
// whose values repeat is a category and no text. Images
// are compared in every shift up to `shift` pixels by their largest difference in any pixel: one level of
// noise moves an 8 x 8 digit by up to 8 in Euclidean distance, further than the closest different digits
// stand apart (5.3), but by 1 level in its worst pixel, where different digits differ by at least 3.
//
// A table of few values repeats itself: equal rows are held to the rate at which training rows equal one
// another, and are reported with low severity when the test split has no more of them.
//
// Beyond `entries_max` rows the exact joins are of a sample of contents, ids and groups, the same on both
// sides.
//
// Missed: copies of numeric rows with noise, images that are scaled, rotated or noisier than `tolerance`,
// paraphrases.
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <tuple>

#include "core/guard.h"
#include "core/limits.h"
#include "core/parallel.h"
#include "learn/digest_sample.h"
#include "learn/free_text.h"
#include "learn/minhash.h"
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
    {"entries_max", 1'000'000, "rows a side that are joined exactly; more are sampled by their contents"},
};

// Training rows that are held against the others, to see how close different rows come by themselves.
constexpr std::size_t kOrdinaryRows = 300;

struct Entry {
  learn::RowDigest content;
  learn::RowDigest folded;
  learn::RowDigest id;
  std::uint64_t number;
  double time_number;
  std::string time_text;
};
// Rows by another digest than their contents'.
struct Named {
  learn::RowDigest name;
  std::uint64_t number;
};

using Time = std::pair<double, std::string>;

struct Split {
  Split(std::size_t entries_max, learn::RowSample rows)
      : entries(entries_max, &Entry::folded),
        ids(entries_max, &Named::name),
        groups(entries_max, &Named::name),
        sample(std::move(rows)) {}

  learn::DigestSample<Entry> entries;
  learn::DigestSample<Named> ids;
  learn::DigestSample<Named> groups;
  learn::RowSample sample;
  std::optional<Time> newest = {};
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
  const auto entries_max = static_cast<std::size_t>(parameters.get("entries_max"));
  const auto seed = static_cast<std::uint64_t>(parameters.get("sample_seed"));
  const learn::RowSample none{.rows_max = rows_max, .seed = seed};
  Summary out{Split(entries_max, none), Split(entries_max, none)};
  Split& split = side == Side::kData ? out.test : out.train;
  split.sample = learn::sample_rows(shard, rows_max, seed);
  split.has_id = has(shard, shard.roles.id);
  split.has_group = has(shard, shard.roles.group);
  split.has_time = has(shard, shard.roles.time);
  const std::vector<learn::RowDigest> content = learn::row_digests(shard, learn::TextForm::kVerbatim);
  const std::vector<learn::RowDigest> folded = learn::row_digests(shard, learn::TextForm::kFolded);
  const std::vector<std::string> ids = shard.ids();
  const std::vector<std::string> groups = learn::cell_texts(shard.find(shard.roles.group));
  const Column* time = shard.find(shard.roles.time);
  for (std::size_t row = 0; row < shard.rows(); ++row) {
    const std::uint64_t number = shard.first_row + row;
    Time when{time != nullptr && time->numeric ? time->numbers[row] : 0,
              time != nullptr && !time->numeric ? time->texts[row] : std::string()};
    if (split.has_time && (!split.newest || *split.newest < when)) split.newest = when;
    const learn::RowDigest id = learn::row_digest(ids[row]);
    split.entries.add({.content = content[row],
                       .folded = folded[row],
                       .id = id,
                       .number = number,
                       .time_number = when.first,
                       .time_text = std::move(when.second)});
    if (split.has_id) split.ids.add({id, number});
    if (split.has_group) split.groups.add({learn::row_digest(groups[row]), number});
  }
  return std::any(std::move(out));
}

Split merged(Split a, Split b) {
  a.entries.merge(std::move(b.entries));
  a.ids.merge(std::move(b.ids));
  a.groups.merge(std::move(b.groups));
  if (b.newest && (!a.newest || *a.newest < *b.newest)) a.newest = std::move(b.newest);
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

// Both sides keep the rows of the same digests; their share is of all.
template <class Row>
double settle_both(learn::DigestSample<Row>& a, learn::DigestSample<Row>& b) {
  a.settle(b.settle());
  return b.settle(a.settle()).share();
}

// The lowest training row of each value of a member, so that a finding names the same row in any sharding.
template <class Row>
std::map<learn::RowDigest, std::uint64_t> first_rows(const learn::DigestSample<Row>& rows,
                                                     learn::RowDigest Row::*member) {
  std::map<learn::RowDigest, std::uint64_t> out;
  for (const Row& row : rows.rows()) {
    const auto [at, is_new] = out.emplace(row.*member, row.number);
    if (!is_new) at->second = std::min(at->second, row.number);
  }
  return out;
}

// Training rows that equal another one under another id.
std::uint64_t repeated_rows(const Split& train) {
  std::map<learn::RowDigest, std::pair<std::uint64_t, std::set<learn::RowDigest>>> groups;
  for (const Entry& entry : train.entries.rows()) {
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
    joined_ = settle_both(test_.entries, train_.entries);
    settle_both(test_.ids, train_.ids);
    settle_both(test_.groups, train_.groups);
    std::ranges::sort(test_.entries.rows(), {}, &Entry::number);
  }

  void equal_rows() {
    const auto contents = first_rows(train_.entries, &Entry::content);
    const auto folded = first_rows(train_.entries, &Entry::folded);
    std::vector<std::pair<std::uint64_t, std::uint64_t>> equal;
    for (const Entry& entry : test_.entries.rows()) {
      if (const auto at = contents.find(entry.content); at != contents.end()) {
        equal.emplace_back(entry.number, at->second);
      } else if (const auto like = folded.find(entry.folded); like != folded.end()) {
        add(entry.number, Severity::kHigh,
            "equals training row " + std::to_string(like->second) + " but for case and spacing");
      }
    }
    const std::uint64_t repeated = repeated_rows(train_);
    const double rate =
        (static_cast<double>(repeated) + 1) / (static_cast<double>(train_.entries.rows().size()) + 2);
    const bool common = repeated > 0 && learn::binomial_upper_tail(equal.size(), rows_joined(), rate) >
                                            parameters_.get("alpha");
    for (const auto& [row, of] : equal) {
      add(row, common ? Severity::kLow : Severity::kHigh,
          "equals training row " + std::to_string(of) +
              (common ? ", as often as training rows equal each other" : ""));
    }
    if (!test_.has_id || !train_.has_id) return;
    const auto ids = first_rows(train_.ids, &Named::name);
    for (const Named& row : test_.ids.rows()) {
      const auto same = ids.find(row.name);
      if (same == ids.end()) continue;
      add(row.number, Severity::kHigh, "has the id of training row " + std::to_string(same->second));
    }
  }

  // One group's rows belong on one side: they describe the same person, page or device.
  void shared_groups() {
    if (!test_.has_group || !train_.has_group) return;
    const auto groups = first_rows(train_.groups, &Named::name);
    std::uint64_t shared = 0;
    for (const Named& row : test_.groups.rows()) shared += groups.contains(row.name) ? 1 : 0;
    if (shared == 0) return;
    out_.findings.push_back({.severity = Severity::kHigh,
                             .where = {.path = name(), .column = test_.sample.rows.roles.group},
                             .message = std::to_string(shared) + " of " +
                                        std::to_string(test_.groups.rows().size()) +
                                        " rows are of groups that training rows are of too",
                             .remedy = "split by group, so that all rows of one stand on one side"});
  }

  void time_order() {
    if (!test_.has_time || !train_.has_time || !train_.newest) return;
    const auto older = std::ranges::count_if(test_.entries.rows(), [&](const Entry& entry) {
      return std::tie(entry.time_number, entry.time_text) <
             std::tie(train_.newest->first, train_.newest->second);
    });
    if (older == 0) return;
    out_.findings.push_back({.severity = Severity::kHigh,
                             .where = {.path = name(), .column = test_.sample.rows.roles.time},
                             .message = std::to_string(older) + " of " + std::to_string(rows_joined()) +
                                        " rows are older than the newest training row",
                             .remedy = "split by time: test on what came after all that was trained on"});
  }

  Result<void> near_texts() {
    const std::set<std::string> columns = text_columns(train_.sample.rows);
    const std::vector<std::string> train = texts_of(train_.sample.rows, columns);
    const std::vector<std::string> test = texts_of(test_.sample.rows, columns);
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
      return split.entries.seen() == 0 ? 1.0
                                       : static_cast<double>(split.sample.numbers.size()) /
                                             static_cast<double>(split.entries.seen());
    };
    const learn::Interval interval =
        learn::clopper_pearson(std::min(found_.size(), rows_joined()), rows_joined());
    Statistic leaked{
        .name = "test rows that stand in training",
        .value =
            rows_joined() == 0 ? 0 : static_cast<double>(found_.size()) / static_cast<double>(rows_joined()),
        .low = interval.low,
        .high = interval.high,
        .sample_size = rows_joined(),
        .power = share(test_) * share(train_),
        .effect = "one copy edited within the stated tolerances; an exact copy is found " +
                  (joined_ < 1 ? "with probability " + number_text(joined_) : std::string("always")),
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
  std::size_t rows_joined() const { return test_.entries.rows().size(); }
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

  static std::set<std::string> text_columns(const Dataset& train) {
    std::set<std::string> out;
    for (const Column& column : train.columns) {
      if (!train.roles.covers(column.name) && learn::is_free_text(column)) out.insert(column.name);
    }
    return out;
  }

  static std::vector<std::string> texts_of(const Dataset& rows, const std::set<std::string>& columns) {
    std::vector<std::string> out;
    for (const Column& column : rows.columns) {
      if (column.numeric || !columns.contains(column.name)) continue;
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
  double joined_ = 1;  // of the contents, by exact comparison
  bool compared_images_ = false;
  float margin_ = 1;
  std::optional<double> ordinary_rate_;
};

Result<Examination> judge(const std::any& any_summary, const Contract&, const Parameters& parameters) {
  Summary summary = std::any_cast<const Summary&>(any_summary);
  summary.test.sample = TRY(learn::settled(std::move(summary.test.sample)));
  summary.train.sample = TRY(learn::settled(std::move(summary.train.sample)));
  if (summary.train.entries.seen() == 0) {
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
