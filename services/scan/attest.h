// A scan as a signed statement: the files by the SHA-256 that the same pass computed, and what was said of
// each.
#pragma once

#include <string>

#include "core/result.h"
#include "services/scan/scan.h"
#include "trust/keys.h"

namespace sallyport::services::scan {

inline constexpr std::string_view kScanPredicate = "https://sallyport.dev/scan/v1";

// A DSSE envelope over an in-toto statement. Its subjects are the files that were read; those that were not
// are in the predicate alone. Error when nothing was read.
Result<std::string> attest(const ScanReport& report, const trust::PrivateKey& key);

}  // namespace sallyport::services::scan
