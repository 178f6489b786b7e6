// How the files of a directory lie in blocks, bound by one Merkle root (RFC 6962) over all of them.
//
// The blocks stand in the order of the manifest's files. A leaf of the tree is a block's SHA-256 and its
// length as 4 bytes, big-endian; the root goes into the signed version, so that every block can be held
// against what was signed before a reader sees it. Written as: number of files (4 bytes), then for each file
// the number of its blocks (4) and the blocks (36 each). Values only; safe from any thread.
#pragma once

#include <vector>

#include "trust/manifest.h"
#include "trust/merkle.h"

namespace sallyport::trust {

struct Block {
  Digest digest = {};
  std::uint32_t length = 0;
  bool operator==(const Block&) const = default;
};

struct Layout {
  std::vector<std::vector<Block>> files = {};

  bool operator==(const Layout&) const = default;
};

Hash root_of(const Layout& layout);
// Error over limits::kLayoutBlocksMax.
Result<Bytes> serialize(const Layout& layout);
// Strict; the caller compares the root.
Result<Layout> parse_layout(BytesView bytes);
// Whether it has one file for each file of the manifest, of that size.
Result<void> check_layout(const Layout& layout, const Manifest& manifest);

}  // namespace sallyport::trust
