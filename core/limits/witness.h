// Limits of what is read about a log's witnesses: policies, requests to a witness and its answers, receipts.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/limits.h"

namespace sallyport::limits {

inline constexpr std::size_t kWitnessPolicyBytesMax = 256 * kKiB;
inline constexpr std::size_t kWitnessPolicyLinesMax = 1'000;  // logs, witnesses and groups together
// A clock that is ahead of ours by more is not believed.
inline constexpr std::int64_t kCosignatureAheadS = 300;

// Of a request: C2SP tlog-witness allows 63 hashes of a consistency proof. Its head is the line of the old
// size and those of the proof.
inline constexpr std::size_t kConsistencyHashesMax = 63;
inline constexpr std::size_t kAddCheckpointBytesMax = 8 * kKiB + kCheckpointBytesMax;
inline constexpr std::size_t kWitnessLogsMax = 10'000;
// Of a witness's answer.
inline constexpr std::size_t kWitnessAnswerBytesMax = 16 * kKiB;
inline constexpr unsigned kWitnessPatienceS = 10;
inline constexpr int kWitnessPollMs = 500;
inline constexpr int kWitnessRetryMsMax = 60'000;

// A receipt carries its envelope, which the log's entry names.
inline constexpr std::size_t kInclusionHashesMax = 64;
inline constexpr std::size_t kTlogProofBytesMax = 12 * kMiB;

}  // namespace sallyport::limits
