// The route table (routes.def) and how a request finds its place in it.
//
// Constants; safe from any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "services/tracking/call.h"

namespace sallyport::services::tracking {

#define ROUTE(method, path, handler) Result<Json> handler(Call& call);
#include "services/tracking/routes.def"
#undef ROUTE

struct Route {
  std::string_view method;
  std::string_view path;
  Handler handler;
};
std::span<const Route> routes();

struct Match {
  const Route* route = nullptr;  // nullptr: there is no such path
  bool other_method = false;     // the path exists, but not for this method
  std::vector<std::pair<std::string, std::string>> parameters = {};
};
// `segments` are decoded; one that holds what a path must not is no match.
Match find_route(std::string_view method, std::span<const std::string> segments);

}  // namespace sallyport::services::tracking
