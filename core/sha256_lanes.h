// SHA-256 of many messages at once on one core.
//
// The processor's SHA instructions have a latency four times their throughput, and one message is one chain
// of them: four messages side by side take the time of one. Without those instructions the messages are
// hashed one after the other by OpenSSL. Each call is for one thread; calls share nothing.
#pragma once

#include <functional>
#include <optional>

#include "core/digest.h"

namespace sallyport {

inline constexpr std::size_t kSha256Lanes = 4;

// Whether this processor hashes several messages at once.
bool sha256_lanes_supported();

// One message, for a processor that hashes several at once.
Digest sha256_alone(BytesView message);

// Hashes messages until `next` has none left. `next(lane)` gives the bytes of the next message, which stay
// valid until `done(lane, digest)` is called for that lane; a lane has one message at a time.
void sha256_each(const std::function<std::optional<BytesView>(std::size_t lane)>& next,
                 const std::function<void(std::size_t lane, const Digest&)>& done);

}  // namespace sallyport
