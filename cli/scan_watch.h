// `sallyport scan --watch`: what was named now, then every file that appears or changes below it.
#pragma once

#include <filesystem>
#include <vector>

#include "cli/command.h"
#include "services/scan/scan.h"

namespace sallyport::cli {

// Prints each file once it is scanned, as JSON one object a line, until SIGINT or SIGTERM. The exit is the
// worst that was seen.
Result<Exit> watch_folders(const std::vector<std::filesystem::path>& folders,
                           const services::scan::ScanOptions& options, Output& output);

}  // namespace sallyport::cli
