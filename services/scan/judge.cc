#include "services/scan/judge.h"

#include <algorithm>

#include "catalog/coverage.h"
#include "core/env.h"
#include "formats/pickle_explain.h"
#include "formats/pickle_scan.h"
#include "services/scan/companions.h"

namespace sallyport::services::scan {
namespace {

namespace inspect = formats::inspect;

template <class Hook>
Result<std::vector<Armed>> arm(const Policy& policy, Hook hook) {
  std::vector<Armed> out;
  for (const bool of_export : {true, false}) {
    for (const catalog::GuardEntry& entry : catalog::guards()) {
      if ((entry.stage == Stage::kExport) != of_export || entry.guard->*hook == nullptr) continue;
      out.push_back({entry.guard, TRY(policy.parameters_for(*entry.guard))});
    }
  }
  return out;
}

bool alike(const Finding& a, const Finding& b) {
  return a.message == b.message && a.where.offset == b.where.offset && a.where.line == b.where.line;
}

void note_unaccounted(ScannedFile& file, const inspect::Inspection& inspection) {
  for (const inspect::Unread& unread : inspection.unread) add_unread(file, inspect::to_text(unread));
  constexpr std::size_t kStretchesNamed = 20;
  for (std::size_t i = 0; i < std::min(inspection.unaccounted.size(), kStretchesNamed); ++i) {
    add_unread(file, inspect::to_text(inspection.unaccounted[i]));
  }
  if (inspection.unaccounted.size() > kStretchesNamed) {
    add_unread(file, std::to_string(inspection.unaccounted.size() - kStretchesNamed) + " more stretches, " +
                         std::to_string(inspection.bytes_unaccounted) + " bytes, belong to no structure");
  }
}

void explain_layer(ScannedFile& file, const inspect::Layer& layer) {
  namespace pickle = formats::pickle;
  std::size_t at = 0;
  const std::uint64_t count = pickle::scan_pickles(layer.bytes).pickles;
  for (std::uint64_t i = 0; i < count && at < layer.bytes.size(); ++i) {
    const pickle::Explanation told = pickle::explain(layer.bytes, at);
    if (told.outcome.opcodes == 0) break;
    std::string head = layer.path.empty() ? "" : layer.path + ": ";
    file.explanation.push_back(head + "pickle at byte " + std::to_string(at));
    for (const std::string& line : told.lines) file.explanation.push_back("  " + line);
    at = told.outcome.end;
  }
}

Severity severity_of(const Json& json) {
  return severity_named(json.value("severity", "")).value_or(Severity::kCritical);
}

Confidence confidence_of(const Json& json) {
  const std::string name = json.value("confidence", "");
  return name == "low" ? Confidence::kLow : name == "medium" ? Confidence::kMedium : Confidence::kHigh;
}

Finding finding_from(const Json& json) {
  Finding out;
  out.severity = severity_of(json);
  out.confidence = confidence_of(json);
  out.message = json.value("message", "");
  out.remedy = json.value("remedy", "");
  out.rule = json.value("rule", "");
  out.where.path = json.value("path", "");
  out.where.column = json.value("column", "");
  out.where.commit = json.value("commit", "");
  for (const auto& [name, member] : {std::pair{"offset", &out.where.offset},
                                     {"length", &out.where.length},
                                     {"row", &out.where.row},
                                     {"line", &out.where.line}}) {
    if (json.contains(name)) *member = json[name].get<std::uint64_t>();
  }
  return out;
}

}  // namespace

Result<std::vector<Armed>> arm_for_files(const Policy& policy) { return arm(policy, &Guard::file); }
Result<std::vector<Armed>> arm_for_repositories(const Policy& policy) {
  return arm(policy, &Guard::repository);
}

void add_unread(ScannedFile& file, std::string what) {
  constexpr std::size_t kUnreadKept = 100;
  if (file.unread.size() >= kUnreadKept) return;
  if (std::find(file.unread.begin(), file.unread.end(), what) == file.unread.end()) {
    file.unread.push_back(std::move(what));
  }
}

bool is_waived(const Guard& guard, const Finding& finding, const ScanOptions& options) {
  return options.policy.waiver_for(guard, finding, options.now_unix_s) != nullptr;
}

void add_finding(ScannedFile& file, const Guard& guard, const Finding& finding, const ScanOptions& options) {
  for (ScannedFinding& known : file.findings) {
    if (!alike(known.finding, finding)) continue;
    for (const std::string_view threat : guard.threats) {
      if (std::find(known.threats.begin(), known.threats.end(), threat) == known.threats.end()) {
        known.threats.push_back(threat);
      }
    }
    return;
  }
  ScannedFinding found{.guard = &guard,
                       .threats = {guard.threats.begin(), guard.threats.end()},
                       .finding = finding,
                       .waived = is_waived(guard, finding, options)};
  file.findings.push_back(std::move(found));
}

void conclude(ScannedFile& file) {
  std::stable_sort(file.findings.begin(), file.findings.end(),
                   [](const ScannedFinding& a, const ScannedFinding& b) {
                     return a.finding.severity > b.finding.severity;
                   });
  const bool found = std::any_of(file.findings.begin(), file.findings.end(), [](const ScannedFinding& f) {
    return !f.waived && f.finding.severity >= Severity::kMedium;
  });
  if (file.verdict == FileVerdict::kError) return;
  file.verdict = found                  ? FileVerdict::kFindings
                 : !file.unread.empty() ? FileVerdict::kIncomplete
                                        : FileVerdict::kClean;
}

bool judge(ScannedFile& file, BytesView bytes, const std::string& name, std::span<const TreeEntry> tree,
           std::span<const Armed> guards, const ScanOptions& options) {
  inspect::Options walk{.name = fs::path(name).filename().string(),
                        .depth_max = options.depth_max,
                        .unpacked_bytes_max = options.unpacked_bytes_max,
                        .layers_max = options.layers_max,
                        .packs = options.packs.get()};
  if (options.explain) walk.on_layer = [&](const inspect::Layer& layer) { explain_layer(file, layer); };
  const inspect::Inspection inspection = inspect::inspect(bytes, walk);
  file.format = inspection.format();
  file.coverage = inspection.coverage();
  note_unaccounted(file, inspection);
  file.names_data = extents_of(inspection, name);
  const FileSubject subject{.path = name, .bytes = bytes, .inspection = &inspection, .tree = tree};
  for (const Armed& armed : guards) {
    const Result<Examination> examination = armed.guard->file(subject, armed.parameters);
    if (!examination) {
      // What could not be followed is listed already; only what a guard says on its own is news.
      if (inspection.unread.empty()) add_unread(file, examination.error().message);
      continue;
    }
    for (const Finding& finding : examination->findings) add_finding(file, *armed.guard, finding, options);
  }
  return inspection.references.empty() && !options.explain;
}

void fail_file(ScannedFile& file, const Error& error) {
  file.verdict = FileVerdict::kError;
  file.unread = {error.message};
  file.hint = error.hint;
  file.coverage = 0;
}

std::string remember_findings(const std::vector<GuardFinding>& findings) {
  if (findings.empty()) return "";
  Json out = Json::array();
  for (const auto& [guard, finding] : findings) {
    out.push_back({{"guard", guard->id}, {"finding", sallyport::to_json(finding)}});
  }
  return canonical(out);
}

std::optional<std::vector<GuardFinding>> recall_findings(std::string_view text) {
  std::vector<GuardFinding> out;
  if (text.empty()) return out;
  const Result<Json> json = parse_json(text);
  if (!json || !json->is_array()) return std::nullopt;
  for (const Json& item : *json) {
    const Guard* guard = catalog::find_guard(item.value("guard", ""));
    if (guard == nullptr || !item.contains("finding")) return std::nullopt;
    out.emplace_back(guard, finding_from(item["finding"]));
  }
  return out;
}

// Nothing was found in most files, and there are many.
std::string remember(const ScannedFile& file) {
  if (file.findings.empty() && file.unread.empty() && file.coverage == 1) return "=" + file.format;
  Json said = Json::array();
  for (const ScannedFinding& found : file.findings) {
    Json one{{"guard", found.guard->id}, {"finding", sallyport::to_json(found.finding)}};
    for (const std::string_view threat : found.threats) one["threats"].push_back(threat);
    said.push_back(std::move(one));
  }
  return canonical({{"format", file.format},
                    {"coverage", file.coverage},
                    {"unread", file.unread},
                    {"said", std::move(said)}});
}

bool recall(std::string_view text, ScannedFile& file, const ScanOptions& options) {
  if (text.starts_with('=')) {
    file.format = text.substr(1);
    return true;
  }
  const Result<Json> json = parse_json(text);
  if (!json || !json->is_object()) return false;
  ScannedFile out = file;
  out.format = json->value("format", "");
  out.coverage = json->value("coverage", 1.0);
  out.unread = json->value("unread", std::vector<std::string>());
  for (const Json& item : json->value("said", Json::array())) {
    ScannedFinding found{.guard = catalog::find_guard(item.value("guard", ""))};
    if (found.guard == nullptr || !item.contains("finding")) return false;
    found.finding = finding_from(item["finding"]);
    for (const Json& name : item.value("threats", Json::array())) {
      const catalog::Threat* threat = catalog::find_threat(name.get<std::string>());
      if (threat == nullptr) return false;
      found.threats.push_back(threat->id);
    }
    found.waived = is_waived(*found.guard, found.finding, options);
    out.findings.push_back(std::move(found));
  }
  file = std::move(out);
  return true;
}

}  // namespace sallyport::services::scan
