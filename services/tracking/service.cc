#include "services/tracking/service.h"

#include <chrono>

#include "services/http/url.h"
#include "services/tracking/routes.h"

namespace sallyport::services::tracking {
namespace {

http::Answer unauthenticated(const std::string& why) {
  http::Answer answer = error_answer(401, "UNAUTHENTICATED", why);
  answer.headers.emplace_back("WWW-Authenticate", "Basic realm=\"sallyport\"");
  return answer;
}

// MLflow's times are milliseconds. They are what a run says of itself, never what a decision rests on, so
// they need not come from the Env, which counts seconds.
std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

Service::Service(Env& env, std::unique_ptr<Store> store, std::unique_ptr<Access> access)
    : env_(env), store_(std::move(store)), access_(std::move(access)) {}

Result<std::unique_ptr<Service>> Service::open(Env& env, const fs::path& root,
                                               std::unique_ptr<Access> access) {
  TRY(make_directories_durably(env, root));
  std::unique_ptr<Store> store = TRY(open_sqlite_store(root / "tracking.db"));
  return std::unique_ptr<Service>(new Service(env, std::move(store), std::move(access)));
}

http::Answer Service::handle(const http::Request& request) {
  if (request.path == "/health" && request.method == "GET") {
    return {.content_type = "text/plain", .body = "OK"};
  }
  const auto principal = access_->authenticate(request);
  if (!principal) return unauthenticated(principal.error().message);
  const Result<Json> made = dispatch(request, *principal);
  return made ? json_answer(*made) : error_answer(made.error());
}

Result<Json> Service::dispatch(const http::Request& request, const Principal& principal) {
  const Match match = find_route(request.method, TRY(http::path_segments(request.path)));
  if (match.route == nullptr) {
    return fail(ErrorKind::kNotFound,
                match.other_method ? "no " + shown(request.method) + " on " + shown(request.path)
                                   : "no endpoint " + shown(request.path),
                std::string(kNoEndpoint));
  }
  Arguments arguments = TRY(Arguments::of(request));
  for (const auto& [name, value] : match.parameters) arguments.set(name, value);
  Call call(env_, *store_, *access_, principal, std::move(arguments), now_ms());
  Result<Json> made = match.route->handler(call);
  if (made && !call.asked_for_leave()) {
    return fail(ErrorKind::kIo, "the handler of " + std::string(match.route->path) + " asked for no leave");
  }
  return made;
}

http::Answer Service::refuse(int status, const std::string& message) {
  const char* code = status == 413   ? "INVALID_PARAMETER_VALUE"
                     : status == 403 ? "PERMISSION_DENIED"
                     : status == 503 ? "TEMPORARILY_UNAVAILABLE"
                                     : "BAD_REQUEST";
  return error_answer(status, code, message);
}

}  // namespace sallyport::services::tracking
