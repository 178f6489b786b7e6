// A scan as a CycloneDX 1.6 ML-BOM (ECMA-424): each file a component with its digest, model files as
// machine-learning models, findings as vulnerabilities that affect them. Pure functions.
#pragma once

#include "services/scan/scan.h"

namespace sallyport::services::scan {

Json to_cyclonedx(const ScanReport& report, std::string_view version);

}  // namespace sallyport::services::scan
