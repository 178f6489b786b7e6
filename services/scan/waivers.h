// Waivers that end: announced before they do, and named as an error once they have.
//
// Pure; safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/policy.h"

namespace sallyport::services::scan {

// How long before its end a waiver is announced: time enough to mend what it covers.
inline constexpr std::int64_t kWaiverNoticeDays = 14;

struct WaiverNotice {
  std::string guard;
  std::string path = {};
  std::string owner = {};
  std::int64_t expires_unix_s = 0;
  bool expired = false;
  std::int64_t days = 0;  // whole days that are left; of an expired one, that have passed
};

// Those of the policy that have expired or are about to, the earliest first.
std::vector<WaiverNotice> waiver_notices(const Policy& policy, std::int64_t now_unix_s);

// "the waiver of pickle_code_execution for 'model.pkl' ('ana') expires on 2030-01-01, in 9 days"
std::string text_of(const WaiverNotice& notice);
// {"guard","path","owner","expires","expired","days"}
Json to_json(const WaiverNotice& notice);

}  // namespace sallyport::services::scan
