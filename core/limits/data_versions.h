// Limits of versioned data: blocks, packs, layouts and names.
#pragma once

#include "core/limits.h"

namespace sallyport::limits {

// Where a file is cut into blocks. They are part of the format: other sizes find other cuts, and nothing that
// is stored already would be found again.
inline constexpr std::size_t kBlockBytesMin = 32 * kKiB;
inline constexpr std::size_t kBlockBytesNormal = 128 * kKiB;
inline constexpr std::size_t kBlockBytesMax = 512 * kKiB;

inline constexpr std::size_t kPackBytes = 256 * kMiB;         // a pack that is longer is closed
inline constexpr std::size_t kPackEntryBytesMax = 64 * kMiB;  // a manifest or a layout; blocks are shorter
inline constexpr std::size_t kPackEntriesMax = 1'000'000;
inline constexpr std::size_t kPacksMax = 100'000;
inline constexpr std::size_t kLayoutBlocksMax = 1'800'000;  // 240 GB at the normal size

inline constexpr std::size_t kDataNameBytesMax = 128;
inline constexpr std::size_t kDataMessageBytesMax = 4096;
inline constexpr std::size_t kDataInputsMax = 1000;
inline constexpr std::size_t kAmendedFilesMax = 1000;
inline constexpr std::size_t kSealedRowsMax = 20'000'000;  // whose hashes are held at once

}  // namespace sallyport::limits
