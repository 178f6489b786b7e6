#include "formats/infra/examine.h"

#include <algorithm>

#include "core/limits.h"

namespace sallyport::formats::infra {
namespace {

Finding finding_of(const std::string& path, Remark remark) {
  Finding out{.severity = remark.severity,
              .confidence = Confidence::kHigh,
              .where = {.path = path},
              .message = std::move(remark.message),
              .remedy = std::move(remark.remedy),
              .rule = std::move(remark.rule)};
  if (remark.line > 0) out.where.line = remark.line;
  return out;
}

// A template of Helm or Jinja is no YAML before it is filled in, and is executed by nobody as it is.
bool is_template(std::string_view text) { return text.find("{{") != std::string_view::npos; }

}  // namespace

Result<Examination> examine_repository(const RepositorySubject& repository,
                                       std::initializer_list<FileKind> kinds) {
  Examination out;
  double looked_at = 0, unread = 0;
  for (const RepositoryFile& file : repository.files) {
    const FileKind kind = kind_of(file.path);
    if (!file.commit.empty() || std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) continue;
    ++looked_at;
    Result<std::vector<Remark>> remarks = inspect_file(kind, as_text(file.bytes));
    if (!remarks) {
      ++unread;
      const bool manifest = as_text(file.bytes).find("apiVersion:") != std::string_view::npos;
      const bool executed = kind != FileKind::kYaml || manifest;
      if (!is_template(as_text(file.bytes)) || kind == FileKind::kGithubWorkflow) {
        out.findings.push_back(
            finding_of(file.path, {.rule = "not-read",
                                   .severity = executed ? Severity::kHigh : Severity::kInfo,
                                   .message = "it could not be read: " + remarks.error().message,
                                   .remedy = "mend it, so that it can be looked at"}));
      }
      continue;
    }
    for (Remark& remark : *remarks) {
      if (out.findings.size() >= limits::kFindingsPerGuardMax) break;
      out.findings.push_back(finding_of(file.path, std::move(remark)));
    }
  }
  out.statistics.push_back({.name = "files looked at", .value = looked_at});
  out.statistics.push_back({.name = "files that could not be read", .value = unread});
  return out;
}

}  // namespace sallyport::formats::infra
