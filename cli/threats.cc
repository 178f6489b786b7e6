// sallyport threats: the catalogue and what answers each threat.
#include <algorithm>
#include <array>

#include "catalog/coverage.h"
#include "cli/command.h"
#include "drills/registry.h"

namespace sallyport::cli {
namespace {

using catalog::State;

// What stands behind the state of one threat.
struct Coverage {
  const catalog::Threat* threat = nullptr;
  State state = State::kOpen;
  std::vector<std::string> guards = {};
  bool has_drill = false;
  std::string reason = {};  // why it is open, or the mechanism that holds it
};

Coverage coverage_of(const catalog::Threat& threat) {
  Coverage out{.threat = &threat, .state = catalog::state_of(threat.id)};
  for (const Guard* guard : catalog::guards_against(threat.id)) out.guards.emplace_back(guard->id);
  for (const catalog::HeldEntry& entry : catalog::held()) {
    if (entry.threat == threat.id) {
      out.reason += (out.reason.empty() ? "" : "; ") + std::string(entry.mechanism);
    }
  }
  for (const catalog::OpenEntry& entry : catalog::open()) {
    if (entry.threat == threat.id) out.reason = entry.reason;
  }
  out.has_drill = !drills::drills_against(threat.id).empty();
  return out;
}

Json to_json(const Coverage& coverage) {
  return Json{{"id", coverage.threat->id},       {"stage", name_of(coverage.threat->stage)},
              {"title", coverage.threat->title}, {"state", catalog::name_of(coverage.state)},
              {"guards", coverage.guards},       {"drill", coverage.has_drill},
              {"reason", coverage.reason}};
}

Tint tint_of(State state) { return state == State::kOpen ? Tint::kYellow : Tint::kGreen; }

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

std::string answer(const Coverage& coverage) {
  const std::string guards = joined(coverage.guards);
  if (guards.empty()) return coverage.reason;
  return coverage.reason.empty() ? guards : guards + "; " + coverage.reason;
}

void print_row(const Coverage& coverage, Output& output) {
  std::string id(coverage.threat->id);
  id.resize(std::max<std::size_t>(id.size(), 32), ' ');
  std::string state(catalog::name_of(coverage.state));
  state.resize(8, ' ');
  std::string what = answer(coverage);
  if (coverage.state == State::kOpen) what = what.substr(0, what.find("; "));
  const std::string drill = coverage.has_drill ? "drill  " : "-      ";
  output.line("  " + output.paint(tint_of(coverage.state), state) + "  " + drill + id + "  " + what);
}

std::string count_text(const std::array<std::size_t, 3>& counts) {
  return std::to_string(counts[0]) + " guarded, " + std::to_string(counts[1]) + " held, " +
         std::to_string(counts[2]) + " open";
}

void print_table(const std::vector<Coverage>& table, Output& output) {
  std::array<std::size_t, 3> total{};
  for (const StageInfo& stage : kStages) {
    std::array<std::size_t, 3> counts{};
    for (const Coverage& coverage : table) {
      if (coverage.threat->stage == stage.stage) ++counts[static_cast<std::size_t>(coverage.state)];
    }
    output.line(output.paint(Tint::kBold, stage.name) + "  " + count_text(counts));
    for (const Coverage& coverage : table) {
      if (coverage.threat->stage == stage.stage) print_row(coverage, output);
    }
    output.line();
    for (std::size_t i = 0; i < total.size(); ++i) total[i] += counts[i];
  }
  const std::size_t answered = total[0] + total[1];
  output.line(std::to_string(table.size()) + " threats: " + count_text(total) + "; " +
              std::to_string(answered * 100 / table.size()) + " % answered");
}

void print_entry(const Coverage& coverage, Output& output) {
  const catalog::Threat& threat = *coverage.threat;
  output.line(output.paint(Tint::kBold, threat.id) + "  " + std::string(threat.title));
  const auto part = [&](std::string_view name, std::string_view text) {
    if (text.empty()) return;
    std::string head = "  " + std::string(name);
    head.resize(14, ' ');
    output.print(wrapped(text, 14).replace(0, 14, head));
  };
  part("stage", info(threat.stage).title);
  part("state", catalog::name_of(coverage.state));
  part(coverage.state == State::kOpen ? "why" : "answered by", answer(coverage));
  for (const Guard* guard : catalog::guards_against(threat.id)) {
    part("guard", std::string(guard->id) + ": " + std::string(guard->summary));
    part("looks for", guard->looks_for);
  }
  for (const drills::DrillEntry* entry : drills::drills_against(threat.id)) {
    part("enacted", entry->drill->story);
    part("honest twin", entry->drill->honest_story);
  }
  part("threat", threat.summary);
  part("control", threat.control);
  part("drill", threat.drill);
  part("metric", threat.metric);
  part("standards", threat.standards);
}

Json entry_json(const Coverage& coverage) {
  Json out = to_json(coverage);
  out["summary"] = coverage.threat->summary;
  out["control"] = coverage.threat->control;
  out["drill_story"] = coverage.threat->drill;
  out["metric"] = coverage.threat->metric;
  out["standards"] = coverage.threat->standards;
  return out;
}

constexpr Positional kPositionals[] = {
    {.name = "ID", .doc = "print the whole entry of this threat", .arity = Arity::kOptional}};

Exit print_one(const std::string& id, Output& output) {
  const catalog::Threat* threat = catalog::find_threat(id);
  if (threat == nullptr) {
    std::vector<std::string> ids;
    for (const catalog::Threat& known : catalog::threats()) ids.emplace_back(known.id);
    const std::string near = nearest(id, ids);
    return output.usage("threats: no threat '" + id + "'",
                        near.empty() ? "sallyport threats lists them" : "did you mean " + near + "?");
  }
  const Coverage coverage = coverage_of(*threat);
  if (output.is_json()) {
    output.json(entry_json(coverage));
  } else {
    print_entry(coverage, output);
  }
  return Exit::kClean;
}

Result<Exit> run(const Arguments& arguments, Output& output) {
  if (const std::string id = arguments.word("ID"); !id.empty()) return print_one(id, output);
  std::vector<Coverage> table;
  for (const catalog::Threat& threat : catalog::threats()) table.push_back(coverage_of(threat));
  if (!output.is_json()) {
    print_table(table, output);
    return Exit::kClean;
  }
  Json array = Json::array();
  for (const Coverage& coverage : table) array.push_back(to_json(coverage));
  output.json(array);
  return Exit::kClean;
}

}  // namespace

extern const Command threats_command;
const Command threats_command{
    .name = "threats",
    .summary = "the 100 threats, what answers each, and what is open",
    .example =
        "$ sallyport threats export-deserialize-exec\n"
        "export-deserialize-exec  Code runs while loading a serialized model\n"
        "  stage       model export\n"
        "  ...",
    .positionals = kPositionals,
    .run = run,
};

}  // namespace sallyport::cli
