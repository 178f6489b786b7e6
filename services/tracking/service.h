// The tracking server without its transport: MLflow's REST API over a store, its artifacts and its registry.
//
// Every request is first told who sends it (access.h), then finds its route (routes.def, or the artifacts'
// path), then its handler, which asks for leave on the very thing that it touches. Safe from any number of
// threads.
#pragma once

#include <memory>

#include "core/env.h"
#include "core/json.h"
#include "services/http/http.h"
#include "services/tracking/backing.h"
#include "services/tracking/gatekeeper.h"
#include "services/tracking/parts.h"

namespace sallyport::services::tracking {

class Call;

class Service : public http::Handler {
 public:
  // `root` is the folder of the server's state, made when it is missing; policy.yaml in it is its policy.
  static Result<std::unique_ptr<Service>> open(Env& env, const fs::path& root, std::unique_ptr<Access> access,
                                               const Backing& backing = {});

  http::Intake intake(const http::Request& request) override;
  http::Answer handle(const http::Request& request) override;
  http::Opened open(const http::Request& request) override;
  http::Answer refuse(int status, const std::string& message) override;

 private:
  struct State {
    Policy policy = {};
    std::unique_ptr<Store> store = {};
    std::unique_ptr<Blobs> blobs = {};
    std::unique_ptr<Notary> notary = {};
    std::unique_ptr<Access> access = {};
  };
  Service(Env& env, State state);
  Result<Json> dispatch(const http::Request& request, const Principal& principal);
  Result<http::Answer> artifacts(const http::Request& request, const Principal& principal);

  State state_;
  Gatekeeper gatekeeper_;
  Parts parts_;
};

}  // namespace sallyport::services::tracking
