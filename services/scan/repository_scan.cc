#include "services/scan/repository_scan.h"

#include <algorithm>

#include "core/parallel.h"

namespace sallyport::services::scan {
namespace {

// Guards that hold the files of a repository against one another; all others look at each file by itself.
constexpr std::string_view kOfAllFiles[] = {"weights_exposure", "vulnerable_component", "reviewed_history",
                                            "history_integrity", "dependency_update"};

bool looks_at_files(const Guard& guard) {
  return std::ranges::find(kOfAllFiles, guard.id) == std::end(kOfAllFiles);
}

// All that the guards which look at single files say of one, by guard.
using OfFile = std::vector<Said>;

OfFile ask(const Repository& repository, const RepositoryFile& file, std::span<const Armed> guards) {
  RepositorySubject subject = repository.subject();
  subject.files = {&file, 1};
  OfFile out;
  for (const Armed& armed : guards) {
    if (!looks_at_files(*armed.guard)) continue;
    auto examination = armed.guard->repository(subject, armed.parameters);
    if (!examination) {
      out.push_back({.guard = armed.guard, .error = examination.error(), .file = &file});
    } else if (!examination->findings.empty()) {
      out.push_back({.guard = armed.guard, .findings = std::move(examination->findings), .file = &file});
    }
  }
  return out;
}

// The cache keeps a list of findings with their guards; what a guard could not tell is asked again.
OfFile ask_once(const Repository& repository, const RepositoryFile& file, std::span<const Armed> guards,
                Cache& cache) {
  const Digest key = cache_key("repository", file.path, file.commit, sha256(file.bytes));
  if (const auto known = cache.find(key)) {
    if (auto recalled = recall_findings(*known)) {
      OfFile out;
      for (auto& [guard, finding] : *recalled) {
        if (out.empty() || out.back().guard != guard) out.push_back({.guard = guard, .file = &file});
        finding.where.path = file.path;  // JSON may have changed one that is not UTF-8
        out.back().findings.push_back(std::move(finding));
      }
      return out;
    }
  }
  OfFile out = ask(repository, file, guards);
  std::vector<GuardFinding> all;
  for (const Said& said : out) {
    if (said.error) return out;
    for (const Finding& finding : said.findings) all.emplace_back(said.guard, finding);
  }
  cache.put(key, remember_findings(all));
  return out;
}

}  // namespace

Digest cache_key(std::string_view asked, std::string_view path, std::string_view commit,
                 const Digest& content) {
  std::string text(asked);
  for (const std::string_view part : {path, commit, as_text(content.bytes)}) {
    text += '\0';
    text += part;
  }
  return sha256(text);
}

std::vector<Said> ask_repository_guards(const Repository& repository, std::span<const Armed> guards,
                                        const ScanOptions& options, Cache* cache) {
  std::vector<const Armed*> of_all;
  for (const Armed& armed : guards) {
    if (!looks_at_files(*armed.guard)) of_all.push_back(&armed);
  }
  std::vector<Said> said_of_all(of_all.size());
  std::vector<OfFile> said(std::min(repository.files.size(), repository.evidence_from));
  // Those that take longest come first, so that no core waits for them in the end.
  parallel_for(
      of_all.size() + said.size(),
      [&](std::size_t i) {
        if (i >= of_all.size()) {
          const RepositoryFile& file = repository.files[i - of_all.size()];
          said[i - of_all.size()] =
              cache == nullptr ? ask(repository, file, guards) : ask_once(repository, file, guards, *cache);
          return;
        }
        const Armed& armed = *of_all[i];
        auto examination = armed.guard->repository(repository.subject(), armed.parameters);
        said_of_all[i].guard = armed.guard;
        if (!examination) {
          said_of_all[i].error = examination.error();
        } else {
          said_of_all[i].findings = std::move(examination->findings);
        }
      },
      options.threads);
  std::vector<Said> out;
  for (const Armed& armed : guards) {
    for (Said& one : said_of_all) {
      if (one.guard == armed.guard) out.push_back(std::move(one));
    }
    if (!looks_at_files(*armed.guard)) continue;
    for (OfFile& file : said) {
      for (Said& one : file) {
        if (one.guard == armed.guard) out.push_back(std::move(one));
      }
    }
  }
  std::erase_if(out, [](const Said& one) { return !one.error && one.findings.empty(); });
  return out;
}

}  // namespace sallyport::services::scan
