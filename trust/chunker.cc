#include "trust/chunker.h"

#include <algorithm>
#include <array>
#include <bit>

#include "core/digest.h"
#include "core/limits/data_versions.h"

namespace sallyport::trust {
namespace {

// Bits at the top of the hash, which depend on the most bytes. Two more than the normal size has before it,
// two fewer after it.
constexpr int kNormalBits = std::bit_width(limits::kBlockBytesNormal) - 1;
constexpr std::uint64_t top_bits(int count) { return ~std::uint64_t{0} << (64 - count); }
constexpr std::uint64_t kHardMask = top_bits(kNormalBits + 2);
constexpr std::uint64_t kEasyMask = top_bits(kNormalBits - 2);

// 256 random numbers that anyone can make again.
std::array<std::uint64_t, 256> make_gear() {
  std::array<std::uint64_t, 256> out{};
  for (std::size_t i = 0; i < out.size(); ++i) {
    const Digest digest = sha256("sallyport gear v1 " + std::to_string(i));
    for (int k = 0; k < 8; ++k) out[i] = (out[i] << 8) | digest.bytes[static_cast<std::size_t>(k)];
  }
  return out;
}

// The first position in [at, end) behind whose byte the hash meets the mask; `end` when there is none.
std::size_t scan(const std::uint8_t* bytes, std::size_t at, std::size_t end, std::uint64_t& hash,
                 std::uint64_t mask, const std::array<std::uint64_t, 256>& gear) {
  for (; at < end; ++at) {
    hash = (hash << 1) + gear[bytes[at]];
    if ((hash & mask) == 0) return at + 1;
  }
  return end;
}

}  // namespace

std::size_t first_block(BytesView bytes) {
  static const std::array<std::uint64_t, 256> gear = make_gear();
  if (bytes.size() <= limits::kBlockBytesMin) return bytes.size();
  const std::size_t normal = std::min(bytes.size(), limits::kBlockBytesNormal);
  const std::size_t end = std::min(bytes.size(), limits::kBlockBytesMax);
  std::uint64_t hash = 0;
  const std::size_t cut = scan(bytes.data(), limits::kBlockBytesMin, normal, hash, kHardMask, gear);
  if (cut < normal || (hash & kHardMask) == 0) return cut;
  return scan(bytes.data(), normal, end, hash, kEasyMask, gear);
}

}  // namespace sallyport::trust
