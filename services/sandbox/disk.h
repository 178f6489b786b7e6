// How much a folder that a command may write to holds. Follows no link. Safe from any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace sallyport::services::sandbox::detail {

// The sum over all files of what each claims or occupies, whichever is more, so that a sparse file counts as
// what a reader would get; a file with several names counts once. Stops counting beyond `enough`. A folder
// that cannot be read, or more entries than limits::kManifestEntriesMax, count as beyond it.
std::uint64_t bytes_under(const std::vector<std::filesystem::path>& folders, std::uint64_t enough);

}  // namespace sallyport::services::sandbox::detail
