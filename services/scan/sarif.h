// A scan as SARIF 2.1.0 (OASIS), for code-scanning interfaces: a rule for each kind of finding, byte regions,
// and fingerprints that stay the same while the file's content does. Pure functions.
#pragma once

#include "services/scan/scan.h"

namespace sallyport::services::scan {

Json to_sarif(const ScanReport& report, std::string_view version);

}  // namespace sallyport::services::scan
