#include "learn/minhash.h"

#include <algorithm>
#include <limits>
#include <string>
#include <unordered_map>

namespace sallyport::learn {
namespace {

constexpr std::size_t kBands = 25;
constexpr std::size_t kRowsInBand = 5;
static_assert(kBands * kRowsInBand <= kMinHashes);
// A bucket that holds more texts than this says that they share boilerplate, not that they are copies.
constexpr std::size_t kBucketMax = 1000;

std::uint64_t mixed(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

std::uint32_t shingle_hash(std::string_view shingle) {
  std::uint64_t hash = 0xCBF29CE484222325ULL;  // FNV-1a, 64 bits
  for (const char c : shingle) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  return static_cast<std::uint32_t>(mixed(hash) >> 32);
}

std::uint64_t band_key(const TextSketch& sketch, std::size_t band) {
  std::uint64_t key = band + 1;
  for (std::size_t i = 0; i < kRowsInBand; ++i) key = mixed(key * 31 + sketch.minima[band * kRowsInBand + i]);
  return key;
}

}  // namespace

TextSketch sketch_text(std::string_view folded) {
  TextSketch out;
  out.minima.fill(std::numeric_limits<std::uint32_t>::max());
  if (folded.empty()) return out;
  const std::size_t last = folded.size() < kShingleBytes ? 0 : folded.size() - kShingleBytes;
  for (std::size_t at = 0; at <= last; ++at)
    out.shingles.push_back(shingle_hash(folded.substr(at, kShingleBytes)));
  std::sort(out.shingles.begin(), out.shingles.end());
  out.shingles.erase(std::unique(out.shingles.begin(), out.shingles.end()), out.shingles.end());
  for (const std::uint32_t shingle : out.shingles) {
    for (std::size_t i = 0; i < kMinHashes; ++i) {
      const std::uint64_t hash = (shingle + 1ULL) * (0x9E3779B97F4A7C15ULL + 2 * i * 0xD1342543DE82EF95ULL);
      out.minima[i] = std::min(out.minima[i], static_cast<std::uint32_t>((hash ^ (hash >> 29)) >> 32));
    }
  }
  return out;
}

double jaccard(const TextSketch& a, const TextSketch& b) {
  std::size_t common = 0;
  auto x = a.shingles.begin();
  auto y = b.shingles.begin();
  while (x != a.shingles.end() && y != b.shingles.end()) {
    if (*x == *y)
      ++common, ++x, ++y;
    else if (*x < *y)
      ++x;
    else
      ++y;
  }
  const std::size_t all = a.shingles.size() + b.shingles.size() - common;
  return all == 0 ? 0 : static_cast<double>(common) / static_cast<double>(all);
}

namespace {

using Buckets = std::unordered_map<std::uint64_t, std::vector<std::size_t>>;

void add_to(Buckets& buckets, const TextSketch& sketch, std::size_t number) {
  for (std::size_t band = 0; band < kBands && !sketch.shingles.empty(); ++band) {
    std::vector<std::size_t>& bucket = buckets[band_key(sketch, band)];
    if (bucket.size() < kBucketMax) bucket.push_back(number);
  }
}

// The texts that share a band with the sketch, once each.
std::vector<std::size_t> candidates_in(const Buckets& buckets, const TextSketch& sketch) {
  std::vector<std::size_t> out;
  for (std::size_t band = 0; band < kBands && !sketch.shingles.empty(); ++band) {
    const auto bucket = buckets.find(band_key(sketch, band));
    if (bucket != buckets.end()) out.insert(out.end(), bucket->second.begin(), bucket->second.end());
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

SimilarPair closest_in(const Buckets& buckets, const std::vector<TextSketch>& texts, const TextSketch& query,
                       std::size_t number, double similarity_min) {
  SimilarPair best{.query = number};
  for (const std::size_t text : candidates_in(buckets, query)) {
    const double similarity = jaccard(texts[text], query);
    if (similarity >= similarity_min && similarity > best.similarity) best = {number, text, similarity};
  }
  return best;
}

}  // namespace

std::vector<SimilarPair> similar_texts(const std::vector<TextSketch>& texts,
                                       const std::vector<TextSketch>& queries, double similarity_min) {
  Buckets buckets;
  for (std::size_t text = 0; text < texts.size(); ++text) add_to(buckets, texts[text], text);
  std::vector<SimilarPair> out;
  for (std::size_t query = 0; query < queries.size(); ++query) {
    const SimilarPair best = closest_in(buckets, texts, queries[query], query, similarity_min);
    if (best.similarity > 0) out.push_back(best);
  }
  return out;
}

std::vector<SimilarPair> similar_others(const std::vector<TextSketch>& texts, double similarity_min) {
  Buckets buckets;
  std::vector<SimilarPair> out;
  for (std::size_t text = 0; text < texts.size(); ++text) {
    const SimilarPair best = closest_in(buckets, texts, texts[text], text, similarity_min);
    if (best.similarity > 0) out.push_back(best);
    add_to(buckets, texts[text], text);
  }
  return out;
}

}  // namespace sallyport::learn
