#include "services/server/service.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "catalog/coverage.h"
#include "formats/html.h"
#include "learn/export.h"
#include "learn/worker.h"
#include "services/server/engine_plan.h"
#include "services/version.h"

namespace sallyport::services::server {
namespace {

namespace oip = formats::oip;

constexpr int kInferTimeoutMs = limits::kRequestTimeoutMs;

Answer error_answer(int status, const std::string& message) {
  return {.status = status, .body = formats::html::encode_json(canonical(Json{{"error", message}}))};
}

// 429 with Retry-After: the seconds stand in the hint.
Answer throttled_answer(const Error& error) {
  Answer answer = error_answer(429, error.message + ": " + error.hint);
  const std::size_t digits = error.hint.find_first_of("0123456789");
  if (digits != std::string::npos) {
    answer.headers.emplace_back("Retry-After",
                                error.hint.substr(digits, error.hint.find(' ', digits) - digits));
  }
  return answer;
}

// '<', '>' and '&' are spelled with escapes: a browser that is talked into reading an answer as a page finds
// no markup.
Answer json_answer(const Json& value) { return {.body = formats::html::encode_json(canonical(value))}; }

int status_of(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kLimit: return 413;
    case ErrorKind::kNotFound: return 404;
    case ErrorKind::kIo: return 503;
    case ErrorKind::kUnsupported: return 501;
    default: return 400;
  }
}

// The index of the largest probability in each row: the label that the model gives.
std::vector<std::string> labels_of(BytesView probabilities, std::size_t classes,
                                   const std::vector<std::string>& names) {
  std::vector<float> values(probabilities.size() / sizeof(float));
  std::memcpy(values.data(), probabilities.data(), values.size() * sizeof(float));
  std::vector<std::string> out;
  for (std::size_t row = 0; row + classes <= values.size(); row += classes) {
    const auto first = values.begin() + static_cast<std::ptrdiff_t>(row);
    const auto best = std::max_element(first, first + static_cast<std::ptrdiff_t>(classes));
    out.push_back(names[static_cast<std::size_t>(best - first)]);
  }
  return out;
}

oip::Tensor text_tensor(const std::string& name, const std::vector<std::string>& texts) {
  oip::Tensor tensor{
      .name = name, .datatype = oip::Datatype::kBytes, .shape = {static_cast<std::int64_t>(texts.size())}};
  for (const std::string& text : texts) {
    append_le(tensor.data, text.size(), 4);
    tensor.data.insert(tensor.data.end(), text.begin(), text.end());
  }
  return tensor;
}

// What the worker answers, and the label that each row of probabilities stands for.
Result<std::vector<oip::Tensor>> outputs_of(const worker::Reply& reply, const VerifiedModel& model) {
  const learn::worker::Frame frame{reply.header, reply.payload};
  std::vector<oip::Tensor> out;
  std::vector<std::string> labels;
  const auto classes = static_cast<std::int64_t>(model.labels.size());
  for (const learn::worker::Tensor& tensor : TRY(learn::worker::tensors_in(frame, "outputs"))) {
    const auto datatype = oip::datatype_named(tensor.datatype);
    if (!datatype) return fail(ErrorKind::kIo, "the model answered with datatype " + tensor.datatype);
    const bool scores =
        *datatype == oip::Datatype::kFp32 && tensor.shape.size() == 2 && tensor.shape[1] == classes;
    if (tensor.name == learn::kProbabilitiesName && scores) {
      labels = labels_of(tensor.bytes, model.labels.size(), model.labels);
    }
    out.push_back({.name = tensor.name,
                   .datatype = *datatype,
                   .shape = tensor.shape,
                   .data = Bytes(tensor.bytes.begin(), tensor.bytes.end())});
  }
  if (labels.empty()) return fail(ErrorKind::kIo, "the model's answer has no probability for each label");
  out.push_back(text_tensor("label", labels));
  return out;
}

bool is_wanted(const oip::InferRequest& request, const std::string& name, bool& binary) {
  binary = request.binary_output;
  if (request.outputs.empty()) return true;
  for (const oip::WantedOutput& wanted : request.outputs) {
    if (wanted.name != name) continue;
    binary = wanted.binary;
    return true;
  }
  return false;
}

// JSON, followed by the raw tensors that were asked for in binary.
Result<Answer> answer_of(const oip::InferRequest& request, const std::vector<oip::Tensor>& tensors,
                         const VerifiedModel& model) {
  Json outputs = Json::array();
  std::string raw;
  for (const oip::Tensor& tensor : tensors) {
    bool binary = false;
    if (!is_wanted(request, tensor.name, binary)) continue;
    Json output{{"name", tensor.name}, {"datatype", oip::name_of(tensor.datatype)}, {"shape", tensor.shape}};
    if (binary) {
      output["parameters"] = {{"binary_data_size", tensor.data.size()}};
      raw += as_text(tensor.data);
    } else {
      output["data"] = TRY(oip::data_to_json(tensor));
    }
    outputs.push_back(std::move(output));
  }
  Json document{
      {"model_name", model.name}, {"model_version", std::to_string(model.version)}, {"outputs", outputs}};
  if (!request.id.empty()) document["id"] = request.id;
  Answer answer = json_answer(document);
  if (raw.empty()) return answer;
  answer.headers.emplace_back("Inference-Header-Content-Length", std::to_string(answer.body.size()));
  answer.content_type = "application/octet-stream";
  answer.body += raw;
  return answer;
}

}  // namespace

BudgetOptions service_budget() {
  return {
      .slots = 2,
      .units_max = 5'000,
      .wait_us_max = limits::kRequestTimeoutMs * 1000,
      .quantum_units = 20,
      .unknown = {.tenant = "anonymous", .units_per_s = 1'000, .burst_units = 10'000, .in_flight_max = 48}};
}

Service::Service(Env& env, VerifiedModel model, Policy policy, std::unique_ptr<Audit> audit,
                 worker::Plan plan, BudgetOptions budget)
    : env_(env),
      model_(std::move(model)),
      policy_(std::move(policy)),
      audit_(std::move(audit)),
      worker_(std::move(plan)),
      turnstile_(std::move(budget)),
      input_guards_(catalog::guards_of(Stage::kInput)),
      output_guards_(catalog::guards_of(Stage::kOutput)) {}

Service::~Service() { std::ignore = stop(); }

Result<std::unique_ptr<Service>> Service::start(Env& env, VerifiedModel model, Policy policy,
                                                ServiceOptions options) {
  worker::Plan plan = options.engine ? std::move(*options.engine) : TRY(engine_plan());
  plan.hello = learn::worker::load_request(1);
  plan.hello_payload = model.bytes;
  std::unique_ptr<Audit> audit = TRY(Audit::open(env, options.audit, options.log));
  std::unique_ptr<Service> service(new Service(env, std::move(model), std::move(policy), std::move(audit),
                                               std::move(plan), std::move(options.budget)));
  TRY(service->worker_.warm());
  TRY(service->ask_golden());
  return service;
}

Result<void> Service::ask_golden() {
  if (!model_.golden || model_.golden->samples.empty()) return {};
  const learn::Matrix& inputs = model_.golden_inputs;
  const auto* const values = reinterpret_cast<const std::uint8_t*>(inputs.values().data());
  const learn::worker::Tensor input{
      .name = std::string(learn::kInputName),
      .datatype = "FP32",
      .shape = {static_cast<std::int64_t>(inputs.rows()), static_cast<std::int64_t>(inputs.columns())},
      .bytes = BytesView(values, inputs.values().size() * sizeof(float))};
  const learn::worker::Frame frame = learn::worker::tensor_frame("infer", "inputs", {&input, 1});
  const worker::Reply reply = TRY(worker_.call(frame.header, frame.payload));
  std::vector<float> shares;
  const learn::worker::Frame said{reply.header, reply.payload};
  for (const learn::worker::Tensor& tensor : TRY(learn::worker::tensors_in(said, "outputs"))) {
    if (tensor.name != learn::kProbabilitiesName) continue;
    shares.resize(tensor.bytes.size() / sizeof(float));
    if (!shares.empty()) std::memcpy(shares.data(), tensor.bytes.data(), shares.size() * sizeof(float));
  }
  if (shares.size() != inputs.rows() * model_.labels.size()) {
    return fail(ErrorKind::kDenied, model_.name + ": does not give a probability for each label");
  }
  const learn::Matrix answers(inputs.rows(), model_.labels.size(), std::move(shares));
  const auto different = learn::golden_differences(*model_.golden, model_.labels, answers);
  if (different.empty()) return {};
  return fail(ErrorKind::kDenied,
              model_.name + ": not served: " + different.front() + " (" + std::to_string(different.size()) +
                  " of " + std::to_string(inputs.rows()) + " golden samples)",
              "the weights, the label map or the preprocessing are not those that were released together");
}

Result<void> Service::stop() {
  if (stopped_.exchange(true)) return {};
  return audit_->stop();
}

Counters Service::counters() const {
  return {.requests = requests_,
          .answered = answered_,
          .refused = refused_,
          .failed = failed_,
          .throttled = throttled_};
}

Answer Service::handle(const Request& request) {
  ++requests_;
  if (stopped_) return error_answer(503, "the server is stopping");
  return route(request);
}

Answer Service::route(const Request& request) {
  const std::string model = "/v2/models/" + model_.name;
  const std::string version = model + "/versions/" + std::to_string(model_.version);
  const bool get = request.method == "GET";
  const std::string& path = request.target;
  if (path == model + "/infer" || path == version + "/infer") {
    return request.method == "POST" ? infer(request) : error_answer(405, "infer: POST was expected");
  }
  if (!get) return error_answer(path.starts_with("/v2") ? 405 : 404, "GET was expected");
  if (path == "/v2/health/live" || path == "/v2/health/ready") return json_answer(Json::object());
  if (path == model + "/ready" || path == version + "/ready") return json_answer(Json::object());
  if (path == "/v2" || path == "/v2/") {
    return json_answer(
        Json{{"name", "sallyport"}, {"version", kVersion}, {"extensions", {"binary_tensor_data"}}});
  }
  if (path == model || path == version) return metadata();
  if (path == "/metrics") return metrics();
  return error_answer(404, "no such model or route: " + path.substr(0, 200));
}

Answer Service::metadata() const {
  Json out = model_.metadata;
  out["versions"] = {std::to_string(model_.version)};
  out["platform"] = "onnx_openvino";
  out["digest"] = {{"sha256", model_.artifact.hex()}};
  out["outputs"].push_back({{"name", "label"}, {"datatype", "BYTES"}, {"shape", {-1}}});
  return json_answer(out);
}

// Prometheus text, with the names that Triton's dashboards look for.
Answer Service::metrics() const {
  const std::string labels =
      "{model=\"" + model_.name + "\",version=\"" + std::to_string(model_.version) + "\"} ";
  std::string out;
  const auto counter = [&](const std::string& name, const std::string& help, std::uint64_t value) {
    out += "# HELP " + name + " " + help + "\n# TYPE " + name + " counter\n" + name + labels +
           std::to_string(value) + "\n";
  };
  counter("nv_inference_request_success", "inference requests that were answered", answered_);
  counter("nv_inference_request_failure", "inference requests that failed", failed_);
  counter("sallyport_requests_refused", "inference requests that a gate refused", refused_);
  counter("sallyport_requests_throttled", "inference requests over their client's budget", throttled_);
  return {.content_type = "text/plain; version=0.0.4", .body = std::move(out)};
}

Answer Service::infer(const Request& request) {
  Result<Turn> turn = turnstile_.enter(request.principal, cost_.predict(request.body.size()));
  if (!turn) {
    ++throttled_;
    return throttled_answer(turn.error());
  }
  // Below a second a busy machine would cut off requests that nothing is wrong with.
  const auto timeout_ms =
      static_cast<int>(std::clamp<std::int64_t>(turn->allowed_ms(), 1'000, kInferTimeoutMs));
  const auto start = std::chrono::steady_clock::now();
  Result<Answer> computed = compute(request, timeout_ms);
  turn->finished();
  cost_.learn(request.body.size(),
              std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  Answer answer =
      computed ? std::move(*computed) : error_answer(status_of(computed.error()), computed.error().message);
  if (!computed) ++(answer.status == 503 ? failed_ : refused_);
  // What cannot be logged is not answered.
  if (auto logged = log(request, answer); !logged) {
    ++failed_;
    return error_answer(503, "the audit log cannot be written");
  }
  if (computed) ++answered_;
  audit_->count_answer();
  answer.in_flight = std::make_shared<Turn>(std::move(*turn));
  return answer;
}

Result<Answer> Service::compute(const Request& request, int timeout_ms) {
  // The body is parsed once, for the guards and for the model. What does not parse, the guards refuse with
  // the place.
  const auto framing = oip::read_framing(request.content_type, request.body);
  const Result<Json> document =
      framing ? parse_json(framing->json) : Result<Json>(std::unexpected(framing.error()));
  Subjects subjects;
  subjects.requests.emplace_back("request", RequestSubject{.principal = request.principal,
                                                           .content_type = request.content_type,
                                                           .body = request.body,
                                                           .model = model_.metadata,
                                                           .document = document ? &*document : nullptr});
  const GateReport gate = TRY(pass_gate(Stage::kInput, input_guards_, subjects, policy_, env_.now_unix_s()));
  if (gate.verdict >= Verdict::kBlock) return invalid(gate.reasons.front());
  if (!document) return std::unexpected(document.error());

  const oip::InferRequest asked = TRY(oip::read_infer(*document, framing->binary, model_.signature, {}));
  std::vector<learn::worker::Tensor> tensors;
  for (const oip::Tensor& tensor : asked.inputs) {
    tensors.push_back({.name = tensor.name,
                       .datatype = std::string(oip::name_of(tensor.datatype)),
                       .shape = tensor.shape,
                       .bytes = tensor.data});
  }
  const learn::worker::Frame frame = learn::worker::tensor_frame("infer", "inputs", tensors);
  const worker::Reply reply = TRY(worker_.call(frame.header, frame.payload, timeout_ms));
  Answer answer = TRY(answer_of(asked, TRY(outputs_of(reply, model_)), model_));
  TRY(pass_output_gate(answer));
  return answer;
}

Result<void> Service::pass_output_gate(const Answer& answer) {
  Subjects subjects;
  subjects.responses.emplace_back("response", ResponseSubject{answer.content_type, as_bytes(answer.body)});
  const GateReport gate =
      TRY(pass_gate(Stage::kOutput, output_guards_, subjects, policy_, env_.now_unix_s()));
  if (gate.verdict < Verdict::kBlock) return {};
  return fail(ErrorKind::kIo, "the answer was held back: " + gate.reasons.front());
}

Result<void> Service::log(const Request& request, const Answer& answer) {
  return audit_->append(Json{{"principal", request.principal},
                             {"model", model_.name},
                             {"version", model_.version},
                             {"artifact", model_.artifact.hex()},
                             {"request", sha256(request.body).hex()},
                             {"answer", sha256(answer.body).hex()},
                             {"status", answer.status}});
}

}  // namespace sallyport::services::server
