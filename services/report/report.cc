#include "services/report/report.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "catalog/coverage.h"
#include "services/report/markup.h"
#include "services/report/style.h"

namespace sallyport::services::report {
namespace {

using pipeline::StageResult;

std::string gate_class(const StageResult* stage) {
  if (stage == nullptr) return "gate absent";
  if (stage->verdict == Verdict::kPass) return "gate";
  return stage->verdict == Verdict::kWarn ? "gate warned" : "gate blocked";
}

const StageResult* result_of(const pipeline::RunReport& run, Stage stage) {
  const auto found = std::find_if(run.stages.begin(), run.stages.end(),
                                  [&](const StageResult& r) { return r.stage == stage; });
  return found == run.stages.end() ? nullptr : &*found;
}

std::string tile(const std::string& number, std::string_view text) {
  return "<div class=\"tile\"><b>" + escape(number) + "</b><span>" + escape(text) + "</span></div>";
}

std::string head(const Content& content) {
  const pipeline::RunReport& run = *content.run;
  std::size_t guard_runs = 0;
  std::size_t findings = 0;
  double seconds = 0;
  for (const StageResult& stage : run.stages) {
    seconds += stage.seconds;
    for (const Json& guard : stage.predicate.value("guards", Json::array())) {
      ++guard_runs;
      for (const Json& finding : guard.value("findings", Json::array())) {
        findings += finding.value("severity", "") == "info" ? 0 : 1;
      }
    }
  }
  std::string out = "<header><h1>" + escape(run.pipeline) + " " + verdict_badge(run.verdict) + "</h1>";
  out +=
      "<p class=\"soft\">Every artifact of this run was searched, judged, attested and logged before the "
      "next "
      "stage saw it. Made " +
      escape(content.made_at) + ".</p>";
  if (!run.reason.empty()) out += "<p>" + badge("bad", "stopped") + " " + escape(run.reason) + "</p>";
  out += "<div class=\"tiles\">" + tile(std::to_string(run.stages.size()) + " of 16", "gates reached") +
         tile(std::to_string(guard_runs), "guard examinations") + tile(std::to_string(findings), "findings") +
         tile(decimal(seconds, 1) + " s", "wall time") + "</div></header>";
  return out;
}

std::string rail(const pipeline::RunReport& run) {
  std::string out = "<h2>The sixteen gates</h2><div class=\"gates\">";
  for (const StageInfo& stage : kStages) {
    const StageResult* result = result_of(run, stage.stage);
    std::string note = "not reached";
    if (result != nullptr) {
      note = result->unchanged ? "unchanged, verified" : decimal(result->seconds, 2) + " s";
      note += ", log #" + std::to_string(result->log_index);
    }
    out += "<a class=\"" + gate_class(result) + "\" href=\"#" + std::string(stage.name) + "\"><b>" +
           escape(stage.title) + "</b><small>" + escape(note) + "</small></a>";
  }
  return out + "</div>";
}

std::string statistic_text(const Json& statistic) {
  std::string out = statistic.value("name", "") + " " + decimal(statistic.value("value", 0.0), 4);
  if (statistic.contains("low") && statistic.contains("high")) {
    out += " [" + decimal(statistic["low"], 4) + ", " + decimal(statistic["high"], 4) + "]";
  }
  if (statistic.contains("sample_size")) out += ", n = " + statistic["sample_size"].dump();
  if (statistic.contains("power")) {
    out +=
        ", power " + decimal(statistic["power"], 2) + " at " + statistic.value("effect", "the stated effect");
  }
  if (statistic.contains("false_positive_rate")) {
    out += ", false-positive rate " + decimal(statistic["false_positive_rate"], 4);
  }
  return out;
}

std::string guard_rows(const Json& guards) {
  std::string out;
  for (const Json& guard : guards) {
    const Json findings = guard.value("findings", Json::array());
    std::string cell;
    for (const Json& finding : findings) {
      cell += "<p>" +
              badge(finding.value("severity", "") >= std::string("high") ? "bad" : "warn",
                    finding.value("severity", "")) +
              " " + escape(finding.value("path", "")) + " " + escape(finding.value("message", "")) + "</p>";
    }
    if (guard.contains("error")) {
      cell +=
          "<p>" + badge("bad", "could not tell") + " " + escape(guard["error"].get<std::string>()) + "</p>";
    }
    if (cell.empty()) {
      cell = "<p class=\"soft\">nothing found; looked for " + escape(guard.value("looksFor", "")) + "</p>";
    }
    for (const Json& statistic : guard.value("statistics", Json::array())) {
      cell += "<p class=\"soft mono\">" + escape(statistic_text(statistic)) + "</p>";
    }
    out += "<tr><td><code>" + escape(guard.value("id", "")) + "</code></td><td>" +
           escape(guard.value("subject", "")) + "</td><td>" + cell + "</td></tr>";
  }
  return out;
}

std::string digest_rows(const Json& artifacts) {
  std::string out;
  for (const Json& artifact : artifacts) {
    out += "<tr><td>" + escape(artifact.value("name", "")) + "</td><td><code>" +
           escape(artifact.value("digest", "")) + "</code></td></tr>";
  }
  return out;
}

std::string stage_details(const StageResult& stage) {
  const StageInfo& about = info(stage.stage);
  std::string out = "<details id=\"" + std::string(about.name) + "\"" +
                    (stage.verdict == Verdict::kPass ? "" : " open") + "><summary><b>" + escape(about.title) +
                    "</b>" + verdict_badge(stage.verdict) + "<span class=\"soft\">attestation <code>" +
                    stage.attestation.brief() + "</code>, log #" + std::to_string(stage.log_index) +
                    "</span></summary>";
  for (const std::string& reason : stage.reasons) out += "<p>" + escape(reason) + "</p>";
  const Json guards = stage.predicate.value("guards", Json::array());
  if (!guards.empty()) {
    out += "<h3>Guards</h3><table><tr><th>guard</th><th>subject</th><th>result</th></tr>" +
           guard_rows(guards) + "</table>";
  } else {
    out +=
        "<p class=\"soft\">No guard of this stage had a subject; the mechanisms of the platform hold it.</p>";
  }
  Json outputs = Json::array();
  for (const auto& [name, digest] : stage.outputs) {
    outputs.push_back({{"name", name}, {"digest", digest.hex()}});
  }
  out += "<h3>Inputs</h3><table>" + digest_rows(stage.predicate.value("inputs", Json::array())) + "</table>";
  out += "<h3>Outputs</h3><table>" + digest_rows(outputs) + "</table>";
  const Json sandbox = stage.predicate.value("sandbox", Json::object());
  if (sandbox.is_object() && !sandbox.empty()) {
    out += "<h3>Sandbox</h3><p class=\"mono\">" + escape(sandbox.dump()) + "</p>";
  }
  return out + "</details>";
}

std::string chain_section(const trust::ChainReport* chain) {
  if (chain == nullptr) return {};
  std::string out =
      "<h2>The chain behind the served model</h2><p class=\"soft\">Walked back from the model to the "
      "feed: each link is signed, in the log, and names its inputs by digest.</p><ol class=\"chain\">";
  for (const trust::ChainLink& link : chain->links) {
    const std::string_view state = name_of(link.verdict);
    out += "<li class=\"link-" + std::string(state) + "\"><b>" + escape(link.stage) + "</b> " +
           escape(link.text) + " <span class=\"soft\">" +
           (link.log_index >= 0 ? "log #" + std::to_string(link.log_index) : "") + "</span></li>";
  }
  out += "</ol>";
  if (!chain->reason.empty()) out += "<p>" + escape(chain->reason) + "</p>";
  return out;
}

std::string attack_section(const std::vector<Attack>& attacks) {
  if (attacks.empty()) return {};
  std::string out =
      "<h2>Attacks enacted</h2><table><tr><th "
      "class=\"wide\">threat</th><th>undefended</th><th>defended</th></tr>";
  for (const Attack& attack : attacks) {
    out += "<tr><td><code>" + escape(attack.threat) + "</code><p>" + escape(attack.story) + "</p></td><td>" +
           badge("bad", "harmed") + "<p>" + escape(attack.undefended) + "</p></td><td>" +
           badge("ok", "refused") + "<p>" + escape(attack.defended) + "</p></td></tr>";
  }
  return out + "</table>";
}

std::string coverage_section() {
  std::string out =
      "<h2>Coverage of the catalogue</h2><p class=\"soft\">Threats that a guard or a mechanism answers, "
      "each with a drill; the rest are open, with their reason in <code>sallyport threats</code>.</p>"
      "<table><tr><th>stage</th><th></th><th class=\"num\">guarded</th><th class=\"num\">held</th>"
      "<th class=\"num\">open</th></tr>";
  for (const StageInfo& stage : kStages) {
    std::array<std::size_t, 3> count{};
    std::size_t all = 0;
    for (const catalog::Threat& threat : catalog::threats()) {
      if (threat.stage != stage.stage) continue;
      ++count[static_cast<std::size_t>(catalog::state_of(threat.id))];
      ++all;
    }
    const auto share = [&](std::size_t n) {
      return decimal(100.0 * static_cast<double>(n) / static_cast<double>(all), 1);
    };
    out += "<tr><td>" + escape(stage.title) +
           "</td><td><div class=\"bar\"><i style=\"width:" + share(count[0]) +
           "%\"></i><i class=\"held\" style=\"width:" + share(count[1]) + "%\"></i></div></td>";
    for (const std::size_t n : count) out += "<td class=\"num\">" + std::to_string(n) + "</td>";
    out += "</tr>";
  }
  return out + "</table>";
}

}  // namespace

std::string render_html(const Content& content) {
  SP_CHECK(content.run != nullptr);
  std::string out =
      "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta http-equiv=\"content-security-policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'\">"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>Sallyport: " +
      escape(content.run->pipeline) + "</title><style>" + std::string(kStyle) + "</style></head><body><main>";
  out += head(content);
  if (!content.prediction.empty()) {
    out += "<p>" + badge("ok", "served") + " " + escape(content.prediction) + "</p>";
  }
  out += rail(*content.run);
  out += attack_section(content.attacks);
  out += chain_section(content.chain);
  out += "<h2>Stage by stage</h2>";
  for (const StageResult& stage : content.run->stages) out += stage_details(stage);
  out += coverage_section();
  out +=
      "<footer>No trigger, leak or tampering was found by the guards named above for what they look for; "
      "that is "
      "not a proof of absence. Rates, intervals and power stand beside each "
      "verdict.</footer></main></body></html>";
  return out;
}

}  // namespace sallyport::services::report
