// sallyport demo: a real model through sixteen gates, served over HTTP, and then attacks on it that fail.
#include <algorithm>

#include "catalog/coverage.h"
#include "cli/run_view.h"
#include "drills/data.h"
#include "drills/runner.h"
#include "formats/csv.h"
#include "services/pipeline/runner.h"
#include "services/project/check.h"
#include "services/project/init.h"
#include "services/report/report.h"
#include "services/server/http.h"

namespace sallyport::cli {
namespace {

using services::pipeline::RunReport;
using services::report::Attack;

constexpr Flag kFlags[] = {
    {.name = "dir",
     .value = "DIR",
     .doc = "where the demo's project is made; an earlier demo there is replaced",
     .fallback = "sallyport-demo"},
};

constexpr std::string_view kModel = "digits@champion";
// One threat of each section, enacted live.
constexpr std::string_view kAttacks[] = {"prep-label-flip", "train-optimizer-tamper",
                                         "registry-retag-poison"};
constexpr std::string_view kMark = ".sallyport-demo";

void title(Output& output, const std::string& text) {
  output.line();
  output.line(output.paint(Tint::kBold, text));
}

// Replaces only a folder that an earlier demo made.
Result<void> make_room(Env& env, const fs::path& folder) {
  if (!env.exists(folder)) return {};
  if (!env.exists(folder / kMark)) {
    return fail(ErrorKind::kDenied,
                folder.string() + ": is there and was not made by the demo; nothing was changed",
                "name another folder with --dir");
  }
  std::error_code code;
  fs::remove_all(folder, code);
  return code ? Result<void>(fail(ErrorKind::kIo, folder.string() + ": cannot remove: " + code.message()))
              : Result<void>();
}

Result<RunReport> run_life_cycle(Env& env, const fs::path& folder, Output& output) {
  TRY(services::project::init_project(
      env, {.folder = folder, .name = "digits", .feed_csv = std::string(drills::digits_csv()),
            .feed_file = "digits.csv", .roles = {.label = "digit", .id = "id"},
            .image = {.height = 8, .width = 8, .max_value = 16}}));
  TRY(env.write_new(folder / kMark, {}, 0644));
  const services::pipeline::Project project = TRY(services::pipeline::load_project(env, folder));
  services::pipeline::RunOptions options{.project = folder};
  options.on_event = [&](const services::pipeline::Event& event) { show_event(event, output); };
  return services::pipeline::run_pipeline(env, project.definition, project.policy, options);
}

constexpr std::size_t kShown = 4;

// The first held-out images, drawn in characters side by side.
std::string pictures(const Dataset& data) {
  static constexpr std::string_view kInk = " .:-=+*#%@";
  std::string out;
  const std::vector<std::size_t> features = data.feature_columns();
  for (std::size_t line = 0; line < 8; ++line) {
    for (std::size_t row = 0; row < kShown; ++row) {
      out += "    ";
      for (std::size_t x = 0; x < 8; ++x) {
        const double value = data.columns[features[line * 8 + x]].numbers[row] / 16 * 9;
        out += std::string(2, kInk[static_cast<std::size_t>(std::clamp(value, 0.0, 9.0))]);
      }
    }
    out += "\n";
  }
  return out;
}

// The held-out split of this run, as it stands in the store.
Result<Dataset> held_out(const trust::Workspace& workspace, const services::pipeline::Project& project,
                         const RunReport& run) {
  for (const auto& stage : run.stages) {
    for (const auto& [name, digest] : stage.outputs) {
      if (name != "test") continue;
      const Bytes csv = TRY(workspace.store().get(digest));
      return formats::csv::parse(csv, {.name = "test", .roles = project.definition.roles});
    }
  }
  return invalid("the run has no held-out split");
}

// The first rows as one inference request.
Json request_of(const Dataset& data, const Json& input) {
  Json values = Json::array();
  const std::vector<std::size_t> features = data.feature_columns();
  for (std::size_t row = 0; row < kShown; ++row) {
    for (const std::size_t feature : features) values.push_back(data.columns[feature].numbers[row]);
  }
  return Json{{"inputs",
               {{{"name", input["name"]},
                 {"datatype", "FP32"},
                 {"shape", {kShown, features.size()}},
                 {"data", values}}}}};
}

std::string joined_labels(const Json& document) {
  std::string out;
  for (const Json& tensor : document.value("outputs", Json::array())) {
    if (tensor.value("name", "") != "label") continue;
    for (const Json& label : tensor["data"]) out += (out.empty() ? "" : " ") + label.get<std::string>();
  }
  return out;
}

Result<std::string> predict(Env& env, const fs::path& folder, const RunReport& run, Output& output) {
  const trust::Workspace workspace = TRY(trust::Workspace::open(env, folder));
  const services::pipeline::Project project = TRY(services::pipeline::load_project(env, folder));
  auto model = TRY(services::server::load_verified_model(workspace, std::string(kModel), project.policy,
                                                         env.now_unix_s()));
  const auto service = TRY(services::server::Service::start(env, std::move(model), project.policy,
                                                            {.audit = workspace.audit()}));
  const auto server = TRY(services::server::Server::start(*service));
  const Dataset test = TRY(held_out(workspace, project, run));
  const std::string body = canonical(request_of(test, service->model().metadata["inputs"][0]));
  const std::string target = "/v2/models/digits/infer";
  const auto answer = TRY(services::server::request(server->port(), "POST", target, body));
  const std::string answered = joined_labels(TRY(parse_json(answer.body)));
  std::string expected;
  const std::vector<std::string> labels = TRY(test.labels());
  for (std::size_t row = 0; row < kShown; ++row) expected += (row == 0 ? "" : " ") + labels[row];
  output.print(pictures(test));
  const std::string line = "POST http://127.0.0.1:" + std::to_string(server->port()) + target + " answers " +
                           answered + "; the held-out labels are " + expected;
  output.line("  " + line);
  server->stop();
  TRY(service->stop());
  return line;
}

// The drill's three claims, as one attack of the report.
Result<Attack> enact(std::string_view threat, Output& output) {
  const std::vector<const drills::DrillEntry*> entries = drills::drills_against(threat);
  if (entries.empty()) return invalid(std::string(threat) + ": has no drill");
  const drills::DrillReport report = drills::run_drill(*entries.front(), {.trials = 1});
  if (!report.error.empty()) return invalid(std::string(threat) + ": " + report.error);
  const std::string story(entries.front()->drill->story);
  const auto claim = [&](bool holds, const char* who, const char* what, const std::string& why) {
    output.line(std::string("    ") + who + output.paint(holds ? Tint::kGreen : Tint::kRed, what) + "  " +
                why);
  };
  output.line("  " + output.paint(Tint::kBold, threat) + "  " + story);
  claim(report.undefended_harm(), "undefended   ", report.undefended_harm() ? "harmed " : "no harm", "");
  claim(report.defended_refused(), "defended     ", report.defended_refused() ? "refused" : "PASSED ",
        report.why);
  claim(report.twin_passes(), "honest twin  ", report.twin_passes() ? "passes " : "REFUSED",
        std::string(entries.front()->drill->honest_story));
  if (!report.holds()) {
    return fail(ErrorKind::kDenied, std::string(threat) + ": a claim does not hold: " + report.miss);
  }
  return Attack{std::string(threat), story, "the attack did its harm", report.why};
}

// Somebody with write access to the store swaps a byte of the model that is being served.
Result<Attack> swap_weights(Env& env, const fs::path& folder, const RunReport& run, Output& output) {
  const trust::Workspace workspace = TRY(trust::Workspace::open(env, folder));
  const Policy policy = TRY(services::pipeline::project_policy(env, folder));
  const trust::Store store = workspace.store();
  fs::path victim;
  for (const auto& stage : run.stages) {
    for (const auto& [name, digest] : stage.outputs) {
      if (name != "exported") continue;
      const trust::Manifest manifest = TRY(store.manifest(digest));
      victim = store.path_of(manifest.find("model.onnx")->sha256);
    }
  }
  const Bytes honest = TRY(env.read_file(victim));
  Bytes poisoned = honest;
  poisoned[poisoned.size() / 2] ^= 0x40;
  TRY(env.remove(victim));
  TRY(env.write_new(victim, poisoned, 0444));
  const auto report =
      services::project::verify_project(workspace, std::string(kModel), policy, env.now_unix_s());
  TRY(env.remove(victim));
  TRY(env.write_new(victim, honest, 0444));
  const std::string story = "somebody who can write to the store changes it under this very run";
  output.line("  " + output.paint(Tint::kBold, "one byte of the served weights") + "  " + story);
  output.line("    verify       " + output.paint(Tint::kGreen, std::string(name_of(report.verdict))) + "  " +
              report.reason);
  if (report.verified()) return fail(ErrorKind::kDenied, "a changed model was verified");
  return Attack{"one byte of the served weights", story, "the server would have loaded it", report.reason};
}

void print_coverage(Output& output) {
  for (const StageInfo& stage : kStages) {
    std::size_t answered = 0;
    std::size_t all = 0;
    for (const catalog::Threat& threat : catalog::threats()) {
      if (threat.stage != stage.stage) continue;
      ++all;
      answered += catalog::state_of(threat.id) == catalog::State::kOpen ? 0 : 1;
    }
    std::string name(stage.title);
    name.resize(22, ' ');
    output.line("  " + name + std::string(answered, '#') + std::string(all - answered, '.') + "  " +
                std::to_string(answered) + " of " + std::to_string(all));
  }
}

Result<Exit> run(const Arguments& arguments, Output& output) {
  Env& env = system_env();
  const fs::path folder = fs::absolute(arguments.text("dir"));
  TRY(make_room(env, folder));
  title(output, "The life cycle of a model: 1,797 handwritten digits (UCI), sixteen gates");
  const RunReport report = TRY(run_life_cycle(env, folder, output));
  if (report.verdict >= Verdict::kBlock) {
    return fail(ErrorKind::kDenied, "the honest run was stopped at " + report.reason);
  }

  title(output, "Served, since the whole chain behind it verifies");
  services::report::Content content{.run = &report};
  content.prediction = TRY(predict(env, folder, report, output));

  title(output, "Attacked, live");
  content.attacks.push_back(TRY(swap_weights(env, folder, report, output)));
  for (const std::string_view threat : kAttacks) content.attacks.push_back(TRY(enact(threat, output)));

  title(output, "Coverage of the catalogue: # answered with a drill, . open with its reason");
  print_coverage(output);

  const trust::Workspace workspace = TRY(trust::Workspace::open(env, folder));
  const Policy policy = TRY(services::pipeline::project_policy(env, folder));
  const trust::ChainReport chain =
      services::project::verify_project(workspace, std::string(kModel), policy, env.now_unix_s());
  content.chain = &chain;
  content.made_at = format_time(env.now_unix_s());
  const fs::path page = folder / ".sallyport" / "report.html";
  TRY(write_durably(env, page, as_bytes(services::report::render_html(content))));
  output.line();
  output.line("report   " + page.string());
  output.line("look     sallyport -C " + folder.string() + " verify " + std::string(kModel));
  return chain.verified() ? Exit::kClean : Exit::kFindings;
}

}  // namespace

extern const Command demo_command;
const Command demo_command{
    .name = "demo",
    .summary = "take a real model through all sixteen stages, serve it, and watch attacks on it fail",
    .example = "$ sallyport demo --dir /tmp/demo",
    .flags = kFlags,
    .run = run};

}  // namespace sallyport::cli
