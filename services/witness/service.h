// A witness over HTTP (C2SP tlog-witness): POST /add-checkpoint, and GET /health. Safe from any number of
// threads.
#pragma once

#include <memory>

#include "services/http/http.h"
#include "trust/witness.h"

namespace sallyport::services::witness {

class Service final : public http::Handler {
 public:
  explicit Service(std::unique_ptr<trust::Witness> witness) : witness_(std::move(witness)) {}

  const trust::Witness& witness() const { return *witness_; }

  http::Intake intake(const http::Request& request) override;
  http::Answer handle(const http::Request& request) override;
  http::Answer refuse(int status, const std::string& message) override;

 private:
  std::unique_ptr<trust::Witness> witness_;
};

}  // namespace sallyport::services::witness
