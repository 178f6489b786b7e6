// pipeline-vulnerable-image and repo-dependency-poison, as far as somebody has published it: a package in a
// lock file, an environment or a root file system that an advisory is about.
//
// What is installed is read from lock files and package databases, and from the banners of libraries that are
// linked into programs. Advisories are a snapshot that the user points at; whoever presents the repository
// lays those that name one of its packages beside the files, below .sallyport/advisories/
// (services/scan/advisories.h). Each is decided by the order of versions of its own ecosystem, so that a fix
// which a distribution carried back counts as one.
//
// Missed: what has no entry and no banner, and what is published after the snapshot; its age stands beside
// the verdict.
#include <map>

#include "core/guard.h"
#include "core/limits.h"
#include "formats/advisories.h"

namespace sallyport::experiment::mlops_pipeline {
namespace {

using formats::Advisory;
using formats::LockedPackage;

constexpr std::string_view kAdvisories = ".sallyport/advisories/";

// os-release of the root file system that a path lies in: "rootfs/var/lib/dpkg/status" has it in
// "rootfs/etc".
std::string_view release_beside(const RepositorySubject& repository, std::string_view path) {
  for (const RepositoryFile& file : repository.files) {
    for (const std::string_view name : {"etc/os-release", "usr/lib/os-release"}) {
      if (!file.path.ends_with(name)) continue;
      const std::string_view root = std::string_view(file.path).substr(0, file.path.size() - name.size());
      if (path.starts_with(root)) return as_text(file.bytes);
    }
  }
  return {};
}

void say(const RepositoryFile& file, const LockedPackage& package, const Advisory& advisory,
         const std::string& fixed_in, Examination& out) {
  if (out.findings.size() >= limits::kFindingsPerGuardMax) return;
  std::string message = package.name + " " + package.version +
                        (package.ecosystem.empty() ? ", linked into this program," : "") +
                        (advisory.malicious ? " is published as malicious: " : " has a published flaw: ") +
                        advisory.id;
  for (const std::string& alias : advisory.aliases) {
    if (alias.starts_with("CVE-")) message += ", " + alias;
  }
  if (!advisory.summary.empty()) message += ": " + shown(advisory.summary);
  Finding finding{.severity = advisory.severity,
                  .confidence = package.ecosystem.empty() ? Confidence::kMedium : Confidence::kHigh,
                  .where = {.path = file.path},
                  .message = std::move(message),
                  .remedy = advisory.malicious ? "take it out, and treat what it could reach as stolen"
                            : fixed_in.empty()
                                ? "no version without it is known; replace the package or contain it"
                                : "take version " + fixed_in + " or a later one",
                  .rule = advisory.malicious ? "malicious-package" : "vulnerable-package"};
  if (package.line > 0) finding.where.line = package.line;
  out.findings.push_back(std::move(finding));
}

Result<Examination> check(const RepositorySubject& repository, const Parameters&) {
  Examination out;
  std::multimap<std::string, const Advisory*> by_name;
  std::vector<Advisory> advisories;
  std::string newest;
  for (const RepositoryFile& file : repository.files) {
    if (!file.path.starts_with(kAdvisories)) continue;
    Result<Advisory> advisory = formats::read_advisory(as_text(file.bytes));
    if (!advisory) return within(file.path, advisory.error());
    newest = std::max(newest, advisory->modified);
    advisories.push_back(std::move(*advisory));
  }
  for (const Advisory& advisory : advisories) {
    for (const formats::AffectedPackage& one : advisory.affected) by_name.emplace(one.name, &advisory);
  }
  if (advisories.empty()) return out;
  double packages = 0;
  for (const RepositoryFile& file : repository.files) {
    if (!file.commit.empty()) continue;
    std::vector<LockedPackage> locked;
    if (formats::is_lock_file(file.path)) {
      auto read = formats::read_locked_packages(file.path, as_text(file.bytes),
                                                release_beside(repository, file.path));
      if (!read) return within(file.path, read.error());
      locked = std::move(*read);
    } else if (formats::is_program(file.bytes)) {
      locked = formats::read_banners(file.bytes);
    }
    packages += static_cast<double>(locked.size());
    for (const LockedPackage& package : locked) {
      const Advisory* before = nullptr;
      for (auto [at, end] = by_name.equal_range(package.name); at != end; ++at) {
        if (at->second == before) continue;
        before = at->second;
        const formats::Affects affects = formats::affects(*at->second, package);
        if (affects.affected) say(file, package, *at->second, affects.fixed_in, out);
      }
    }
  }
  out.statistics.push_back({.name = "packages with a version", .value = packages});
  out.statistics.push_back(
      {.name = "advisories that name one of them", .value = static_cast<double>(advisories.size())});
  return out;
}

}  // namespace

extern const Guard vulnerable_component;
const Guard vulnerable_component{
    .id = "vulnerable_component",
    .threats = {"pipeline-vulnerable-image"},
    .summary = "packages, and libraries linked into programs, that a published advisory is about",
    .looks_for =
        "what lock files, environments, dpkg's and apk's databases and the banners in programs name, held "
        "against "
        "a snapshot of OSV advisories in the order of versions of each ecosystem; without a snapshot nothing "
        "is "
        "known",
    .repository = check};

}  // namespace sallyport::experiment::mlops_pipeline
