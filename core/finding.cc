#include "core/finding.h"

#include <array>

namespace sallyport {
namespace {

constexpr std::array<std::string_view, 5> kSeverityNames{"info", "low", "medium", "high", "critical"};
constexpr std::array<std::string_view, 3> kConfidenceNames{"low", "medium", "high"};

template <class T>
void put(Json& out, const char* name, const std::optional<T>& value) {
  if (value) out[name] = *value;
}

}  // namespace

std::string_view name_of(Severity severity) { return kSeverityNames[static_cast<std::size_t>(severity)]; }
std::string_view name_of(Confidence confidence) {
  return kConfidenceNames[static_cast<std::size_t>(confidence)];
}

std::optional<Severity> severity_named(std::string_view name) {
  for (std::size_t i = 0; i < kSeverityNames.size(); ++i) {
    if (kSeverityNames[i] == name) return static_cast<Severity>(i);
  }
  return std::nullopt;
}

Json to_json(const Finding& finding) {
  Json out{{"severity", name_of(finding.severity)},
           {"confidence", name_of(finding.confidence)},
           {"message", finding.message}};
  if (!finding.where.path.empty()) out["path"] = finding.where.path;
  put(out, "offset", finding.where.offset);
  put(out, "length", finding.where.length);
  put(out, "row", finding.where.row);
  put(out, "line", finding.where.line);
  if (!finding.where.column.empty()) out["column"] = finding.where.column;
  if (!finding.where.commit.empty()) out["commit"] = finding.where.commit;
  if (!finding.remedy.empty()) out["remedy"] = finding.remedy;
  if (!finding.rule.empty()) out["rule"] = finding.rule;
  return out;
}

Json to_json(const Statistic& statistic) {
  Json out{{"name", statistic.name}, {"value", statistic.value}};
  put(out, "low", statistic.low);
  put(out, "high", statistic.high);
  put(out, "sample_size", statistic.sample_size);
  put(out, "power", statistic.power);
  if (!statistic.effect.empty()) out["effect"] = statistic.effect;
  put(out, "false_positive_rate", statistic.false_positive_rate);
  return out;
}

std::string to_text(const Location& where) {
  std::string out = where.path;
  const auto add = [&out](const std::string& part) { out += (out.empty() ? "" : ", ") + part; };
  if (where.line) add("line " + std::to_string(*where.line));
  if (where.offset) add("byte " + std::to_string(*where.offset));
  if (where.row) add("row " + std::to_string(*where.row));
  if (!where.column.empty()) add("column " + where.column);
  return out;
}

}  // namespace sallyport
