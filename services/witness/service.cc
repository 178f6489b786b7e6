#include "services/witness/service.h"

#include "core/limits/witness.h"

namespace sallyport::services::witness {
namespace {

constexpr const char* kPlain = "text/plain; charset=utf-8";

http::Answer plain(int status, const std::string& text) {
  return {.status = status, .content_type = kPlain, .body = text + "\n"};
}

}  // namespace

http::Intake Service::intake(const http::Request&) { return {.bytes_max = limits::kAddCheckpointBytesMax}; }

http::Answer Service::handle(const http::Request& request) {
  if (request.path == "/health") {
    if (request.method != "GET") return plain(405, "witness: GET alone");
    return plain(200, "ok");
  }
  if (request.path != "/add-checkpoint") return plain(404, "witness: POST /add-checkpoint is all there is");
  if (request.method != "POST") return plain(405, "witness: POST alone");
  trust::WitnessAnswer answer = witness_->add_checkpoint(as_text(request.body));
  return {.status = answer.status,
          .content_type = std::move(answer.content_type),
          .body = std::move(answer.body)};
}

http::Answer Service::refuse(int status, const std::string& message) { return plain(status, message); }

}  // namespace sallyport::services::witness
