#include "trust/merkle.h"

#include <algorithm>
#include <array>
#include <bit>

namespace sallyport::trust {
namespace {

// SHA-256 over a prefix byte and up to 64 bytes, without a heap allocation.
Hash prefixed(std::uint8_t prefix, BytesView a, BytesView b) {
  std::array<std::uint8_t, 65> message;
  message[0] = prefix;
  std::copy(a.begin(), a.end(), message.begin() + 1);
  std::copy(b.begin(), b.end(), message.begin() + 1 + static_cast<std::ptrdiff_t>(a.size()));
  return sha256(BytesView(message).first(1 + a.size() + b.size()));
}

// The perfect subtrees whose leaves are [begin, end), left to right, when `begin` is a multiple of a power of
// two that is at least end - begin: as every right sibling is.
void append_subtrees(std::uint64_t begin, std::uint64_t end, std::vector<NodeId>& out) {
  while (begin < end) {
    const int level = static_cast<int>(std::bit_width(end - begin)) - 1;
    out.push_back({level, begin >> level});
    begin += std::uint64_t{1} << level;
  }
}

// Folds subtrees that stand left to right into the hash of what they cover together.
Hash fold_right(std::span<const Hash> hashes) {
  Hash out = hashes.back();
  for (std::size_t i = hashes.size() - 1; i > 0; --i) out = node_hash(hashes[i - 1], out);
  return out;
}

// Hashes of several runs of leaves with one read.
class RangeHashes {
 public:
  void add(std::uint64_t begin, std::uint64_t end) {
    starts_.push_back(nodes_.size());
    append_subtrees(begin, end, nodes_);
  }
  Result<std::vector<Hash>> read(HashReader& reader) const {
    const std::vector<Hash> hashes = TRY(reader.read(nodes_));
    if (hashes.size() != nodes_.size())
      return fail(ErrorKind::kIo, "merkle: the reader returned too few hashes");
    std::vector<Hash> out;
    for (std::size_t i = 0; i < starts_.size(); ++i) {
      const std::size_t end = i + 1 < starts_.size() ? starts_[i + 1] : nodes_.size();
      out.push_back(fold_right(std::span(hashes).subspan(starts_[i], end - starts_[i])));
    }
    return out;
  }

 private:
  std::vector<NodeId> nodes_;
  std::vector<std::size_t> starts_;
};

// The siblings on the way from node (level, index) to the root of a tree of `size` leaves.
void add_siblings(int level, std::uint64_t index, std::uint64_t size, RangeHashes& out) {
  for (std::uint64_t last = (size - 1) >> level; last > 0; ++level, index >>= 1, last >>= 1) {
    const std::uint64_t sibling = index ^ 1;
    if (sibling > last) continue;
    out.add(sibling << level, std::min((sibling + 1) << level, size));
  }
}

std::unexpected<Error> refused(const char* what) {
  return fail(ErrorKind::kDenied, std::string("merkle: the ") + what + " proof does not hold");
}

}  // namespace

Hash leaf_hash(BytesView entry) {
  if (entry.size() <= 64) return prefixed(0x00, entry, {});
  Bytes message;
  message.reserve(entry.size() + 1);
  message.push_back(0x00);
  message.insert(message.end(), entry.begin(), entry.end());
  return sha256(message);
}

Hash node_hash(const Hash& left, const Hash& right) { return prefixed(0x01, left.bytes, right.bytes); }

Hash empty_tree_hash() { return sha256(BytesView{}); }

Hash root_of_leaves(std::span<const Hash> leaves) {
  if (leaves.empty()) return empty_tree_hash();
  // Pairs from the left; an odd one out rises unchanged, which is the tree of RFC 6962.
  std::vector<Hash> row(leaves.begin(), leaves.end());
  while (row.size() > 1) {
    const std::size_t pairs = row.size() / 2;
    for (std::size_t i = 0; i < pairs; ++i) row[i] = node_hash(row[2 * i], row[2 * i + 1]);
    if (row.size() % 2 == 1) row[pairs] = row.back();
    row.resize(pairs + row.size() % 2);
  }
  return row.front();
}

Result<Hash> tree_hash(std::uint64_t size, HashReader& reader) {
  if (size == 0) return empty_tree_hash();
  RangeHashes ranges;
  ranges.add(0, size);
  return TRY(ranges.read(reader)).front();
}

Result<Proof> prove_inclusion(std::uint64_t index, std::uint64_t size, HashReader& reader) {
  if (index >= size) {
    return invalid("merkle: leaf " + std::to_string(index) + " is not in a tree of " + std::to_string(size));
  }
  RangeHashes ranges;
  add_siblings(0, index, size, ranges);
  return ranges.read(reader);
}

// RFC 9162 section 2.1.3.2.
Result<void> check_inclusion(const Proof& proof, std::uint64_t index, const Hash& leaf, std::uint64_t size,
                             const Hash& root) {
  if (index >= size) return refused("inclusion");
  std::uint64_t at = index;
  std::uint64_t last = size - 1;
  Hash hash = leaf;
  for (const Hash& sibling : proof) {
    if (last == 0) return refused("inclusion");
    if (at % 2 == 1 || at == last) {
      hash = node_hash(sibling, hash);
      while (at % 2 == 0 && at != 0) {
        at >>= 1;
        last >>= 1;
      }
    } else {
      hash = node_hash(hash, sibling);
    }
    at >>= 1;
    last >>= 1;
  }
  if (last != 0 || !equal_constant_time(hash, root)) return refused("inclusion");
  return {};
}

Result<Proof> prove_consistency(std::uint64_t old_size, std::uint64_t new_size, HashReader& reader) {
  if (old_size > new_size) {
    return invalid("merkle: a tree of " + std::to_string(new_size) + " does not extend one of " +
                   std::to_string(old_size));
  }
  if (old_size == 0 || old_size == new_size) return Proof{};
  // Up from the last old leaf while it closes its subtree: the largest one that ends where the old tree ends.
  int level = 0;
  std::uint64_t index = old_size - 1;
  while (index % 2 == 1) {
    index >>= 1;
    ++level;
  }
  RangeHashes ranges;
  // An old tree that is one perfect subtree is known to the checker by its root.
  if (index != 0) ranges.add(index << level, (index + 1) << level);
  add_siblings(level, index, new_size, ranges);
  return ranges.read(reader);
}

// RFC 9162 section 2.1.4.2.
Result<void> check_consistency(const Proof& proof, std::uint64_t old_size, const Hash& old_root,
                               std::uint64_t new_size, const Hash& new_root) {
  if (old_size > new_size) return refused("consistency");
  if (old_size == 0) {
    if (!proof.empty() || old_root != empty_tree_hash()) return refused("consistency");
    return {};
  }
  if (old_size == new_size) {
    if (!proof.empty() || old_root != new_root) return refused("consistency");
    return {};
  }
  std::uint64_t at = old_size - 1;
  std::uint64_t last = new_size - 1;
  while (at % 2 == 1) {
    at >>= 1;
    last >>= 1;
  }
  std::size_t next = 0;
  if (at != 0 && proof.empty()) return refused("consistency");
  Hash old_hash = at == 0 ? old_root : proof[next++];
  Hash new_hash = old_hash;
  for (; next < proof.size(); ++next) {
    if (last == 0) return refused("consistency");
    if (at % 2 == 1 || at == last) {
      old_hash = node_hash(proof[next], old_hash);
      new_hash = node_hash(proof[next], new_hash);
      while (at % 2 == 0 && at != 0) {
        at >>= 1;
        last >>= 1;
      }
    } else {
      new_hash = node_hash(new_hash, proof[next]);
    }
    at >>= 1;
    last >>= 1;
  }
  if (last != 0 || old_hash != old_root || new_hash != new_root) return refused("consistency");
  return {};
}

void MemoryTree::append(const Hash& leaf) {
  Hash hash = leaf;
  for (std::size_t level = 0;; ++level) {
    if (level == levels_.size()) levels_.emplace_back();
    std::vector<Hash>& row = levels_[level];
    row.push_back(hash);
    if (row.size() % 2 == 1) return;
    hash = node_hash(row[row.size() - 2], row.back());
  }
}

Hash MemoryTree::root() const {
  if (size() == 0) return empty_tree_hash();
  std::vector<NodeId> nodes;
  append_subtrees(0, size(), nodes);
  std::vector<Hash> hashes;
  for (const NodeId& node : nodes)
    hashes.push_back(levels_[static_cast<std::size_t>(node.level)][node.index]);
  return fold_right(hashes);
}

std::span<const Hash> MemoryTree::level(int level) const {
  const auto at = static_cast<std::size_t>(level);
  if (at >= levels_.size()) return {};
  return levels_[at];
}

Result<std::vector<Hash>> MemoryTree::read(std::span<const NodeId> nodes) {
  std::vector<Hash> out;
  for (const NodeId& node : nodes) {
    const std::span<const Hash> row = level(node.level);
    if (node.index >= row.size()) {
      return fail(ErrorKind::kNotFound, "merkle: no node " + std::to_string(node.index) + " at level " +
                                            std::to_string(node.level));
    }
    out.push_back(row[node.index]);
  }
  return out;
}

}  // namespace sallyport::trust
