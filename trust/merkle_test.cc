#include "trust/merkle.h"

#include <gtest/gtest.h>

#include <atomic>

#include "core/parallel.h"
#include "tests/text_vectors.h"

namespace sallyport::trust {
namespace {

std::vector<Hash> published_leaves(std::vector<Hash>* roots) {
  std::vector<Hash> out;
  for (const auto& fields : tests::read_vectors("trust/testdata/rfc6962_trees.txt")) {
    out.push_back(leaf_hash(*from_hex(fields[0])));
    if (roots != nullptr) roots->push_back(*Digest::parse(fields[1]));
  }
  return out;
}

// Leaf i of the trees of the exhaustive tests.
Hash leaf(std::uint64_t i) { return leaf_hash(as_bytes("leaf " + std::to_string(i))); }

struct Trees {
  MemoryTree tree;
  std::vector<Hash> roots{empty_tree_hash()};  // by size
  explicit Trees(std::uint64_t size) {
    for (std::uint64_t i = 0; i < size; ++i) {
      tree.append(leaf(i));
      roots.push_back(tree.root());
    }
  }
};

TEST(Merkle, MatchesThePublishedTrees) {
  EXPECT_EQ(empty_tree_hash().hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  std::vector<Hash> roots;
  const std::vector<Hash> leaves = published_leaves(&roots);
  ASSERT_EQ(leaves.size(), 8U);
  MemoryTree tree;
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    tree.append(leaves[i]);
    EXPECT_EQ(tree.root(), roots[i]) << i;
    EXPECT_EQ(root_of_leaves(std::span(leaves).first(i + 1)), roots[i]) << i;
    EXPECT_EQ(*tree_hash(i + 1, tree), roots[i]) << i;
  }
}

TEST(Merkle, MatchesThePublishedProofs) {
  std::vector<Hash> roots;
  const std::vector<Hash> leaves = published_leaves(&roots);
  MemoryTree tree;
  for (const Hash& one : leaves) tree.append(one);
  const auto vectors = tests::read_vectors("trust/testdata/rfc6962_proofs.txt");
  ASSERT_EQ(vectors.size(), 9U);
  for (const auto& fields : vectors) {
    const std::uint64_t first = std::stoull(fields[1]);
    const std::uint64_t second = std::stoull(fields[2]);
    Proof expected;
    for (std::size_t i = 3; i < fields.size(); ++i) expected.push_back(*Digest::parse(fields[i]));
    if (fields[0] == "inclusion") {
      EXPECT_EQ(*prove_inclusion(first, second, tree), expected);
      EXPECT_TRUE(check_inclusion(expected, first, leaves[first], second, roots[second - 1]));
    } else {
      EXPECT_EQ(*prove_consistency(first, second, tree), expected);
      EXPECT_TRUE(check_consistency(expected, first, roots[first - 1], second, roots[second - 1]));
    }
  }
}

TEST(Merkle, RootsAgreeWithTheDefinition) {
  // RFC 6962 section 2.1 as it is written: split at the largest power of two below n. An own stack stands in
  // for its recursion.
  const auto by_definition = [](std::uint64_t size) {
    struct Frame {
      std::uint64_t begin, end;
      bool expanded;
    };
    std::vector<Frame> frames{{0, size, false}};
    std::vector<Hash> values;
    while (!frames.empty()) {
      const Frame frame = frames.back();
      frames.pop_back();
      if (frame.end - frame.begin == 1) {
        values.push_back(leaf(frame.begin));
      } else if (frame.expanded) {
        const Hash right = values.back();
        values.pop_back();
        values.back() = node_hash(values.back(), right);
      } else {
        std::uint64_t split = 1;
        while (split * 2 < frame.end - frame.begin) split *= 2;
        frames.push_back({frame.begin, frame.end, true});
        frames.push_back({frame.begin + split, frame.end, false});
        frames.push_back({frame.begin, frame.begin + split, false});
      }
    }
    return values.front();
  };
  const Trees trees(300);
  for (std::uint64_t size = 1; size <= 300; ++size) EXPECT_EQ(trees.roots[size], by_definition(size)) << size;
}

constexpr std::uint64_t kSizes = 100;

TEST(Merkle, EveryInclusionProofHoldsAndNoBitOfItMayChange) {
  Trees trees(kSizes);
  std::atomic<std::uint64_t> wrong{0};
  std::atomic<std::uint64_t> flips{0};
  parallel_for(kSizes, [&](std::size_t size) {
    for (std::uint64_t index = 0; index < size; ++index) {
      Proof proof = *prove_inclusion(index, size, trees.tree);
      const Hash own = leaf(index);
      if (!check_inclusion(proof, index, own, size, trees.roots[size])) ++wrong;
      for (std::size_t bit = 0; bit < proof.size() * 256; ++bit) {
        std::uint8_t& byte = proof[bit / 256].bytes[bit % 256 / 8];
        const auto mask = static_cast<std::uint8_t>(1U << (bit % 8));
        byte = static_cast<std::uint8_t>(byte ^ mask);
        if (check_inclusion(proof, index, own, size, trees.roots[size])) ++wrong;
        byte = static_cast<std::uint8_t>(byte ^ mask);
        ++flips;
      }
    }
  });
  EXPECT_EQ(wrong, 0U);
  EXPECT_GT(flips, 7'000'000U);
}

TEST(Merkle, EveryConsistencyProofHoldsAndNoBitOfItMayChange) {
  Trees trees(kSizes);
  std::atomic<std::uint64_t> wrong{0};
  std::atomic<std::uint64_t> flips{0};
  parallel_for(kSizes, [&](std::size_t size) {
    for (std::uint64_t old_size = 0; old_size <= size; ++old_size) {
      Proof proof = *prove_consistency(old_size, size, trees.tree);
      const auto holds = [&] {
        return check_consistency(proof, old_size, trees.roots[old_size], size, trees.roots[size]).has_value();
      };
      if (!holds()) ++wrong;
      for (std::size_t bit = 0; bit < proof.size() * 256; ++bit) {
        std::uint8_t& byte = proof[bit / 256].bytes[bit % 256 / 8];
        const auto mask = static_cast<std::uint8_t>(1U << (bit % 8));
        byte = static_cast<std::uint8_t>(byte ^ mask);
        if (holds()) ++wrong;
        byte = static_cast<std::uint8_t>(byte ^ mask);
        ++flips;
      }
    }
  });
  EXPECT_EQ(wrong, 0U);
  EXPECT_GT(flips, 7'000'000U);
}

TEST(Merkle, ProofsOfOtherQuestionsDoNotHold) {
  Trees trees(40);
  for (std::uint64_t size = 1; size <= 40; ++size) {
    for (std::uint64_t index = 0; index < size; ++index) {
      Proof proof = *prove_inclusion(index, size, trees.tree);
      for (std::uint64_t other = 0; other < size + 3; ++other) {
        if (other == index) continue;
        EXPECT_FALSE(check_inclusion(proof, other, leaf(index), size, trees.roots[size]));
        EXPECT_FALSE(check_inclusion(proof, index, leaf(other), size, trees.roots[size]));
      }
      EXPECT_FALSE(check_inclusion(proof, index, leaf(index), size, trees.roots[size - 1]));
      proof.push_back(leaf(0));
      EXPECT_FALSE(check_inclusion(proof, index, leaf(index), size, trees.roots[size])) << "too long";
      proof.pop_back();
      if (proof.empty()) continue;
      proof.pop_back();
      EXPECT_FALSE(check_inclusion(proof, index, leaf(index), size, trees.roots[size])) << "too short";
    }
    for (std::uint64_t old_size = 1; old_size < size; ++old_size) {
      Proof proof = *prove_consistency(old_size, size, trees.tree);
      EXPECT_FALSE(check_consistency(proof, old_size, trees.roots[old_size - 1], size, trees.roots[size]));
      EXPECT_FALSE(check_consistency(proof, old_size, trees.roots[old_size], size, trees.roots[size - 1]));
      EXPECT_FALSE(check_consistency(proof, size, trees.roots[size], old_size, trees.roots[old_size]));
      proof.push_back(leaf(0));
      EXPECT_FALSE(check_consistency(proof, old_size, trees.roots[old_size], size, trees.roots[size]));
    }
  }
  EXPECT_FALSE(prove_inclusion(5, 5, trees.tree));
  EXPECT_FALSE(prove_consistency(6, 5, trees.tree));
  EXPECT_FALSE(prove_inclusion(5, 100, trees.tree)) << "the reader does not have these hashes";
}

}  // namespace
}  // namespace sallyport::trust
