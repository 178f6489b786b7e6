// How a scan is shown to people: findings in colour on a terminal, one a line when piped.
#pragma once

#include "cli/output.h"
#include "services/scan/scan.h"

namespace sallyport::cli {

void print_scan(const services::scan::ScanReport& report, Output& output);

}  // namespace sallyport::cli
