#include "services/tracking/routes.h"

#include <array>

namespace sallyport::services::tracking {
namespace {

constexpr Route kRoutes[] = {
#define ROUTE(method, path, handler) {#method, path, handler},
#include "services/tracking/routes.def"
#undef ROUTE
};

std::string_view take_segment(std::string_view& pattern) {
  pattern.remove_prefix(1);
  const std::size_t end = pattern.find('/');
  const std::string_view out = pattern.substr(0, end);
  pattern = end == std::string_view::npos ? std::string_view() : pattern.substr(end);
  return out;
}

bool fits(std::string_view pattern, std::span<const std::string> segments, Match& match) {
  match.parameters.clear();
  for (const std::string& segment : segments) {
    if (pattern.empty()) return false;
    const std::string_view wanted = take_segment(pattern);
    if (!wanted.starts_with('{')) {
      if (wanted != segment) return false;
      continue;
    }
    if (segment.empty() || segment.find('/') != std::string::npos) return false;
    match.parameters.emplace_back(wanted.substr(1, wanted.size() - 2), segment);
  }
  return pattern.empty();
}

}  // namespace

std::span<const Route> routes() { return kRoutes; }

Match find_route(std::string_view method, std::span<const std::string> segments) {
  Match match;
  for (const Route& route : kRoutes) {
    if (!fits(route.path, segments, match)) continue;
    if (route.method == method) {
      match.route = &route;
      return match;
    }
    match.other_method = true;
  }
  match.parameters.clear();
  return match;
}

}  // namespace sallyport::services::tracking
