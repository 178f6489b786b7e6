// A sample of rows that joins survive: those whose digests are smallest, every row of a digest or none.
//
// What is kept depends on the digests alone, so both sides of a join keep the same values, and every sharding
// and order of merging ends with the same rows. Up to `rows_max` rows are all kept. Whoever writes the data
// can look for values with large digests; the sample is for size, not against him. Values, safe from any
// thread while nobody writes.
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "learn/row_digest.h"

namespace sallyport::learn {

// Digests below it are kept.
struct DigestBar {
  std::optional<RowDigest> at = {};

  bool keeps(const RowDigest& digest) const { return !at || digest < *at; }
  void lower(const DigestBar& other) {
    if (other.at && keeps(*other.at)) at = other.at;
  }
  // Of all digests.
  double share() const {
    if (!at) return 1;
    double out = 0;
    for (std::size_t i = 0; i < at->size(); ++i) out += std::ldexp((*at)[i], -8 * static_cast<int>(i + 1));
    return out;
  }
};

template <class Row>
class DigestSample {
 public:
  // `digest_of` is the member that rows are kept by.
  DigestSample(std::size_t rows_max, RowDigest Row::*digest_of) : rows_max_(rows_max), of_(digest_of) {}

  bool takes(const RowDigest& digest) const { return bar_.keeps(digest); }
  void add(Row row) {
    ++seen_;
    if (bar_.keeps(row.*of_)) rows_.push_back(std::move(row));
    // Late, so that few rows are moved often.
    if (rows_.size() > rows_max_ + rows_max_ / 4) trim();
  }
  // For rows that are not taken.
  void skip() { ++seen_; }
  void merge(DigestSample other) {
    bar_.lower(other.bar_);
    seen_ += other.seen_;
    std::erase_if(rows_, [&](const Row& row) { return !bar_.keeps(row.*of_); });
    for (Row& row : other.rows_) {
      if (bar_.keeps(row.*of_)) rows_.push_back(std::move(row));
    }
    if (rows_.size() > rows_max_ + rows_max_ / 4) trim();
  }

  // Rows that were added, kept or not.
  std::uint64_t seen() const { return seen_; }
  // What is kept in the end. Rows are in no particular order.
  const DigestBar& settle() {
    if (rows_.size() > rows_max_) trim();
    return bar_;
  }
  const DigestBar& settle(const DigestBar& other) {
    settle();
    bar_.lower(other);
    std::erase_if(rows_, [&](const Row& row) { return !bar_.keeps(row.*of_); });
    return bar_;
  }
  std::vector<Row>& rows() { return rows_; }
  const std::vector<Row>& rows() const { return rows_; }

 private:
  void trim() {
    const auto nth = rows_.begin() + static_cast<std::ptrdiff_t>(rows_max_);
    std::nth_element(rows_.begin(), nth, rows_.end(),
                     [&](const Row& a, const Row& b) { return a.*of_ < b.*of_; });
    bar_.at = (*nth).*of_;
    std::erase_if(rows_, [&](const Row& row) { return !bar_.keeps(row.*of_); });
  }

  std::size_t rows_max_;
  RowDigest Row::*of_;
  std::uint64_t seen_ = 0;
  DigestBar bar_;
  std::vector<Row> rows_;
};

}  // namespace sallyport::learn
