#include "services/scan/bom.h"

#include <set>

#include "services/bundle/serial.h"

namespace sallyport::services::scan {
namespace {

bool is_model(std::string_view format) {
  static const std::set<std::string_view> kOthers{"",    "unknown", "text", "json", "yaml", "xml", "zip",
                                                  "tar", "gzip",    "zlib", "png",  "jpeg", "gif"};
  return !kOthers.contains(format);
}

std::string reference_of(const ScannedFile& file) {
  return "file:" + (file.sha256.empty() ? sha256(file.path).hex() : file.sha256) + ":" +
         sha256(file.path + file.commit).brief();
}

Json component_of(const ScannedFile& file) {
  Json out{{"type", is_model(file.format) ? "machine-learning-model" : "file"},
           {"bom-ref", reference_of(file)},
           {"name", file.path}};
  if (!file.sha256.empty()) out["hashes"] = Json::array({{{"alg", "SHA-256"}, {"content", file.sha256}}});
  out["properties"] = Json::array({{{"name", "sallyport:format"}, {"value", file.format}},
                                   {{"name", "sallyport:verdict"}, {"value", name_of(file.verdict)}},
                                   {{"name", "sallyport:size"}, {"value", std::to_string(file.size)}}});
  return out;
}

Json vulnerability_of(const ScannedFile& file, const ScannedFinding& found) {
  const Finding& finding = found.finding;
  Json out{{"id", finding.rule.empty() ? std::string(found.guard->id) : finding.rule},
           {"source", {{"name", "Sallyport"}}},
           {"ratings", Json::array({{{"severity", name_of(finding.severity)}, {"method", "other"}}})},
           {"description", finding.message},
           {"affects", Json::array({{{"ref", reference_of(file)}}})}};
  if (!finding.remedy.empty()) out["recommendation"] = finding.remedy;
  return out;
}

std::string serial_of(const ScanReport& report) {
  std::string all;
  for (const ScannedFile& file : report.files) all += file.path + '\0' + file.sha256 + '\0';
  return bundle::serial_of(sha256(all));
}

}  // namespace

Json to_cyclonedx(const ScanReport& report, std::string_view version) {
  Json components = Json::array();
  Json vulnerabilities = Json::array();
  std::set<std::string> known;
  for (const ScannedFile& file : report.files) {
    if (known.insert(reference_of(file)).second) components.push_back(component_of(file));
    for (const ScannedFinding& found : file.findings) {
      if (!found.waived) vulnerabilities.push_back(vulnerability_of(file, found));
    }
  }
  for (const formats::LockedPackage& package : report.packages) {
    const std::string url = formats::package_url(package);
    if (!known.insert(url).second) continue;
    components.push_back({{"type", "library"},
                          {"bom-ref", url},
                          {"name", package.name},
                          {"version", package.version},
                          {"purl", url}});
  }
  Json tool{{"type", "application"}, {"name", "sallyport"}, {"version", version}};
  return {{"bomFormat", "CycloneDX"},
          {"specVersion", "1.6"},
          {"serialNumber", serial_of(report)},
          {"version", 1},
          {"metadata",
           {{"timestamp", report.started}, {"tools", {{"components", Json::array({std::move(tool)})}}}}},
          {"components", std::move(components)},
          {"vulnerabilities", std::move(vulnerabilities)}};
}

}  // namespace sallyport::services::scan
