#include "services/tracking/call.h"

namespace sallyport::services::tracking {

Result<void> Call::require(Verb verb, const Resource& resource) {
  if (may(verb, resource)) return parts_.access.visit(principal_, resource);
  return denied("Permission denied: " + shown(principal_.name) + " may not " + std::string(name_of(verb)) +
                " " + describe(resource));
}

bool Call::may(Verb verb, const Resource& resource) {
  asked_ = true;
  return parts_.access.allows(principal_, verb, resource);
}

}  // namespace sallyport::services::tracking
