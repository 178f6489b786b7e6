// A tracking server for a drill: a folder, a policy of roles and principals, and requests without a
// transport.
//
// Everybody's token is "sp_" and their name. For one thread at a time.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "drills/drill.h"
#include "services/tracking/service.h"

namespace sallyport::drills {

// `roles` is the section of the policy as YAML, one line a role, without indentation; `budget` likewise or
// "".
struct Member {
  std::string name = {};
  std::string role = {};
};
Result<std::unique_ptr<services::tracking::Access>> access_of(World& world,
                                                              const std::vector<std::string>& roles,
                                                              const std::vector<Member>& members,
                                                              const std::string& budget = {});

struct Asked {
  std::string who = {};  // "": nobody
  std::string method = {};
  std::string target = {};
  std::string body = {};
};

class TrackingServer {
 public:
  static Result<TrackingServer> open(const fs::path& root,
                                     std::unique_ptr<services::tracking::Access> access);

  services::http::Answer ask(const Asked& asked) const;
  // The body of a streamed answer too; "" unless the answer is 200.
  std::string text(const Asked& asked) const;
  // The status of an upload to "EXPERIMENT/RUN/artifacts/...".
  int put(const std::string& who, const std::string& path, std::string_view bytes) const;
  // What must succeed: an object, or {} when it does not.
  Json call(const std::string& method, const std::string& route, const Json& body = {}) const;

  // Made by nobody in particular, so only on a server for anybody.
  Result<std::string> new_experiment(const std::string& name) const;
  Result<std::string> new_run(const std::string& experiment) const;
  // Registers what a run has below "m" and waits for the gate.
  Result<void> register_version(const std::string& model, const std::string& run, int version) const;

 private:
  std::unique_ptr<services::tracking::Service> service_ = {};
};

}  // namespace sallyport::drills
