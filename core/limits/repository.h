// Limits of what is read in a repository: configuration, dependencies, source code.
#pragma once

#include <cstddef>

#include "core/limits.h"

namespace sallyport::limits {

inline constexpr std::size_t kYamlTreeNodesMax = 500'000;  // with every alias written out
inline constexpr std::size_t kYamlTreeDepthMax = 256;
inline constexpr std::size_t kInfraTextBytesMax = 16 * kMiB;   // of a workflow, a Dockerfile, a manifest
inline constexpr std::size_t kInfraRemarksMax = 200;           // of one file
inline constexpr std::size_t kPackagesMax = 100'000;           // named in one requirements or lock file
inline constexpr std::size_t kSourceBytesMax = 16 * kMiB;      // of one file of code
inline constexpr std::size_t kAdvisoryBytesMax = 16 * kMiB;    // of one advisory
inline constexpr std::size_t kScanCacheBytesMax = 256 * kMiB;  // of one repository

}  // namespace sallyport::limits
