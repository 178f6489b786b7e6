#include "services/server/http.h"

namespace sallyport::services::server {
namespace {

class Adapter : public http::Handler {
 public:
  explicit Adapter(Service& service) : service_(service) {}

  Answer handle(const http::Request& got) override {
    std::string content_type(got.header("Content-Type"));
    // The spelling of tritonclient for a JSON header in front of raw tensors.
    if (const std::string_view size = got.header("Inference-Header-Content-Length"); !size.empty()) {
      content_type = "application/vnd.sagemaker-triton.binary+json;json-header-size=" + std::string(size);
    }
    return service_.handle({.method = got.method,
                            .target = got.path,
                            .content_type = std::move(content_type),
                            .principal = got.peer,
                            .body = got.body});
  }

  Answer refuse(int status, const std::string& message) override {
    return {.status = status, .body = canonical(Json{{"error", message}})};
  }

 private:
  Service& service_;
};

}  // namespace

Server::Server(std::unique_ptr<http::Handler> handler) : handler_(std::move(handler)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::start(Service& service, const HttpOptions& options) {
  std::unique_ptr<Server> server(new Server(std::make_unique<Adapter>(service)));
  server->transport_ = TRY(http::Server::start(*server->handler_, options));
  return server;
}

Result<Exchange> request(std::uint16_t port, const std::string& method, const std::string& target,
                         const std::string& body, const std::string& content_type) {
  http::Question question{.method = method, .target = target};
  question.body = body;
  question.content_type = content_type;
  return http::ask(port, question);
}

}  // namespace sallyport::services::server
