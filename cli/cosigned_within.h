// The flag of every command that believes a log only while its witnesses' cosignatures are young.
#pragma once

#include <optional>

#include "cli/command.h"

namespace sallyport::cli {

inline constexpr Flag kCosignedWithin{.name = "cosigned-within",
                                      .value = "N",
                                      .doc = "hours; cosignatures that are older do not count; 0: any age",
                                      .fallback = "0"};

// Seconds; absent: any age.
inline std::optional<std::int64_t> cosigned_age_max_s(const Arguments& arguments) {
  constexpr std::int64_t hour_s = 3'600;
  const std::int64_t hours = arguments.number("cosigned-within");
  if (hours <= 0) return {};
  return hours * hour_s;
}

}  // namespace sallyport::cli
