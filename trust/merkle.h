// Merkle trees over logs: RFC 6962 section 2.1 and RFC 9162 section 2.1, as pure functions.
//
// A tree is arithmetic over the hashes of its perfect subtrees; where these are kept is the HashReader's
// affair. Every prove_* has its check_*; a proof that does not hold is ErrorKind::kDenied. Nothing here
// recurses. Safe from any thread when the reader is.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/bytes.h"
#include "core/digest.h"
#include "core/result.h"

namespace sallyport::trust {

using Hash = Digest;

// The perfect subtree over the leaves [index << level, (index + 1) << level).
struct NodeId {
  int level = 0;
  std::uint64_t index = 0;
  auto operator<=>(const NodeId&) const = default;
};

class HashReader {
 public:
  virtual ~HashReader() = default;
  // The hashes of perfect subtrees, in the order asked for.
  virtual Result<std::vector<Hash>> read(std::span<const NodeId> nodes) = 0;
};

Hash leaf_hash(BytesView entry);                      // SHA-256(0x00 || entry)
Hash node_hash(const Hash& left, const Hash& right);  // SHA-256(0x01 || left || right)
Hash empty_tree_hash();                               // SHA-256 of nothing
// The whole tree over given leaves, in memory.
Hash root_of_leaves(std::span<const Hash> leaves);

Result<Hash> tree_hash(std::uint64_t size, HashReader& reader);

using Proof = std::vector<Hash>;

// That leaf `index` is in the tree of `size` leaves; index < size.
Result<Proof> prove_inclusion(std::uint64_t index, std::uint64_t size, HashReader& reader);
Result<void> check_inclusion(const Proof& proof, std::uint64_t index, const Hash& leaf, std::uint64_t size,
                             const Hash& root);

// That the tree of `old_size` leaves is a prefix of the tree of `new_size`; old_size <= new_size. From an
// empty tree and between equal sizes the proof is empty.
Result<Proof> prove_consistency(std::uint64_t old_size, std::uint64_t new_size, HashReader& reader);
Result<void> check_consistency(const Proof& proof, std::uint64_t old_size, const Hash& old_root,
                               std::uint64_t new_size, const Hash& new_root);

// All hashes of a tree that grows, in memory: the runner of proofs for small trees and for rebuilding.
class MemoryTree final : public HashReader {
 public:
  void append(const Hash& leaf);
  std::uint64_t size() const { return levels_.empty() ? 0 : levels_.front().size(); }
  Hash root() const;
  // Hashes of the perfect subtrees of one level, in order; empty above the top.
  std::span<const Hash> level(int level) const;
  Result<std::vector<Hash>> read(std::span<const NodeId> nodes) override;

 private:
  std::vector<std::vector<Hash>> levels_;
};

}  // namespace sallyport::trust
