// Limits of the tracking server: what MLflow's clients may ask of it. Where MLflow has a limit, it is
// MLflow's.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/limits.h"

namespace sallyport::limits {

inline constexpr std::size_t kEntityKeyBytesMax = 250;   // of a metric, parameter or tag
inline constexpr std::size_t kEntityNameBytesMax = 500;  // of an experiment, a run
inline constexpr std::size_t kParamBytesMax = 6'000;
inline constexpr std::size_t kTagBytesMax = 8'000;
inline constexpr std::size_t kDatasetBytesMax = 64 * kKiB;  // of its schema, profile or source, each
inline constexpr std::size_t kUriBytesMax = 2 * kKiB;
inline constexpr std::size_t kBatchMetricsMax = 1'000;
inline constexpr std::size_t kBatchParamsMax = 100;
inline constexpr std::size_t kBatchTagsMax = 100;
inline constexpr std::size_t kBatchEntitiesMax = 1'000;
inline constexpr std::size_t kTagsPerCreationMax = 1'000;

// Artifacts.
inline constexpr std::uint64_t kArtifactBytesMax = 64 * static_cast<std::uint64_t>(kGiB);

// Search.
inline constexpr std::size_t kFilterBytesMax = 16 * kKiB;
inline constexpr std::size_t kFilterConditionsMax = 100;
inline constexpr std::size_t kFilterListMax = 1'000;  // in one IN (...)
inline constexpr std::size_t kOrderByMax = 20;
inline constexpr std::size_t kSearchExperimentsMax = 1'000;  // named by one search
inline constexpr std::int64_t kSearchResultsMax = 50'000;
inline constexpr std::int64_t kSearchResultsDefault = 1'000;
inline constexpr std::int64_t kHistoryResultsMax = 25'000;
inline constexpr std::size_t kBulkRunsMax = 100;  // whose metrics are read at once
inline constexpr std::int64_t kBulkPointsMax = 2'500;
inline constexpr std::int64_t kBulkPointsDefault = 320;

// Tokens of identity providers, and the keys that check them.
inline constexpr std::size_t kJwtBytesMax = 8 * kKiB;
inline constexpr double kJwtLeewayS = 60;  // between two clocks
inline constexpr std::size_t kKeySetBytesMax = 256 * kKiB;
inline constexpr std::size_t kKeySetKeysMax = 100;
inline constexpr std::int64_t kKeySetFreshS = 600;
inline constexpr std::int64_t kKeySetRetryS = 60;
inline constexpr std::int64_t kKeySetHeldS = 24 * 3600;  // when its issuer cannot be reached

// What is kept of the use that principals make of their leave.
inline constexpr std::size_t kUsesMax = 200'000;
inline constexpr std::size_t kUsesBytesMax = 256 * kMiB;

// The store: how many writes share one wait for the disk, and how many readers there are at most.
inline constexpr std::size_t kCommitJobsMax = 256;
inline constexpr std::size_t kReadersMax = 8;

}  // namespace sallyport::limits
