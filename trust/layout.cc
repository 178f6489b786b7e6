#include "trust/layout.h"

#include "core/limits/data_versions.h"

namespace sallyport::trust {
namespace {

constexpr std::size_t kBlockEntryBytes = 32 + 4;

Bytes encoded(const Block& block) {
  Bytes out(block.digest.bytes.begin(), block.digest.bytes.end());
  append_be(out, block.length, 4);
  return out;
}

Result<Layout> read_layout(BytesView bytes) {
  Reader reader(bytes);
  const std::uint32_t files = TRY(reader.u32_be());
  Layout out;
  std::size_t blocks = 0;
  for (std::uint32_t f = 0; f < files; ++f) {
    const std::uint32_t count = TRY(reader.u32_be());
    blocks += count;
    if (blocks > limits::kLayoutBlocksMax) return fail(ErrorKind::kLimit, "over 1,800,000 blocks");
    if (count > reader.remaining() / kBlockEntryBytes) return invalid("cut short");
    std::vector<Block>& file = out.files.emplace_back();
    for (std::uint32_t b = 0; b < count; ++b) {
      Block block;
      const BytesView digest = TRY(reader.take(32));
      std::copy(digest.begin(), digest.end(), block.digest.bytes.begin());
      block.length = TRY(reader.u32_be());
      if (block.length == 0 || block.length > limits::kBlockBytesMax) {
        return invalid("a block of " + std::to_string(block.length) + " bytes");
      }
      file.push_back(block);
    }
  }
  if (!reader.done()) return invalid("bytes after its end");
  return out;
}

}  // namespace

Hash root_of(const Layout& layout) {
  std::vector<Hash> leaves;
  for (const std::vector<Block>& file : layout.files) {
    for (const Block& block : file) leaves.push_back(leaf_hash(encoded(block)));
  }
  return root_of_leaves(leaves);
}

Result<Bytes> serialize(const Layout& layout) {
  Bytes out;
  std::size_t blocks = 0;
  append_be(out, layout.files.size(), 4);
  for (const std::vector<Block>& file : layout.files) {
    blocks += file.size();
    if (blocks > limits::kLayoutBlocksMax) return fail(ErrorKind::kLimit, "layout: over 1,800,000 blocks");
    append_be(out, file.size(), 4);
    for (const Block& block : file) {
      const Bytes one = encoded(block);
      out.insert(out.end(), one.begin(), one.end());
    }
  }
  return out;
}

Result<Layout> parse_layout(BytesView bytes) {
  Result<Layout> out = read_layout(bytes);
  if (!out) return within("layout", out.error());
  return out;
}

Result<void> check_layout(const Layout& layout, const Manifest& manifest) {
  std::size_t at = 0;
  for (const ManifestEntry& entry : manifest.entries) {
    if (entry.mode == EntryMode::kEmptyDirectory) continue;
    if (at == layout.files.size()) return invalid("layout: has fewer files than the manifest");
    std::uint64_t size = 0;
    for (const Block& block : layout.files[at]) size += block.length;
    if (size != entry.size) return invalid("layout: the blocks of '" + entry.path + "' are not of its size");
    ++at;
  }
  if (at != layout.files.size()) return invalid("layout: has more files than the manifest");
  return {};
}

}  // namespace sallyport::trust
