// Near-duplicate texts: MinHash signatures in bands find candidates, the exact Jaccard similarity decides.
//
// A text is the set of its shingles, all runs of `kShingleBytes` bytes of its folded form
// (learn/row_digest.h), so case and spacing do not count. Signatures are of 128 minima (Broder 1997), of
// which 25 bands of 5 are compared: a pair of similarity .8 is missed once in 20,000, one of .7 once in 100.
// Every pair that is returned was verified. The hashes are fixed, so whoever knows them can craft texts that
// collide; that costs time, never a wrong pair. Values, safe from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace sallyport::learn {

inline constexpr std::size_t kShingleBytes = 5;
inline constexpr std::size_t kMinHashes = 128;

struct TextSketch {
  std::vector<std::uint32_t> shingles;  // hashes of the distinct shingles, ascending
  std::array<std::uint32_t, kMinHashes> minima{};
};

// A text shorter than a shingle is one shingle itself; an empty one has none.
TextSketch sketch_text(std::string_view folded);

// Of the shingle hashes; 0 when both are empty.
double jaccard(const TextSketch& a, const TextSketch& b);

struct SimilarPair {
  std::size_t query = 0;
  std::size_t text = 0;
  double similarity = 0;
};
// For each query the most similar text of at least `similarity_min`, where the bands find one; of equally
// similar ones the first.
std::vector<SimilarPair> similar_texts(const std::vector<TextSketch>& texts,
                                       const std::vector<TextSketch>& queries, double similarity_min);
// For each text the most similar of those before it.
std::vector<SimilarPair> similar_others(const std::vector<TextSketch>& texts, double similarity_min);
// For each text all that are similar of those before it, as far as the bands find them.
std::vector<SimilarPair> similar_pairs(const std::vector<TextSketch>& texts, double similarity_min);

}  // namespace sallyport::learn
