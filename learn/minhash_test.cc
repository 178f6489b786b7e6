#include "learn/minhash.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "learn/random.h"

namespace sallyport::learn {
namespace {

std::string random_text(Random& random, std::size_t size) {
  std::string out;
  for (std::size_t i = 0; i < size; ++i) out += static_cast<char>('a' + random.below(26));
  return out;
}

TEST(minhash, agreement_of_minima_estimates_the_jaccard_similarity) {
  Random random(1);
  for (const std::size_t changed : {5U, 20U, 60U}) {
    const std::string text = random_text(random, 400);
    const std::string other = random_text(random, changed) + text.substr(changed);
    const TextSketch a = sketch_text(text);
    const TextSketch b = sketch_text(other);
    int agree = 0;
    for (std::size_t i = 0; i < kMinHashes; ++i) agree += a.minima[i] == b.minima[i] ? 1 : 0;
    const double expected = jaccard(a, b);
    const double deviation = std::sqrt(expected * (1 - expected) / kMinHashes);
    EXPECT_NEAR(agree / static_cast<double>(kMinHashes), expected, 4 * deviation + 0.01);
  }
}

TEST(minhash, finds_the_edited_copy_and_nothing_else) {
  Random random(2);
  std::vector<TextSketch> texts;
  std::vector<TextSketch> queries;
  for (int i = 0; i < 300; ++i) {
    const std::string text = random_text(random, 120);
    texts.push_back(sketch_text(text));
    std::string edited = text;
    edited[60] = edited[60] == 'q' ? 'r' : 'q';
    queries.push_back(sketch_text(i % 2 == 0 ? edited : random_text(random, 120)));
  }
  const std::vector<SimilarPair> pairs = similar_texts(texts, queries, 0.8);
  EXPECT_EQ(pairs.size(), 150U);
  for (const SimilarPair& pair : pairs) {
    EXPECT_EQ(pair.query, pair.text);
    EXPECT_EQ(pair.query % 2, 0U);
    EXPECT_GE(pair.similarity, 0.8);
  }
}

TEST(minhash, short_and_empty_texts_are_texts_too) {
  EXPECT_EQ(sketch_text("").shingles.size(), 0U);
  EXPECT_EQ(sketch_text("abc").shingles.size(), 1U);
  EXPECT_EQ(jaccard(sketch_text("abc"), sketch_text("abc")), 1);
  EXPECT_EQ(jaccard(sketch_text(""), sketch_text("")), 0);
  EXPECT_TRUE(similar_texts({sketch_text("")}, {sketch_text("")}, 0.5).empty());
}

}  // namespace
}  // namespace sallyport::learn
