#include "services/scan/waivers.h"

#include <algorithm>
#include <tuple>

#include "core/env.h"
#include "core/finding.h"

namespace sallyport::services::scan {
namespace {

constexpr std::int64_t kDayS = 24 * 3600;

std::string day_of(std::int64_t unix_s) { return format_time(unix_s).substr(0, 10); }

std::string days_text(std::int64_t days) { return std::to_string(days) + (days == 1 ? " day" : " days"); }

}  // namespace

std::vector<WaiverNotice> waiver_notices(const Policy& policy, std::int64_t now_unix_s) {
  std::vector<WaiverNotice> out;
  for (const Waiver& waiver : policy.waivers) {
    const std::int64_t left_s = waiver.expires_unix_s - now_unix_s;
    if (left_s > kWaiverNoticeDays * kDayS) continue;
    out.push_back({.guard = waiver.guard,
                   .path = waiver.path,
                   .owner = waiver.owner,
                   .expires_unix_s = waiver.expires_unix_s,
                   .expired = left_s <= 0,
                   .days = (left_s <= 0 ? -left_s : left_s) / kDayS});
  }
  std::ranges::sort(out, [](const WaiverNotice& a, const WaiverNotice& b) {
    return std::tie(a.expires_unix_s, a.guard, a.path) < std::tie(b.expires_unix_s, b.guard, b.path);
  });
  return out;
}

std::string text_of(const WaiverNotice& notice) {
  std::string out = "the waiver of " + notice.guard;
  if (!notice.path.empty()) out += " for " + shown(notice.path);
  out += " (" + shown(notice.owner) + ") ";
  const std::string day = day_of(notice.expires_unix_s);
  if (notice.expired)
    return out + "expired on " + day + ", " + days_text(notice.days) + " ago, and covers nothing";
  return out + "expires on " + day + ", " + (notice.days == 0 ? "today" : "in " + days_text(notice.days));
}

Json to_json(const WaiverNotice& notice) {
  return {{"guard", notice.guard},     {"path", notice.path},
          {"owner", notice.owner},     {"expires", format_time(notice.expires_unix_s)},
          {"expired", notice.expired}, {"days", notice.days}};
}

}  // namespace sallyport::services::scan
