#include "learn/class_values.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <unordered_set>
#include <utility>

#include "core/mix.h"
#include "core/result.h"

namespace sallyport::learn {
namespace {

// What the tables take of an entry, with their links and the room that they keep.
constexpr std::size_t kClassBytes = 64;
constexpr std::size_t kCountBytes = 64;
constexpr std::size_t kValueBytes = 112;
constexpr unsigned kHalvingsMax = 60;

std::uint32_t class_in(std::uint64_t key) { return static_cast<std::uint32_t>(key >> 32); }

std::uint64_t leading(const RowDigest& digest, std::size_t at) {
  std::uint64_t out = 0;
  std::memcpy(&out, digest.data() + at, sizeof out);
  return out;
}

// Shares of the table's rows up to each value, and their sums, so that what a class' distance sums over many
// values costs a search.
class Ladder {
 public:
  explicit Ladder(const std::vector<double>& shares) : sums_(1) {
    double carried = 0;
    for (std::size_t i = 0; i + 1 < shares.size(); ++i) {
      carried += shares[i];
      steps_.push_back(carried);
      sums_.push_back(sums_.back() + carried);
    }
  }

  std::size_t size() const { return steps_.size(); }
  // The sum of |level - step| over the steps [begin, end).
  double away(double level, std::size_t begin, std::size_t end) const {
    const auto at = [&](std::size_t i) { return steps_.begin() + static_cast<std::ptrdiff_t>(i); };
    const auto middle =
        static_cast<std::size_t>(std::upper_bound(at(begin), at(end), level) - steps_.begin());
    const double below = level * static_cast<double>(middle - begin) - (sums_[middle] - sums_[begin]);
    const double above = sums_[end] - sums_[middle] - level * static_cast<double>(end - middle);
    return below + above;
  }

 private:
  std::vector<double> steps_;
  std::vector<double> sums_;
};

}  // namespace

std::size_t ClassValues::Hash::operator()(const RowDigest& digest) const {
  return static_cast<std::size_t>(leading(digest, 8));
}

std::size_t ClassValues::Hash::operator()(std::uint64_t key) const {
  return static_cast<std::size_t>(mixed(key));
}

bool ClassValues::keeps(const RowDigest& digest) const {
  return halvings_ == 0 || leading(digest, 0) >> (64 - halvings_) == 0;
}

double ClassValues::share() const { return too_many_ ? 0 : std::ldexp(1.0, -static_cast<int>(halvings_)); }

std::uint32_t ClassValues::code_of(const Column& column, std::size_t row) {
  const auto fresh = static_cast<std::uint32_t>(overall_.size());
  std::size_t bytes = kValueBytes;
  std::uint32_t code = fresh;
  if (column.numeric) {
    const double given = column.numbers[row];
    const double value = std::isnan(given) ? -std::numeric_limits<double>::infinity()
                         : given == 0      ? 0
                                           : given;
    code = numbers_.emplace(std::bit_cast<std::uint64_t>(value), fresh).first->second;
    if (code == fresh) value_of_.push_back(value);
  } else {
    code = texts_.emplace(column.texts[row], fresh).first->second;
    bytes += column.texts[row].size();
  }
  if (code != fresh) return code;
  overall_.push_back(0);
  bytes_ += bytes;
  value_bytes_ += bytes;
  return code;
}

void ClassValues::make_room() {
  while (bytes_ > bytes_max_ && !too_many_) {
    if (value_bytes_ > bytes_max_ / 2 || halvings_ == kHalvingsMax) {
      too_many_ = true;
      classes_.clear();
      counts_.clear();
      numbers_.clear();
      texts_.clear();
      return;
    }
    ++halvings_;
    std::unordered_set<std::uint32_t> gone;
    for (auto at = classes_.begin(); at != classes_.end();) {
      if (keeps(at->first)) {
        ++at;
        continue;
      }
      gone.insert(at->second);
      at = classes_.erase(at);
    }
    const std::size_t counts =
        std::erase_if(counts_, [&](const auto& entry) { return gone.contains(class_in(entry.first)); });
    bytes_ -= kClassBytes * gone.size() + kCountBytes * counts;
  }
}

void ClassValues::add(const std::vector<RowDigest>& classes, const Column& sensitive) {
  SP_CHECK(classes.size() == sensitive.size());
  SP_CHECK(rows_ == 0 || numeric_ == sensitive.numeric);
  numeric_ = sensitive.numeric;
  rows_ += classes.size();
  for (std::size_t row = 0; row < classes.size() && !too_many_; ++row) {
    const std::uint32_t code = code_of(sensitive, row);
    ++overall_[code];
    if (!keeps(classes[row])) continue;
    const auto [entry, is_new] = classes_.try_emplace(classes[row], numbered_);
    if (is_new) {
      ++numbered_;
      bytes_ += kClassBytes;
    }
    std::uint32_t& rows = counts_[std::uint64_t{entry->second} << 32 | code];
    if (rows++ == 0) bytes_ += kCountBytes;
    if (bytes_ > bytes_max_) make_room();
  }
}

// The place of each code in the order of the values; of texts, any.
std::vector<std::uint32_t> ClassValues::ranks() const {
  std::vector<std::uint32_t> order(overall_.size());
  std::iota(order.begin(), order.end(), 0U);
  if (numeric_) std::ranges::sort(order, {}, [&](std::uint32_t code) { return value_of_[code]; });
  std::vector<std::uint32_t> out(order.size());
  for (std::uint32_t rank = 0; rank < order.size(); ++rank) out[order[rank]] = rank;
  return out;
}

Closeness ClassValues::closeness() const {
  if (classes_.empty()) return {};
  const std::vector<std::uint32_t> rank_of = ranks();
  std::vector<double> shares(overall_.size());
  for (std::size_t code = 0; code < overall_.size(); ++code)
    shares[rank_of[code]] = static_cast<double>(overall_[code]) / static_cast<double>(rows_);
  const Ladder ladder(shares);
  std::vector<std::pair<std::uint64_t, std::uint32_t>> counts;  // by class and rank
  counts.reserve(counts_.size());
  for (const auto& [key, rows] : counts_)
    counts.emplace_back((key >> 32) << 32 | rank_of[static_cast<std::uint32_t>(key)], rows);
  std::ranges::sort(counts);
  Closeness out{.l = counts.size()};
  for (std::size_t begin = 0; begin < counts.size();) {
    std::size_t end = begin;
    double rows = 0;
    for (; end < counts.size() && class_in(counts[end].first) == class_in(counts[begin].first); ++end)
      rows += static_cast<double>(counts[end].second);
    double distance = 0;
    double level = 0;
    std::size_t at = 0;
    for (std::size_t i = begin; i < end; ++i) {
      const std::size_t rank = static_cast<std::uint32_t>(counts[i].first);
      const double share = static_cast<double>(counts[i].second) / rows;
      if (!numeric_) {
        distance += std::max(0.0, share - shares[rank]);
        continue;
      }
      const std::size_t to = std::min(rank, ladder.size());
      distance += ladder.away(level, at, to);
      level += share;
      at = to;
    }
    if (numeric_ && ladder.size() > 0) {
      distance += ladder.away(level, at, ladder.size());
      distance /= static_cast<double>(ladder.size());
    }
    out.l = std::min(out.l, end - begin);
    out.t = std::max(out.t, distance);
    begin = end;
  }
  return out;
}

}  // namespace sallyport::learn
