#include "services/tracking/service.h"

#include <chrono>

#include "core/limits/tracking.h"
#include "services/http/url.h"
#include "services/tracking/artifacts.h"
#include "services/tracking/disk_blobs.h"
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

bool is_artifact(const http::Request& request) {
  return request.path == kArtifactRoute || request.path.starts_with(std::string(kArtifactRoute) + "/");
}

// What the path says behind the route; each segment is decoded once and names one part of the path.
Result<std::string> artifact_path(const http::Request& request) {
  std::string out;
  const std::string_view rest = std::string_view(request.path).substr(kArtifactRoute.size());
  if (rest.empty() || rest == "/") return out;
  for (const std::string& segment : TRY(http::path_segments(rest))) {
    if (segment.find('/') != std::string::npos) return invalid("Invalid path: an encoded '/'");
    out += (out.empty() ? "" : "/") + segment;
  }
  return out;
}

std::unexpected<Error> no_endpoint(const http::Request& request, bool other_method) {
  return fail(ErrorKind::kNotFound,
              other_method ? "no " + shown(request.method) + " on " + shown(request.path)
                           : "no endpoint " + shown(request.path),
              std::string(kNoEndpoint));
}

// The version of MLflow whose API this is: clients compare it with what they need.
constexpr std::string_view kMlflowVersion = "3.17.2";

// What MLflow has and this server has not. Its client uploads in one piece when it is told so in these words.
std::string_view left_out(std::string_view path) {
  if (path.starts_with("/api/2.0/mlflow-artifacts/mpu/")) {
    return "Multipart upload is not supported for the current artifact repository";
  }
  for (const char* start : {"/api/2.0/mlflow/traces", "/api/3.0/mlflow/traces", "/v1/traces"}) {
    if (path.starts_with(start)) return "this server keeps no traces";
  }
  return {};
}

http::Answer answer_of(Result<http::Answer> made) {
  return made ? std::move(*made) : error_answer(made.error());
}

// A body on its way to the disk. The call is made again when it has arrived, so that what was allowed at the
// start must still be allowed at the end.
class ArtifactSink : public http::Sink {
 public:
  ArtifactSink(std::unique_ptr<Call> call, std::string path, std::unique_ptr<Upload> upload)
      : call_(std::move(call)), path_(std::move(path)), upload_(std::move(upload)) {}
  Result<void> write(BytesView bytes) override {
    state_ = upload_->write(bytes);
    return state_;
  }
  http::Answer finish() override {
    if (!state_) return error_answer(state_.error());
    return answer_of(finish_artifact(*call_, path_, *upload_));
  }

 private:
  std::unique_ptr<Call> call_;
  std::string path_;
  std::unique_ptr<Upload> upload_;
  Result<void> state_ = {};
};

}  // namespace

Service::Service(Env& env, State state)
    : state_(std::move(state)),
      gatekeeper_(env, *state_.store, *state_.blobs, *state_.notary, state_.policy),
      parts_{.env = env,
             .store = *state_.store,
             .access = *state_.access,
             .blobs = *state_.blobs,
             .notary = *state_.notary,
             .gatekeeper = gatekeeper_,
             .policy = state_.policy} {}

Result<std::unique_ptr<Service>> Service::open(Env& env, const fs::path& root, std::unique_ptr<Access> access,
                                               const Backing& backing) {
  TRY(make_directories_durably(env, root));
  State state;
  if (const fs::path policy = root / "policy.yaml"; env.exists(policy)) {
    const Bytes text = TRY(env.read_file(policy, limits::kYamlBytesMax));
    state.policy = TRY(parse_policy(as_text(text), policy.string()));
  }
  state.access = std::move(access);
  state.store = TRY(open_store(env, root, backing));
  state.blobs = TRY(open_disk_blobs(env, root / "artifacts"));
  state.notary = TRY(Notary::open(env, root));
  std::unique_ptr<Service> service(new Service(env, std::move(state)));
  TRY(service->gatekeeper_.start());
  return service;
}

http::Intake Service::intake(const http::Request& request) {
  if (request.method == "PUT" && is_artifact(request)) {
    return {.kind = http::Intake::Kind::kStream, .bytes_max = limits::kArtifactBytesMax};
  }
  return {};
}

http::Answer Service::handle(const http::Request& request) {
  if (request.path == "/health" && request.method == "GET") {
    return {.content_type = "text/plain", .body = "OK"};
  }
  const auto principal = parts_.access.authenticate(request);
  if (!principal) return unauthenticated(principal.error().message);
  if (const auto paid = parts_.access.spend(*principal, Outcome::kAsked, 0); !paid) {
    return error_answer(paid.error());
  }
  http::Answer answer;
  if (request.path == "/version" && request.method == "GET") {
    answer = {.content_type = "text/plain", .body = std::string(kMlflowVersion)};
  } else if (is_artifact(request)) {
    answer = answer_of(artifacts(request, *principal));
  } else {
    const Result<Json> made = dispatch(request, *principal);
    answer = made ? json_answer(*made) : error_answer(made.error());
  }
  // The answer is made; what it cost counts from the next request on.
  const bool refused = answer.status == 403 || answer.status == 404;
  std::ignore = parts_.access.spend(*principal, refused ? Outcome::kRefused : Outcome::kSent,
                                    answer.source_bytes + answer.body.size());
  return answer;
}

http::Opened Service::open(const http::Request& request) {
  http::Opened out;
  const auto principal = parts_.access.authenticate(request);
  if (!principal) {
    out.refusal = unauthenticated(principal.error().message);
    return out;
  }
  auto call = std::make_unique<Call>(parts_, *principal, Arguments(Json::object()), now_ms());
  const auto path = artifact_path(request);
  auto upload =
      path ? begin_artifact(*call, *path) : Result<std::unique_ptr<Upload>>(std::unexpected(path.error()));
  if (!upload) {
    out.refusal = error_answer(upload.error());
    return out;
  }
  out.sink = std::make_unique<ArtifactSink>(std::move(call), *path, std::move(*upload));
  return out;
}

Result<http::Answer> Service::artifacts(const http::Request& request, const Principal& principal) {
  Call call(parts_, principal, TRY(Arguments::of(request)), now_ms());
  const std::string path = TRY(artifact_path(request));
  if (request.method == "DELETE") return delete_artifacts(call, path);
  if (request.method != "GET") return no_endpoint(request, true);
  if (!path.empty()) return get_artifact(call, path);
  return list_artifacts(call, TRY(call.arguments().text("path")));
}

Result<Json> Service::dispatch(const http::Request& request, const Principal& principal) {
  const Match match = find_route(request.method, TRY(http::path_segments(request.path)));
  if (match.route == nullptr) {
    if (const std::string_view what = left_out(request.path); !what.empty()) {
      return fail(ErrorKind::kUnsupported, std::string(what));
    }
    return no_endpoint(request, match.other_method);
  }
  Arguments arguments = TRY(Arguments::of(request));
  for (const auto& [name, value] : match.parameters) arguments.set(name, value);
  Call call(parts_, principal, std::move(arguments), now_ms());
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
