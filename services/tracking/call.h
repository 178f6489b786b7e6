// One request on its way through its handler: who asks, for what, and what it may touch.
//
// A handler asks for leave (`require`) before it reads or changes anything of a resource; an answer without
// leave never leaves the service. For one thread.
#pragma once

#include <string>

#include "services/tracking/parts.h"
#include "services/tracking/wire.h"

namespace sallyport::services::tracking {

class Call {
 public:
  Call(const Parts& parts, Principal principal, Arguments arguments, std::int64_t now_ms)
      : parts_(parts), principal_(std::move(principal)), arguments_(std::move(arguments)), now_ms_(now_ms) {}

  const Arguments& arguments() const { return arguments_; }
  const Principal& principal() const { return principal_; }
  std::int64_t now_ms() const { return now_ms_; }
  const Parts& parts() const { return parts_; }
  Env& env() { return parts_.env; }
  Store& store() { return parts_.store; }

  // ErrorKind::kDenied when the principal may not.
  Result<void> require(Verb verb, const Resource& resource);
  // Whether it may: for lists, which hold what their reader may see.
  bool may(Verb verb, const Resource& resource);
  // Says that the handler answers with a list of which each element is asked about.
  void filters_by_leave() { asked_ = true; }
  bool asked_for_leave() const { return asked_; }

 private:
  const Parts& parts_;
  Principal principal_;
  Arguments arguments_;
  std::int64_t now_ms_;
  bool asked_ = false;
};

using Handler = Result<Json> (*)(Call& call);

}  // namespace sallyport::services::tracking
