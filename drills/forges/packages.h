// Device packages of TFLite, honest or with one of the things that a package should not have.
//
// Each has one operator and four bytes of weights, ones, whose sum a device tells. The hostile ones make a
// device that trusts them tell kStolenSum, the sum of what lies behind the file in its memory, or leave
// drills::forges::kMark: drills/victims/device.h. Pure functions, safe from any thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/bytes.h"

namespace sallyport::drills::forges {

enum class PackageDeed : std::uint8_t { kNone, kCustomOperator, kFarOffset, kAppended };
inline constexpr int kPackageDeeds = 3;  // without kNone
inline constexpr std::string_view kStolenSum = "28";
inline constexpr std::string_view kHook = "HOOK";  // what the appended data starts with

Bytes device_package(PackageDeed deed);

}  // namespace sallyport::drills::forges
