#include "core/sha256_lanes.h"

#include <algorithm>
#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace sallyport {
namespace {

constexpr std::size_t kBlock = 64;

void hash_in_turn(const std::function<std::optional<BytesView>(std::size_t)>& next,
                  const std::function<void(std::size_t, const Digest&)>& done) {
  while (const std::optional<BytesView> message = next(0)) done(0, sha256(*message));
}

#if defined(__x86_64__)

#define SALLYPORT_SHA __attribute__((target("sha,sse4.1,ssse3"), optimize("O3")))

// FIPS 180-4, section 4.2.2.
alignas(16) constexpr std::array<std::uint32_t, 64> kRound = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

// One message under way. The state is kept in the order that the instructions want: a b e f, and c d g h.
struct Lane {
  std::size_t id = 0;
  const std::uint8_t* at = nullptr;
  std::size_t blocks = 0;  // whole blocks left at `at`
  bool in_tail = false;
  std::size_t tail_blocks = 0;
  std::array<std::uint8_t, 2 * kBlock> tail = {};  // the last bytes, the padding and the length
  __m128i abef = _mm_setzero_si128();
  __m128i cdgh = _mm_setzero_si128();
};

// Section 6.2.2, for `kLanes` messages in step; the loops over lanes are unrolled, so that the lanes' chains
// of instructions overlap.
template <std::size_t kLanes>
SALLYPORT_SHA void compress(Lane* const* lanes, std::size_t blocks) {
  const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
  __m128i abef[kLanes];
  __m128i cdgh[kLanes];
  const std::uint8_t* at[kLanes];
  for (std::size_t l = 0; l < kLanes; ++l) {
    abef[l] = lanes[l]->abef;
    cdgh[l] = lanes[l]->cdgh;
    at[l] = lanes[l]->at;
  }
  for (; blocks > 0; --blocks) {
    __m128i before_abef[kLanes];
    __m128i before_cdgh[kLanes];
    __m128i words[kLanes][4];
    for (std::size_t l = 0; l < kLanes; ++l) {
      before_abef[l] = abef[l];
      before_cdgh[l] = cdgh[l];
      for (std::size_t i = 0; i < 4; ++i) {
        const auto* from = reinterpret_cast<const __m128i*>(at[l] + 16 * i);
        words[l][i] = _mm_shuffle_epi8(_mm_loadu_si128(from), big_endian);
      }
      at[l] += kBlock;
    }
#pragma GCC unroll 16
    for (std::size_t g = 0; g < 16; ++g) {  // four rounds a turn
      const __m128i constants = _mm_load_si128(reinterpret_cast<const __m128i*>(kRound.data() + 4 * g));
      __m128i input[kLanes];
      for (std::size_t l = 0; l < kLanes; ++l) {
        __m128i* w = words[l];
        input[l] = _mm_add_epi32(w[g & 3], constants);
        cdgh[l] = _mm_sha256rnds2_epu32(cdgh[l], abef[l], input[l]);
        if (g < 12) {
          const __m128i older = _mm_alignr_epi8(w[(g + 3) & 3], w[(g + 2) & 3], 4);
          const __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(w[g & 3], w[(g + 1) & 3]), older);
          w[g & 3] = _mm_sha256msg2_epu32(sum, w[(g + 3) & 3]);
        }
      }
      for (std::size_t l = 0; l < kLanes; ++l) {
        abef[l] = _mm_sha256rnds2_epu32(abef[l], cdgh[l], _mm_shuffle_epi32(input[l], 0x0e));
      }
    }
    for (std::size_t l = 0; l < kLanes; ++l) {
      abef[l] = _mm_add_epi32(abef[l], before_abef[l]);
      cdgh[l] = _mm_add_epi32(cdgh[l], before_cdgh[l]);
    }
  }
  for (std::size_t l = 0; l < kLanes; ++l) {
    lanes[l]->abef = abef[l];
    lanes[l]->cdgh = cdgh[l];
    lanes[l]->at = at[l];
  }
}

// Section 5.1.1 for the end of the message, section 5.3.3 for the state it starts with.
SALLYPORT_SHA void start(Lane& lane, BytesView message) {
  lane.at = message.data();
  lane.blocks = message.size() / kBlock;
  lane.in_tail = false;
  lane.abef =
      _mm_set_epi32(0x6a09e667, static_cast<int>(0xbb67ae85), 0x510e527f, static_cast<int>(0x9b05688c));
  lane.cdgh = _mm_set_epi32(0x3c6ef372, static_cast<int>(0xa54ff53a), 0x1f83d9ab, 0x5be0cd19);
  const std::size_t rest = message.size() % kBlock;
  lane.tail.fill(0);
  std::copy_n(message.end() - static_cast<std::ptrdiff_t>(rest), rest, lane.tail.begin());
  lane.tail[rest] = 0x80;
  lane.tail_blocks = rest + 9 <= kBlock ? 1 : 2;
  const std::uint64_t bits = std::uint64_t{message.size()} * 8;
  for (std::size_t i = 0; i < 8; ++i) {
    lane.tail[lane.tail_blocks * kBlock - 1 - i] = static_cast<std::uint8_t>(bits >> (8 * i));
  }
}

SALLYPORT_SHA Digest digest_of(const Lane& lane) {
  std::array<std::uint32_t, 4> abef{};
  std::array<std::uint32_t, 4> cdgh{};
  std::memcpy(abef.data(), &lane.abef, sizeof abef);
  std::memcpy(cdgh.data(), &lane.cdgh, sizeof cdgh);
  const std::array<std::uint32_t, 8> words = {abef[3], abef[2], cdgh[3], cdgh[2],
                                              abef[1], abef[0], cdgh[1], cdgh[0]};
  Digest out;
  for (std::size_t i = 0; i < out.bytes.size(); ++i) {
    out.bytes[i] = static_cast<std::uint8_t>(words[i / 4] >> (24 - 8 * (i % 4)));
  }
  return out;
}

// Behind the whole blocks come those of the tail; false when those are done too.
bool advance(Lane& lane) {
  if (lane.blocks > 0) return true;
  if (lane.in_tail) return false;
  lane.in_tail = true;
  lane.at = lane.tail.data();
  lane.blocks = lane.tail_blocks;
  return true;
}

void compress_all(Lane* const* lanes, std::size_t count, std::size_t blocks) {
  switch (count) {
    case 1: compress<1>(lanes, blocks); break;
    case 2: compress<2>(lanes, blocks); break;
    case 3: compress<3>(lanes, blocks); break;
    default: compress<4>(lanes, blocks); break;
  }
  for (std::size_t l = 0; l < count; ++l) lanes[l]->blocks -= blocks;
}

void hash_in_lanes(const std::function<std::optional<BytesView>(std::size_t)>& next,
                   const std::function<void(std::size_t, const Digest&)>& done) {
  std::array<Lane, kSha256Lanes> lanes;
  std::array<Lane*, kSha256Lanes> busy{};
  std::size_t count = 0;
  const auto feed = [&](Lane& lane) {
    const std::optional<BytesView> message = next(lane.id);
    if (message) start(lane, *message);
    return message.has_value();
  };
  for (std::size_t l = 0; l < lanes.size(); ++l) {
    lanes[l].id = l;
    if (!feed(lanes[l])) break;
    busy[count++] = &lanes[l];
  }
  while (count > 0) {
    std::size_t kept = 0;
    std::size_t blocks = SIZE_MAX;
    for (std::size_t l = 0; l < count; ++l) {
      Lane& lane = *busy[l];
      if (!advance(lane)) {
        done(lane.id, digest_of(lane));
        if (!feed(lane)) continue;
        static_cast<void>(advance(lane));
      }
      blocks = std::min(blocks, lane.blocks);
      busy[kept++] = &lane;
    }
    count = kept;
    if (count > 0) compress_all(busy.data(), count, blocks);
  }
}

Digest hash_alone(BytesView message) {
  Lane lane;
  Lane* const lanes[] = {&lane};
  start(lane, message);
  while (advance(lane)) compress_all(lanes, 1, lane.blocks);
  return digest_of(lane);
}

bool has_sha_instructions() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & bit_SSE4_1) == 0 || (c & bit_SSSE3) == 0) return false;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & bit_SHA) != 0;
}

#endif

}  // namespace

bool sha256_lanes_supported() {
#if defined(__x86_64__)
  static const bool kSupported = has_sha_instructions();
  return kSupported;
#else
  return false;
#endif
}

Digest sha256_alone(BytesView message) {
#if defined(__x86_64__)
  if (sha256_lanes_supported()) return hash_alone(message);
#endif
  return sha256(message);
}

void sha256_each(const std::function<std::optional<BytesView>(std::size_t)>& next,
                 const std::function<void(std::size_t, const Digest&)>& done) {
#if defined(__x86_64__)
  if (sha256_lanes_supported()) return hash_in_lanes(next, done);
#endif
  hash_in_turn(next, done);
}

}  // namespace sallyport
