// What somebody may ask of a scan, as a command line or a caller of the C interface spells it.
#pragma once

#include <filesystem>
#include <string>

#include "core/env.h"
#include "core/json.h"
#include "services/scan/scan.h"

namespace sallyport::services::scan {

struct Settings {
  std::filesystem::path policy_file = {};     // thresholds and waivers; empty: the built-in policy
  std::filesystem::path packs_folder = {};    // signed packs; needs packs_key_file
  std::filesystem::path packs_key_file = {};  // PEM
  bool explain = false;
  std::int64_t threads = 0;  // 0: one a core
  std::int64_t depth_max = limits::kArchiveDepthMax;
  std::int64_t layers_max = limits::kInspectLayersMax;
  std::int64_t unpacked_mb_max = limits::kUnpackedBytesMax / limits::kMiB;
  std::int64_t file_mb_max = 0;  // 0: no limit
};

// Reads the policy and the packs that are named. Error: one of them cannot be read, is not signed by the key,
// or a number is below zero.
Result<ScanOptions> read_options(Env& env, const Settings& settings);

// {"policy","packs","packs_key","explain","threads","max_depth","max_layers","max_unpacked_mb",
// "max_file_mb"}, each of them optional. Error: another member, or one of a wrong type.
Result<Settings> parse_settings(std::string_view json);

}  // namespace sallyport::services::scan
