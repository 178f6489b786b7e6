#include "services/scan/sarif.h"

#include <map>

namespace sallyport::services::scan {
namespace {

std::string_view level_of(Severity severity) {
  if (severity >= Severity::kHigh) return "error";
  return severity == Severity::kMedium ? "warning" : "note";
}

// GitHub's scale of 0 to 10.
std::string_view score_of(Severity severity) {
  constexpr std::string_view kScores[] = {"0.0", "2.0", "5.0", "8.0", "9.5"};
  return kScores[static_cast<std::size_t>(severity)];
}

std::string rule_of(const ScannedFinding& found) {
  return found.finding.rule.empty() ? std::string(found.guard->id) : found.finding.rule;
}

// RFC 3986: what may not stand in a relative reference is escaped.
std::string uri_of(const std::string& path) {
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/!$&'()*+,;=@";
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out = path.starts_with('/') ? "file://" : "";
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (kPlain.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

Json region_of(const Location& where) {
  Json out = Json::object();
  if (where.line) out["startLine"] = *where.line;
  if (where.offset) {
    out["byteOffset"] = *where.offset;
    out["byteLength"] = where.length.value_or(1);
  }
  return out;
}

Json location_of(const ScannedFile& file, const Location& where) {
  Json physical{{"artifactLocation", {{"uri", uri_of(file.path)}}}};
  if (Json region = region_of(where); !region.empty()) physical["region"] = std::move(region);
  return {{"physicalLocation", std::move(physical)}};
}

Json result_of(const ScannedFile& file, const ScannedFinding& found) {
  const Finding& finding = found.finding;
  const std::string rule = rule_of(found);
  Json out{{"ruleId", rule},
           {"level", level_of(finding.severity)},
           {"message", {{"text", finding.message}}},
           {"locations", Json::array({location_of(file, finding.where)})},
           {"partialFingerprints", {{"sallyport/v2", found.fingerprint}}},
           {"properties",
            {{"guard", found.guard->id},
             {"threats", found.threats},
             {"confidence", name_of(finding.confidence)},
             {"sha256", file.sha256}}}};
  if (!finding.where.commit.empty()) out["properties"]["commit"] = finding.where.commit;
  if (found.waived) {
    const bool in_source = found.accepted.starts_with("its line: ");
    Json suppression{{"kind", in_source ? "inSource" : "external"}};
    if (!found.accepted.empty()) suppression["justification"] = found.accepted;
    out["suppressions"] = Json::array({std::move(suppression)});
  }
  return out;
}

Json rule_json(const std::string& id, const ScannedFinding& found) {
  Json out{
      {"id", id},
      {"shortDescription", {{"text", found.guard->summary}}},
      {"fullDescription", {{"text", found.guard->looks_for}}},
      {"defaultConfiguration", {{"level", level_of(found.finding.severity)}}},
      {"properties", {{"security-severity", score_of(found.finding.severity)}, {"tags", found.threats}}}};
  if (!found.finding.remedy.empty()) out["help"] = {{"text", found.finding.remedy}};
  return out;
}

}  // namespace

Json to_sarif(const ScanReport& report, std::string_view version) {
  std::map<std::string, Json> rules;
  Json results = Json::array();
  Json artifacts = Json::array();
  Json notifications = Json::array();
  for (const ScannedFile& file : report.files) {
    Json artifact{{"location", {{"uri", uri_of(file.path)}}}, {"length", file.size}};
    if (!file.sha256.empty()) artifact["hashes"] = {{"sha-256", file.sha256}};
    artifacts.push_back(std::move(artifact));
    for (const ScannedFinding& found : file.findings) {
      rules.try_emplace(rule_of(found), rule_json(rule_of(found), found));
      results.push_back(result_of(file, found));
    }
    for (const std::string& unread : file.unread) {
      notifications.push_back({{"level", file.verdict == FileVerdict::kError ? "error" : "warning"},
                               {"message", {{"text", unread}}},
                               {"locations", Json::array({location_of(file, {})})}});
    }
  }
  Json driver{{"name", "Sallyport"}, {"version", version}, {"rules", Json::array()}};
  for (auto& [id, rule] : rules) driver["rules"].push_back(std::move(rule));
  Json invocation{{"executionSuccessful", report.count(FileVerdict::kError) == 0},
                  {"exitCode", report.exit_code()},
                  {"toolExecutionNotifications", std::move(notifications)}};
  for (const WaiverNotice& notice : report.waivers) {
    invocation["toolConfigurationNotifications"].push_back(
        {{"level", notice.expired ? "error" : "warning"}, {"message", {{"text", text_of(notice)}}}});
  }
  Json run{{"tool", {{"driver", std::move(driver)}}},
           {"invocations", Json::array({std::move(invocation)})},
           {"artifacts", std::move(artifacts)},
           {"results", std::move(results)},
           {"columnKind", "utf16CodeUnits"}};
  return {{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
          {"version", "2.1.0"},
          {"runs", Json::array({std::move(run)})}};
}

}  // namespace sallyport::services::scan
