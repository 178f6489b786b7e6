// pipeline-dependency-confusion: requirements that an installer may answer from somewhere else, or with
// something else, than was meant.
//
// Two indexes that may answer for the same name, packages that are bound to no bytes, addresses and branches
// in the place of versions, hosts that are not checked, builds from source archives, commands that run when a
// package is installed, and names that resemble a pinned or a known one.
//
// Missed: what a name resolves to, since nothing is resolved; a lookalike of a name that nobody knows.
#include <algorithm>
#include <array>

#include "core/guard.h"
#include "core/limits.h"
#include "core/text.h"
#include "formats/requirements.h"

namespace sallyport::experiment::mlops_pipeline {
namespace {

using formats::PackageIndex;
using formats::Requirement;
using formats::Requirements;

class Report {
 public:
  Report(const std::string& path, Examination& out) : path_(path), out_(out) {}

  void judge(const Requirements& all) {
    std::vector<std::string> pinned;
    std::size_t hashed = 0;
    for (const Requirement& one : all.requirements) {
      if (one.hashed) ++hashed;
      if (one.pinned || one.hashed) pinned.push_back(one.name);
    }
    const bool locked = all.hashes_required || (hashed > 0 && hashed == all.requirements.size());
    judge_indexes(all, locked);
    for (const Requirement& one : all.requirements) {
      judge_source(one);
      const bool partly = hashed > 0 && !one.hashed && one.source.empty();
      if (partly) {
        add("unhashed-among-hashed", Severity::kHigh, one.line,
            one.name + " is bound to no bytes, though the others are",
            "lock it with the others: pip-compile --generate-hashes");
      }
      if (!one.hashed) judge_name(one, pinned, all.ecosystem);
    }
    for (const std::size_t line : all.untrusted) {
      add("index-not-verified", Severity::kHigh, line, "whoever is on the way may answer for every package",
          "give the index a certificate, and check it");
    }
    for (const std::size_t line : all.source_builds) {
      add("builds-from-source", Severity::kMedium, line,
          "source archives run their own code while they are built", "install wheels: --only-binary :all:");
    }
    for (const auto& [line, command] : all.hooks) judge_hook(line, command);
  }

 private:
  void add(std::string_view rule, Severity severity, std::size_t line, std::string message,
           std::string_view remedy) {
    if (out_.findings.size() >= limits::kFindingsPerGuardMax) return;
    Finding finding{.severity = severity,
                    .where = {.path = path_},
                    .message = std::move(message),
                    .remedy = std::string(remedy),
                    .rule = std::string(rule)};
    if (line > 0) finding.where.line = line;
    out_.findings.push_back(std::move(finding));
  }

  void judge_indexes(const Requirements& all, bool locked) {
    for (const PackageIndex& index : all.indexes) {
      if (index.additional && !index.bound && !locked) {
        add("two-indexes", Severity::kHigh, index.line,
            "two indexes may answer for one name, and the higher version wins: " + shown(index.address),
            "serve both from one index, bind names to it (explicit sources, scopes), or lock every hash");
      }
      if (index.address.starts_with("http://") && !has(index.address, "//localhost") &&
          !has(index.address, "//127.")) {
        add("index-not-verified", Severity::kHigh, index.line,
            "packages come over plain HTTP: " + shown(index.address), "use https");
      }
    }
  }

  void judge_source(const Requirement& one) {
    if (one.source.empty()) return;
    const std::string what = one.name.empty() ? shown(one.source) : one.name;
    if (has(one.source, "http://")) {
      add("index-not-verified", Severity::kHigh, one.line, what + " comes over plain HTTP", "use https");
    } else if (!one.hashed) {
      add("source-not-pinned", Severity::kHigh, one.line, what + " is whatever its address answers",
          "name a commit, or give the archive's hash");
    }
  }

  void judge_name(const Requirement& one, const std::vector<std::string>& pinned,
                  Requirements::Ecosystem ecosystem) {
    if (one.name.starts_with('@')) return;  // a scope has one owner
    const std::string other = formats::looks_like(
        one.name, ecosystem == Requirements::Ecosystem::kPython ? pinned : std::vector<std::string>());
    if (other.empty()) return;
    add("lookalike", Severity::kHigh, one.line, one.name + " could be mistaken for " + other,
        "if it is the one that you want, lock its hash; otherwise write " + other);
  }

  void judge_hook(std::size_t line, const std::string& command) {
    constexpr std::array<std::string_view, 9> kReach{"curl",   "wget",    "node -e", "eval",      "http",
                                                     "base64", "bash -c", "sh -c",   "powershell"};
    if (std::none_of(kReach.begin(), kReach.end(), [&](auto word) { return has(command, word); })) return;
    add("install-command", Severity::kHigh, line, "it runs when the package is installed: " + shown(command),
        "take it away, and install with --ignore-scripts");
  }

  const std::string& path_;
  Examination& out_;
};

Result<Examination> check(const RepositorySubject& repository, const Parameters&) {
  Examination out;
  double looked_at = 0, packages = 0;
  for (const RepositoryFile& file : repository.files) {
    if (!file.commit.empty() || !formats::is_requirements_file(file.path)) continue;
    const auto read = formats::read_requirements(file.path, as_text(file.bytes));
    if (!read) return within(file.path, read.error());
    ++looked_at;
    packages += static_cast<double>(read->requirements.size());
    Report(file.path, out).judge(*read);
  }
  out.statistics.push_back({.name = "files of requirements", .value = looked_at});
  out.statistics.push_back({.name = "packages that they name", .value = packages});
  return out;
}

}  // namespace

extern const Guard dependency_source;
const Guard dependency_source{
    .id = "dependency_source",
    .threats = {"pipeline-dependency-confusion"},
    .summary =
        "requirements that an installer may answer from elsewhere or with something else than was meant",
    .looks_for =
        "second indexes without a lock of hashes, hosts that are not checked, addresses and branches in the "
        "place of versions, builds from source, commands run at installation, and lookalike names, in "
        "requirement files, pyproject, Conda environments, npm's manifests, locks and settings",
    .repository = check};

}  // namespace sallyport::experiment::mlops_pipeline
