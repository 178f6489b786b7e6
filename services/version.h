// The version that this build reports and attests.
#pragma once

#include <string_view>

namespace sallyport::services {

inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace sallyport::services
