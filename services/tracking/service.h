// The tracking server without its transport: MLflow's REST API over a store.
//
// Every request is first told who sends it (access.h), then finds its route (routes.def), then its handler,
// which asks for leave on the very thing that it touches. Safe from any number of threads.
#pragma once

#include <memory>

#include "core/env.h"
#include "core/json.h"
#include "services/http/http.h"
#include "services/tracking/access.h"
#include "services/tracking/store.h"

namespace sallyport::services::tracking {

class Service : public http::Handler {
 public:
  // `root` is the folder of the server's state, made when it is missing.
  static Result<std::unique_ptr<Service>> open(Env& env, const fs::path& root,
                                               std::unique_ptr<Access> access);

  http::Answer handle(const http::Request& request) override;
  http::Answer refuse(int status, const std::string& message) override;

 private:
  Service(Env& env, std::unique_ptr<Store> store, std::unique_ptr<Access> access);
  Result<Json> dispatch(const http::Request& request, const Principal& principal);

  Env& env_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Access> access_;
};

}  // namespace sallyport::services::tracking
