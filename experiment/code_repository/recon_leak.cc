// repo-config-recon-leak: comments and settings that draw a map of the infrastructure for whoever reads them.
//
// Settings and documents are read whole, code in its comments and strings: addresses of private networks,
// hosts of internal domains, buckets, private registries, cloud accounts, and people's addresses (a low
// finding). Documentation ranges, example domains, loopback and lines of licences are passed over.
//
// Missed: names that only insiders can tell from others. A dictionary of them would itself be the map.
#include "core/guard.h"
#include "core/limits.h"
#include "formats/recon.h"

namespace sallyport::experiment::code_repository {
namespace {

Result<Examination> check(const RepositorySubject& repository, const Parameters&) {
  Examination out;
  double lines = 0;
  for (const RepositoryFile& file : repository.files) {
    if (!file.commit.empty() || file.path.starts_with(".git/")) continue;
    for (const formats::Trace& trace : formats::find_traces(file.path, as_text(file.bytes))) {
      if (out.findings.size() >= limits::kFindingsPerGuardMax) break;
      ++lines;
      Finding finding{
          .severity = trace.rule == "staff-address" ? Severity::kLow : Severity::kHigh,
          .confidence = Confidence::kMedium,
          .where = {.path = file.path},
          .message = std::string(trace.what) + " is told to everyone who reads this: " + shown(trace.text),
          .remedy = "take it from the environment where it is used, or from a setting that is not committed",
          .rule = std::string(trace.rule)};
      finding.where.line = trace.line;
      out.findings.push_back(std::move(finding));
    }
  }
  out.statistics.push_back({.name = "traces of infrastructure", .value = lines});
  return out;
}

}  // namespace

extern const Guard recon_leak;
const Guard recon_leak{
    .id = "recon_leak",
    .threats = {"repo-config-recon-leak"},
    .summary = "comments and settings that name private hosts, buckets, registries and accounts",
    .looks_for =
        "addresses of private networks, hosts of internal domains, buckets, private registries, cloud "
        "accounts and people's addresses, in settings, documents, and the comments and strings of code",
    .repository = check};

}  // namespace sallyport::experiment::code_repository
