// Limits of what a confined command may declare, and of the broker that it speaks to.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/limits.h"

namespace sallyport::limits {

// Programs that one command may execute, and how far the first lines of scripts are followed to more.
inline constexpr std::size_t kSandboxProgramsMax = 64;
inline constexpr std::size_t kSandboxScriptsDeep = 4;
// Of a script, what is read to learn its interpreter: as much as the kernel reads.
inline constexpr std::size_t kSandboxFirstLineBytesMax = 256;

// The broker: destinations that a step may declare, its connections at once and over its life, what a request
// to connect may hold, and how long the broker waits for one, for a name or for the other side.
inline constexpr std::size_t kEgressDestinationsMax = 64;
inline constexpr std::size_t kEgressConnectionsMax = 10'000;
inline constexpr std::size_t kEgressConnectionsAtOnceMax = 64;
inline constexpr std::size_t kEgressRequestBytesMax = 8 * kKiB;
inline constexpr std::size_t kEgressHostBytesMax = 253;
inline constexpr std::size_t kEgressAddressesMax = 16;
inline constexpr int kEgressWaitMsMax = 10'000;
// What a declared destination may be sent, and may send, unless its budgets say otherwise.
inline constexpr std::uint64_t kEgressSendBytes = kMiB;
inline constexpr std::uint64_t kEgressReceiveBytes = 1024 * std::uint64_t{kMiB};

}  // namespace sallyport::limits
