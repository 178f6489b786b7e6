#include "learn/distinct_rows.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace sallyport::learn {
namespace {

constexpr std::size_t kSlotsMin = 1024;
constexpr unsigned kHalvingsMax = 60;

// The leading eight bytes decide what is kept, the others where it stands.
std::uint64_t part_of(const RowDigest& digest, std::size_t at) {
  std::uint64_t out = 0;
  std::memcpy(&out, digest.data() + at, sizeof out);
  return out;
}

}  // namespace

DistinctRows::DistinctRows(std::size_t bytes_max)
    : slots_max_(std::max(kSlotsMin, std::bit_floor(bytes_max / sizeof(Entry) / 3 * 2))), slots_(kSlotsMin) {}

bool DistinctRows::keeps(const RowDigest& digest) const {
  return halvings_ == 0 || part_of(digest, 0) >> (64 - halvings_) == 0;
}

double DistinctRows::share() const { return std::ldexp(1.0, -static_cast<int>(halvings_)); }

std::size_t DistinctRows::slot_of(const RowDigest& digest) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = part_of(digest, 8) & mask;
  while (slots_[at].count > 0 && slots_[at].digest != digest) at = (at + 1) & mask;
  return at;
}

void DistinctRows::rebuild(std::size_t slots) {
  std::vector<Entry> kept;
  for (const Entry& entry : slots_) {
    if (entry.count > 0 && keeps(entry.digest)) kept.push_back(entry);
  }
  slots_.assign(slots, Entry{});
  for (const Entry& entry : kept) slots_[slot_of(entry.digest)] = entry;
  used_ = kept.size();
}

const DistinctRows::Entry* DistinctRows::add(const RowDigest& digest, std::uint64_t row) {
  if (!keeps(digest)) return nullptr;
  Entry& entry = slots_[slot_of(digest)];
  if (entry.count > 0) {
    ++entry.count;
    return &entry;
  }
  if (4 * (used_ + 1) > 3 * slots_.size()) {
    if (slots_.size() < slots_max_) {
      rebuild(2 * slots_.size());
    } else if (halvings_ < kHalvingsMax) {
      ++halvings_;
      rebuild(slots_.size());
    }
    if (!keeps(digest)) return nullptr;
  }
  Entry& fresh = slots_[slot_of(digest)];
  fresh = {.digest = digest, .first = row, .count = 1};
  ++used_;
  return &fresh;
}

const DistinctRows::Entry* DistinctRows::find(const RowDigest& digest) const {
  if (!keeps(digest)) return nullptr;
  const Entry& entry = slots_[slot_of(digest)];
  return entry.count > 0 ? &entry : nullptr;
}

}  // namespace sallyport::learn
