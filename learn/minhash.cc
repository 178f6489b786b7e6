#include "learn/minhash.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <span>

#include "core/mix.h"

namespace sallyport::learn {
namespace {

constexpr std::size_t kBands = 25;
constexpr std::size_t kRowsInBand = 5;
static_assert(kBands * kRowsInBand <= kMinHashes);
// A bucket that holds more texts than this says that they share boilerplate, not that they are copies.
constexpr std::size_t kBucketMax = 1000;

// Eight hashes side by side; AVX2 multiplies them at once and changes no bit.
using HashLanes = std::uint32_t __attribute__((vector_size(32)));
constexpr std::size_t kHashLanes = 8;
constexpr std::size_t kVectors = kMinHashes / kHashLanes;
constexpr std::size_t kHashesTogether = 4;  // vectors whose constants and minima stay in registers
static_assert(kVectors % kHashesTogether == 0);

// Hash i of a shingle x is (x ^ flip[i]) * factor[i] modulo 2^32, with odd factors.
struct Constants {
  std::array<HashLanes, kVectors> flip;
  std::array<HashLanes, kVectors> factor;
};
const Constants kConstants = [] {
  Constants out{};
  for (std::size_t i = 0; i < kMinHashes; ++i) {
    const std::uint64_t random = mixed(0x9E3779B97F4A7C15ULL * (i + 1));
    out.flip[i / kHashLanes][i % kHashLanes] = static_cast<std::uint32_t>(random >> 32);
    out.factor[i / kHashLanes][i % kHashLanes] = static_cast<std::uint32_t>(random) | 1U;
  }
  return out;
}();

__attribute__((target_clones("avx2", "default"))) void take_minima(const std::uint32_t* shingles,
                                                                   std::size_t size, std::uint32_t* minima) {
  for (std::size_t from = 0; from < kVectors; from += kHashesTogether) {
    HashLanes least[kHashesTogether];
    for (HashLanes& one : least) one = HashLanes{} - 1;
    for (std::size_t s = 0; s < size; ++s) {
      const HashLanes shingle = HashLanes{} + shingles[s];
      for (std::size_t v = 0; v < kHashesTogether; ++v) {
        const HashLanes hash = (shingle ^ kConstants.flip[from + v]) * kConstants.factor[from + v];
        least[v] = hash < least[v] ? hash : least[v];
      }
    }
    std::memcpy(minima + from * kHashLanes, least, sizeof least);
  }
}

std::uint32_t shingle_hash(std::uint64_t bytes, std::size_t size) {
  return static_cast<std::uint32_t>(mixed(bytes ^ (static_cast<std::uint64_t>(size) << 56)) >> 32);
}

// The hash of each shingle, as they follow one another. A word is read at once where eight bytes are left.
void hash_shingles(std::string_view text, std::uint32_t* out) {
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  static_assert(kShingleBytes < kWord);
  constexpr std::uint64_t kMask = (std::uint64_t{1} << (8 * kShingleBytes)) - 1;
  const std::size_t size = std::min(text.size(), kShingleBytes);
  std::uint64_t word = 0;
  std::size_t at = 0;
  for (; at + kWord <= text.size(); ++at) {
    std::memcpy(&word, text.data() + at, kWord);
    *out++ = shingle_hash(word & kMask, kShingleBytes);
  }
  for (; at + size <= text.size(); ++at) {
    word = 0;
    std::memcpy(&word, text.data() + at, size);
    *out++ = shingle_hash(word, size);
  }
}

// Hashes are spread evenly, so their first bits put most of them in place; each place is sorted by itself.
void sort_hashes(std::vector<std::uint32_t>& hashes) {
  constexpr std::size_t kSmall = 32;
  constexpr unsigned kBitsMax = 12;
  if (hashes.size() < kSmall) {
    std::ranges::sort(hashes);
    return;
  }
  const unsigned bits = std::min(kBitsMax, static_cast<unsigned>(std::bit_width(hashes.size())));
  const unsigned shift = 32 - bits;
  std::array<std::uint32_t, (std::size_t{1} << kBitsMax) + 1> begin;
  const std::size_t places = std::size_t{1} << bits;
  std::fill_n(begin.begin(), places + 1, 0U);
  for (const std::uint32_t hash : hashes) ++begin[(hash >> shift) + 1];
  for (std::size_t i = 1; i <= places; ++i) begin[i] += begin[i - 1];
  std::vector<std::uint32_t> out(hashes.size());
  for (const std::uint32_t hash : hashes) out[begin[hash >> shift]++] = hash;
  // Every place now begins where the one before it ended.
  std::size_t from = 0;
  for (std::size_t i = 0; i < places; ++i) {
    if (begin[i] > from + 1) std::sort(out.data() + from, out.data() + begin[i]);
    from = begin[i];
  }
  hashes.swap(out);
}

std::uint64_t band_key(const TextSketch& sketch, std::size_t band) {
  std::uint64_t key = band + 1;
  for (std::size_t i = 0; i < kRowsInBand; ++i)
    key = (key ^ sketch.minima[band * kRowsInBand + i]) * 0x9E3779B97F4A7C15ULL;
  return key ^ (key >> 29);
}

// Whether the two can be so similar at all: a set is at most as similar as it is large beside the other.
bool sizes_allow(const TextSketch& a, const TextSketch& b, double similarity_min) {
  const auto [small, large] = std::minmax(a.shingles.size(), b.shingles.size());
  return static_cast<double>(small) >= similarity_min * static_cast<double>(large);
}

// Of every band the texts in order of their key, and equal keys by number.
class Bands {
 public:
  explicit Bands(std::span<const TextSketch* const> texts) : seen_(texts.size()) {
    for (Band& band : bands_) {
      const auto number = static_cast<std::size_t>(&band - bands_.data());
      for (std::size_t i = 0; i < texts.size(); ++i) {
        if (!texts[i]->shingles.empty())
          band.order.push_back({band_key(*texts[i], number), static_cast<std::uint32_t>(i)});
      }
      std::ranges::sort(band.order);
      band.range.resize(texts.size());
      for (std::uint32_t i = 0, begin = 0; i < band.order.size(); ++i) {
        if (band.order[i].key != band.order[begin].key) begin = i;
        band.range[band.order[i].text] = {begin, i};
      }
    }
  }

  // Calls `each` once for every text before `limit` and before this one that shares a band with it.
  template <class Each>
  void earlier(std::uint32_t text, std::size_t limit, Each&& each) {
    ++round_;
    for (const Band& band : bands_) {
      const Range range = band.range[text];
      const std::size_t end = std::min<std::size_t>(range.end, range.begin + kBucketMax);
      for (std::size_t i = range.begin; i < end && band.order[i].text < limit; ++i) {
        const std::uint32_t other = band.order[i].text;
        if (seen_[other] == round_) continue;
        seen_[other] = round_;
        each(other);
      }
    }
  }

 private:
  struct Entry {
    std::uint64_t key;
    std::uint32_t text;
    auto operator<=>(const Entry&) const = default;
  };
  struct Range {
    std::uint32_t begin = 0;  // of the text's key
    std::uint32_t end = 0;    // the text itself
  };
  struct Band {
    std::vector<Entry> order = {};
    std::vector<Range> range = {};
  };
  std::array<Band, kBands> bands_;
  std::vector<std::uint32_t> seen_;
  std::uint32_t round_ = 0;
};

}  // namespace

TextSketch sketch_text(std::string_view folded) {
  TextSketch out;
  out.minima.fill(std::numeric_limits<std::uint32_t>::max());
  if (folded.empty()) return out;
  const std::size_t size = std::min(folded.size(), kShingleBytes);
  out.shingles.resize(folded.size() - size + 1);
  hash_shingles(folded, out.shingles.data());
  sort_hashes(out.shingles);
  out.shingles.erase(std::unique(out.shingles.begin(), out.shingles.end()), out.shingles.end());
  take_minima(out.shingles.data(), out.shingles.size(), out.minima.data());
  return out;
}

double jaccard(const TextSketch& a, const TextSketch& b) {
  std::size_t common = 0;
  const std::uint32_t* x = a.shingles.data();
  const std::uint32_t* y = b.shingles.data();
  const std::uint32_t* const x_end = x + a.shingles.size();
  const std::uint32_t* const y_end = y + b.shingles.size();
  while (x != x_end && y != y_end) {
    const std::uint32_t one = *x;
    const std::uint32_t other = *y;
    common += one == other ? 1 : 0;
    x += one <= other ? 1 : 0;
    y += other <= one ? 1 : 0;
  }
  const std::size_t all = a.shingles.size() + b.shingles.size() - common;
  return all == 0 ? 0 : static_cast<double>(common) / static_cast<double>(all);
}

namespace {

// Of the earlier texts the most similar; of equally similar ones the first.
SimilarPair closest_in(Bands& bands, std::span<const TextSketch* const> all, std::uint32_t text,
                       std::size_t limit, double similarity_min) {
  SimilarPair best{.query = text};
  bands.earlier(text, limit, [&](std::uint32_t other) {
    if (!sizes_allow(*all[text], *all[other], similarity_min)) return;
    const double similarity = jaccard(*all[text], *all[other]);
    if (similarity < similarity_min || similarity < best.similarity) return;
    if (similarity > best.similarity || other < best.text)
      best = {.query = text, .text = other, .similarity = similarity};
  });
  return best;
}

std::vector<const TextSketch*> addresses_of(const std::vector<TextSketch>& texts) {
  std::vector<const TextSketch*> out;
  for (const TextSketch& text : texts) out.push_back(&text);
  return out;
}

}  // namespace

std::vector<SimilarPair> similar_texts(const std::vector<TextSketch>& texts,
                                       const std::vector<TextSketch>& queries, double similarity_min) {
  std::vector<const TextSketch*> all = addresses_of(texts);
  for (const TextSketch& query : queries) all.push_back(&query);
  Bands bands(all);
  std::vector<SimilarPair> out;
  for (std::size_t query = 0; query < queries.size(); ++query) {
    SimilarPair best = closest_in(bands, all, static_cast<std::uint32_t>(texts.size() + query), texts.size(),
                                  similarity_min);
    best.query = query;
    if (best.similarity > 0) out.push_back(best);
  }
  return out;
}

std::vector<SimilarPair> similar_others(const std::vector<TextSketch>& texts, double similarity_min) {
  const std::vector<const TextSketch*> all = addresses_of(texts);
  Bands bands(all);
  std::vector<SimilarPair> out;
  for (std::uint32_t text = 0; text < all.size(); ++text) {
    const SimilarPair best = closest_in(bands, all, text, all.size(), similarity_min);
    if (best.similarity > 0) out.push_back(best);
  }
  return out;
}

std::vector<SimilarPair> similar_pairs(const std::vector<TextSketch>& texts, double similarity_min) {
  const std::vector<const TextSketch*> all = addresses_of(texts);
  Bands bands(all);
  std::vector<SimilarPair> out;
  for (std::uint32_t text = 0; text < all.size(); ++text) {
    bands.earlier(text, all.size(), [&](std::uint32_t other) {
      if (!sizes_allow(*all[text], *all[other], similarity_min)) return;
      const double similarity = jaccard(*all[text], *all[other]);
      if (similarity >= similarity_min) out.push_back({text, other, similarity});
    });
  }
  return out;
}

}  // namespace sallyport::learn
