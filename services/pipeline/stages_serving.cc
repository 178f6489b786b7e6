// The served model: admitted only when its chain verifies, probed over HTTP with held-out rows, its log
// verified.
//
// One server stands for the four stages of a run. It listens on the loopback interface and is gone when the
// run ends.
#include "services/pipeline/stages.h"

#include <algorithm>

#include "services/server/http.h"

namespace sallyport::services::pipeline {

struct LiveServer {
  std::unique_ptr<server::Service> service;
  std::unique_ptr<server::Server> http;
};

namespace {

constexpr std::int64_t kDefaultProbes = 20;

Result<std::string> model_name(StageContext& context) {
  const Json version = TRY(context.read_json("version"));
  return TRY(get_string(version, "model")) + "@" + TRY(get_string(version, "alias"));
}

Result<LiveServer*> live_server(StageContext& context) {
  RunState& run = context.run();
  if (run.live) return run.live.get();
  const std::string name = TRY(model_name(context));
  server::VerifiedModel model =
      TRY(server::load_verified_model(run.workspace, name, run.policy, run.env.now_unix_s()));
  if (model.artifact != TRY(context.digest_of("exported"))) {
    return fail(ErrorKind::kDenied, name + " is not the version of this run: its move was not approved",
                "run `sallyport promote` and have it approved, then run again");
  }
  TRY(server::audit_first_key(run.workspace));
  auto live = std::make_shared<LiveServer>();
  live->service =
      TRY(server::Service::start(run.env, std::move(model), run.policy, {.audit = run.workspace.audit()}));
  live->http = TRY(server::Server::start(*live->service));
  run.live = live;
  return live.get();
}

Result<std::int64_t> probe_count(const StageContext& context) {
  const Json& options = context.spec().options;
  if (!options.contains("probe")) return kDefaultProbes;
  const std::int64_t count = TRY(get_int(options, "probe"));
  if (count < 1 || count > 100'000) return invalid("probe must be from 1 to 100000 rows");
  return count;
}

// One row as the body of an inference request.
Json request_for(const Dataset& data, std::size_t row, const Json& input) {
  Json values = Json::array();
  for (const std::size_t feature : data.feature_columns()) {
    values.push_back(data.columns[feature].numbers[row]);
  }
  const std::size_t width = values.size();
  return Json{{"inputs", {{{"name", input.value("name", "")},
                           {"datatype", input.value("datatype", "FP32")},
                           {"shape", {1, width}},
                           {"data", std::move(values)}}}}};
}

Result<Json> ask(LiveServer& live, const std::string& body) {
  const std::string target = "/v2/models/" + live.service->model().name + "/infer";
  const server::Exchange answer = TRY(server::request(live.http->port(), "POST", target, body));
  if (answer.status != 200) {
    return fail(ErrorKind::kDenied,
                "the server answered " + std::to_string(answer.status) + ": " + answer.body.substr(0, 300));
  }
  return parse_json(answer.body);
}

Result<std::string> label_in(const Json& answer) {
  for (const Json& output : TRY(get_array(answer, "outputs"))) {
    if (output.value("name", "") == "label" && output.contains("data") && output["data"].size() == 1) {
      return output["data"][0].get<std::string>();
    }
  }
  return invalid("the answer has no label");
}

std::vector<std::string> lines_of(BytesView bytes) {
  std::vector<std::string> out;
  std::string_view rest = as_text(bytes);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    out.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return out;
}

// ---- serving

Result<void> serve(StageContext& context) {
  LiveServer& live = *TRY(live_server(context));
  const server::VerifiedModel& model = live.service->model();
  const server::Exchange ready = TRY(server::request(live.http->port(), "GET", "/v2/health/ready"));
  if (ready.status != 200) return fail(ErrorKind::kDenied, "the server is not ready: " + ready.body);
  const Dataset& test = *TRY(context.table("test"));
  const std::vector<std::string> labels = TRY(test.labels());
  const std::size_t count =
      std::min<std::size_t>(static_cast<std::size_t>(TRY(probe_count(context))), test.rows());
  std::size_t right = 0;
  for (std::size_t row = 0; row < count; ++row) {
    const Json answer = TRY(ask(live, canonical(request_for(test, row, model.metadata["inputs"][0]))));
    right += TRY(label_in(answer)) == labels[row] ? 1 : 0;
  }
  context.step = {{"kind", "built-in"}};
  context.sandbox.push_back(live.service->worker_confinement());
  return context.write("served", pretty(Json{{"model", model.name},
                                             {"version", model.version},
                                             {"artifact", model.artifact.hex()},
                                             {"metadata", model.metadata},
                                             {"chainLinks", model.chain.links.size()},
                                             {"probe", {{"rows", count}, {"right", right}}}}));
}

// ---- input

Result<void> make_requests(StageContext& context) {
  const Json served = TRY(context.read_json("served"));
  const Dataset& test = *TRY(context.table("test"));
  const std::size_t count =
      std::min<std::size_t>(static_cast<std::size_t>(TRY(probe_count(context))), test.rows());
  std::string out;
  for (std::size_t row = 0; row < count; ++row) {
    out += canonical(request_for(test, row, served["metadata"]["inputs"][0])) + "\n";
  }
  context.step = {{"kind", "built-in"}};
  return context.write("requests", out);
}

Result<void> present_requests(StageContext& context) {
  const Json served = TRY(context.read_json("served"));
  const std::vector<std::string>& lines = context.keep_lines(lines_of(TRY(context.bytes_of("requests"))));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    context.subjects.requests.emplace_back(
        "request " + std::to_string(i),
        RequestSubject{.principal = "probe", .content_type = "application/json", .body = as_bytes(lines[i]),
                       .model = served["metadata"]});
  }
  return {};
}

// ---- output

Result<void> make_answers(StageContext& context) {
  LiveServer& live = *TRY(live_server(context));
  std::string out;
  for (const std::string& body : lines_of(TRY(context.bytes_of("requests")))) {
    out += canonical(TRY(ask(live, body))) + "\n";
  }
  context.step = {{"kind", "built-in"}};
  return context.write("answers", out);
}

Result<void> present_answers(StageContext& context) {
  const std::vector<std::string>& lines = context.keep_lines(lines_of(TRY(context.bytes_of("answers"))));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    context.subjects.responses.emplace_back("answer " + std::to_string(i),
                                            ResponseSubject{"application/json", as_bytes(lines[i])});
  }
  return {};
}

// ---- monitoring

Result<void> take_audit(StageContext& context) {
  RunState& run = context.run();
  LiveServer& live = *TRY(live_server(context));
  live.http->stop();
  TRY(live.service->stop());
  std::string records;
  for (const std::string& line : TRY(server::read_audit(run.env, run.workspace.audit()))) {
    records += line + "\n";
  }
  TRY(context.write("audit/records.jsonl", records));
  TRY(context.write("audit/head.json", pretty(server::to_json(live.service->audit_head()))));
  context.step = {{"kind", "built-in"}, {"head", server::to_json(live.service->audit_head())}};
  return {};
}

Result<void> present_audit(StageContext& context) {
  const Json head = TRY(context.read_json("audit", "head.json"));
  const std::vector<std::string>& lines =
      context.keep_lines(lines_of(TRY(context.bytes_of("audit", "records.jsonl"))));
  context.subjects.events.emplace_back(
      "audit", EventSubject{.name = "audit",
                            .records = lines,
                            .first_key = TRY(server::audit_first_key(context.run().workspace)),
                            .anchors = {{{"sequence", head["sequence"]}, {"chain", head["chain"]}}},
                            .answered = TRY(get_int(head, "answered"))});
  return {};
}

}  // namespace

const StageBehaviour kServing{.produce = serve};
const StageBehaviour kInput{.produce = make_requests, .present = present_requests};
const StageBehaviour kOutput{.produce = make_answers, .present = present_answers};
const StageBehaviour kMonitoring{.produce = take_audit, .present = present_audit};

}  // namespace sallyport::services::pipeline
