#include "formats/advisories.h"

#include <algorithm>
#include <cmath>

#include "core/json.h"
#include "core/text.h"
#include "formats/requirements.h"
#include "formats/version_order.h"

namespace sallyport::formats {
namespace {

std::string text_or(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Json list_or(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_array() ? *found : Json::array();
}

// The base score of a vector of CVSS 3.x (specification 3.1, section 7.1); below zero when it is none.
double cvss_score(std::string_view vector) {
  const auto value = [&](std::string_view key) {
    const std::string mark = "/" + std::string(key) + ":";
    const std::size_t at = vector.find(mark);
    return at == std::string_view::npos || at + mark.size() >= vector.size() ? ' ' : vector[at + mark.size()];
  };
  if (!vector.starts_with("CVSS:3")) return -1;
  const bool changed = value("S") == 'C';
  const auto pick = [](char c, std::string_view letters, std::initializer_list<double> numbers) {
    const std::size_t at = letters.find(c);
    return at == std::string_view::npos ? 0 : numbers.begin()[at];
  };
  const double av = pick(value("AV"), "NALP", {0.85, 0.62, 0.55, 0.2}),
               ac = pick(value("AC"), "LH", {0.77, 0.44});
  const double pr =
      changed ? pick(value("PR"), "NLH", {0.85, 0.68, 0.5}) : pick(value("PR"), "NLH", {0.85, 0.62, 0.27});
  const double ui = pick(value("UI"), "NR", {0.85, 0.62});
  double left = 1;
  for (const char* key : {"C", "I", "A"}) left *= 1 - pick(value(key), "NLH", {0, 0.22, 0.56});
  const double iss = 1 - left;
  const double impact = changed ? 7.52 * (iss - 0.029) - 3.25 * std::pow(iss - 0.02, 15) : 6.42 * iss;
  if (impact <= 0) return 0;
  const double sum = impact + 8.22 * av * ac * pr * ui;
  return std::ceil(std::min(changed ? 1.08 * sum : sum, 10.0) * 10 - 1e-9) / 10;
}

Severity severity_in(const Json& root) {
  double score = -1;
  for (const Json& item : list_or(root, "severity")) {
    if (item.is_object()) score = std::max(score, cvss_score(text_or(item, "score")));
  }
  if (score >= 0) {
    return score >= 9   ? Severity::kCritical
           : score >= 7 ? Severity::kHigh
           : score >= 4 ? Severity::kMedium
                        : Severity::kLow;
  }
  std::string word;
  if (root.contains("database_specific") && root["database_specific"].is_object())
    word = lowered(text_or(root["database_specific"], "severity"));
  if (word == "moderate") return Severity::kMedium;
  // What nobody has rated is taken for serious.
  return severity_named(word).value_or(Severity::kHigh);
}

std::vector<VersionEvent> read_events(const Json& range) {
  std::vector<VersionEvent> out;
  for (const Json& event : list_or(range, "events")) {
    if (!event.is_object()) continue;
    using Kind = VersionEvent::Kind;
    for (const auto& [name, kind] : {std::pair{"introduced", Kind::kIntroduced},
                                     {"fixed", Kind::kFixed},
                                     {"last_affected", Kind::kLastAffected},
                                     {"limit", Kind::kLimit}}) {
      const std::string version = text_or(event, name);
      if (!version.empty()) out.push_back({kind, version});
    }
  }
  return out;
}

AffectedPackage read_affected(const Json& item) {
  AffectedPackage out;
  if (!item.is_object() || !item.contains("package") || !item["package"].is_object()) return out;
  out.ecosystem = text_or(item["package"], "ecosystem");
  out.name = text_or(item["package"], "name");
  out.name = out.ecosystem == "PyPI" ? normal_package_name(out.name) : lowered(out.name);
  for (const Json& version : list_or(item, "versions")) {
    if (version.is_string()) out.versions.push_back(version.get<std::string>());
  }
  for (const Json& range : list_or(item, "ranges")) {
    if (range.is_object() && text_or(range, "type") != "GIT") out.ranges.push_back(read_events(range));
  }
  return out;
}

// "Debian" of a package holds for each release's own advisories, and the other way round.
bool same_ecosystem(std::string_view of_advisory, std::string_view of_package) {
  // A banner tells the upstream version, which is what these count.
  if (of_package.empty()) return of_advisory == "OSS-Fuzz" || of_advisory == "Bitnami" || of_advisory.empty();
  if (of_advisory == of_package) return true;
  const auto base = [](std::string_view name) { return name.substr(0, name.find(':')); };
  if (base(of_advisory) != base(of_package)) return false;
  return of_advisory.find(':') == std::string_view::npos || of_package.find(':') == std::string_view::npos ||
         (base(of_advisory) == "Ubuntu" && of_advisory.find(std::string(of_package)) == 0) ||
         (base(of_advisory) == "Ubuntu" && has(of_advisory, of_package.substr(of_package.find(':') + 1)));
}

// The schema's own algorithm: events in the order of their versions, each turning the answer on or off.
Affects in_range(std::vector<VersionEvent> events, VersionScheme scheme, const std::string& version) {
  std::ranges::stable_sort(events, [&](const VersionEvent& a, const VersionEvent& b) {
    if (a.version == "0" || b.version == "0") return a.version == "0" && b.version != "0";
    return compare_versions(scheme, a.version, b.version) < 0;
  });
  Affects out;
  for (const VersionEvent& event : events) {
    const auto order =
        event.version == "0" ? std::weak_ordering::greater : compare_versions(scheme, version, event.version);
    switch (event.kind) {
      case VersionEvent::Kind::kIntroduced: out.affected = order >= 0 ? true : out.affected; break;
      case VersionEvent::Kind::kFixed:
        if (order >= 0) out.affected = false;
        if (order < 0 && out.affected && out.fixed_in.empty()) out.fixed_in = event.version;
        break;
      case VersionEvent::Kind::kLastAffected: out.affected = order > 0 ? false : out.affected; break;
      case VersionEvent::Kind::kLimit: out.affected = order >= 0 ? false : out.affected; break;
    }
  }
  return out;
}

}  // namespace

Result<Advisory> read_advisory(std::string_view json) {
  const Json root = TRY(parse_json(json));
  if (!root.is_object() || text_or(root, "id").empty()) return invalid("advisory: without an id");
  Advisory out;
  out.id = text_or(root, "id");
  out.summary = text_or(root, "summary");
  if (out.summary.empty()) out.summary = text_or(root, "details").substr(0, 120);
  out.modified = text_or(root, "modified");
  out.malicious = out.id.starts_with("MAL-");
  out.severity = out.malicious ? Severity::kCritical : severity_in(root);
  for (const Json& alias : list_or(root, "aliases")) {
    if (alias.is_string()) out.aliases.push_back(alias.get<std::string>());
  }
  if (!text_or(root, "withdrawn").empty()) return out;
  for (const Json& item : list_or(root, "affected")) {
    AffectedPackage one = read_affected(item);
    if (!one.name.empty()) out.affected.push_back(std::move(one));
  }
  return out;
}

Affects affects(const Advisory& advisory, const LockedPackage& package) {
  for (const AffectedPackage& one : advisory.affected) {
    if (one.name != lowered(package.name) || !same_ecosystem(one.ecosystem, package.ecosystem)) continue;
    const VersionScheme scheme = scheme_of(package.ecosystem);
    Affects out;
    for (const std::vector<VersionEvent>& events : one.ranges) {
      const Affects here = in_range(events, scheme, package.version);
      if (here.affected) out = here;
    }
    const bool listed = std::ranges::any_of(one.versions, [&](const std::string& version) {
      return compare_versions(scheme, version, package.version) == 0;
    });
    // An advisory without versions and ranges is about all of them.
    out.affected = out.affected || listed || (one.versions.empty() && one.ranges.empty());
    if (out.affected) return out;
  }
  return {};
}

bool may_name(std::string_view json, const std::vector<std::string>& sorted_names) {
  constexpr std::string_view kKey = "\"name\"";
  for (std::size_t at = json.find(kKey); at != std::string_view::npos; at = json.find(kKey, at + 1)) {
    std::string_view rest = json.substr(at + kKey.size(), 300);
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r\n:"), rest.size()));
    if (!rest.starts_with('"')) continue;
    const std::string_view value = rest.substr(1, rest.find('"', 1) - 1);
    for (const std::string& name : {normal_package_name(value), lowered(value)}) {
      if (std::ranges::binary_search(sorted_names, name)) return true;
    }
  }
  return false;
}

}  // namespace sallyport::formats
