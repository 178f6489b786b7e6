// Limits of the HTTP transport: what a client could otherwise choose.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/limits.h"

namespace sallyport::limits {

// Bodies of all connections that are held in memory together: many clients that each send a large one must
// not fill it.
inline constexpr std::uint64_t kHttpBodyBytesInHandMax = 16 * kRequestBytesMax;
// A body that is streamed moves in pieces, which grow from the one size to the other as it flows: a client
// that sends nothing holds little.
inline constexpr std::size_t kHttpPieceBytesMin = 16 * kKiB;
inline constexpr std::size_t kHttpPieceBytesMax = kMiB;
// What one read from a socket takes at most, where the protocol's parser does the reading.
inline constexpr std::size_t kHttpReadBytes = 64 * kKiB;
// A client that sends or takes slower than this, beyond the time-out of a request, is let go.
inline constexpr std::uint64_t kHttpBytesPerSecondMin = 16 * kKiB;
// What is still read of a body that was refused, so that the refusal reaches the client.
inline constexpr std::size_t kHttpDrainBytesMax = 64 * kMiB;
inline constexpr int kHttpDrainMs = 2'000;
inline constexpr std::size_t kUrlParametersMax = 1'000;

}  // namespace sallyport::limits
