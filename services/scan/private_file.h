// Files of the user's own that spare the next scan some work: read only from a folder that nobody but its
// owner can write, taken whole or not at all.
//
// A file begins with a line that says what it is and the digest of the rules that it belongs to, and ends
// with a SHA-256 of all that precedes. That finds damage, not malice: whoever can write there as this user
// can exchange the scanner as well. Safe from any thread.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "core/digest.h"
#include "core/result.h"

namespace sallyport::services::scan {

// What stands between the head and the sum of such a file; nullopt when it is absent, damaged, of other
// rules, or where others can write.
std::optional<Bytes> read_private(const std::filesystem::path& file, std::string_view magic,
                                  const Digest& rules);
// Makes the folder if need be. Error: others can write there, or it is larger than
// limits::kScanCacheBytesMax.
Result<void> write_private(const std::filesystem::path& file, std::string_view magic, const Digest& rules,
                           std::string_view body);

}  // namespace sallyport::services::scan
