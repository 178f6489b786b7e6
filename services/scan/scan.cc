#include "services/scan/scan.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <thread>
#include <unordered_map>

#include "core/env.h"
#include "core/mapping.h"
#include "core/parallel.h"
#include "services/scan/accept.h"
#include "services/scan/advisories.h"
#include "services/scan/companions.h"
#include "services/scan/intake.h"
#include "services/scan/registered.h"
#include "services/scan/repository_scan.h"
#include "services/scan/review.h"
#include "services/scan/tree.h"
#include "services/scan/wheels.h"

namespace sallyport::services::scan {
namespace {

// What all that is said of a file depends on, apart from the file.
Digest rules_of(const ScanOptions& options) {
  const Json rules{{"build", build_id()},
                   {"policy", options.policy.digest.hex()},
                   {"depth", options.depth_max},
                   {"unpacked", options.unpacked_bytes_max},
                   {"layers", options.layers_max}};
  return sha256(canonical(rules));
}

// Large files are hashed beside their inspection, which mostly touches headers.
class Judged {
 public:
  Judged(const ScanOptions& options, std::span<const Armed> guards, const Tree& tree, Cache* cache)
      : options_(options), guards_(guards), tree_(tree), cache_(cache) {}

  void scan(ScannedFile& file, const Mapping& mapping, const std::string& name) const {
    const BytesView bytes = mapping.bytes();
    constexpr std::size_t kOwnThread = 8 * limits::kMiB;
    Digest digest;
    if (bytes.size() >= kOwnThread && cache_ == nullptr) {
      std::thread hasher([&] { digest = sallyport::sha256(bytes); });
      judge(file, bytes, name, tree_.entries, guards_, options_);
      hasher.join();
      file.size = bytes.size();
      file.sha256 = digest.hex();
    } else {
      scan(file, bytes, sallyport::sha256(bytes), name);
    }
    if (!mapping.unchanged()) {
      file.sha256.clear();
      fail_file(file, {ErrorKind::kIo, file.path + ": changed while it was read", "scan it again at rest"});
    }
  }

  // Bytes that were read whole: what becomes of the file meanwhile is nothing to them.
  void scan(ScannedFile& file, BytesView bytes, const Digest& digest, const std::string& name) const {
    file.size = bytes.size();
    file.sha256 = digest.hex();
    recall_or_judge(file, bytes, name, digest);
  }

 private:
  void recall_or_judge(ScannedFile& file, BytesView bytes, const std::string& name,
                       const Digest& digest) const {
    if (cache_ == nullptr) {
      judge(file, bytes, name, tree_.entries, guards_, options_);
      return;
    }
    const Digest key = cache_key("file", name, "", digest);
    const auto known = cache_->find(key);
    if (known && recall(*known, file, options_)) return;
    if (judge(file, bytes, name, tree_.entries, guards_, options_)) cache_->put(key, remember(file));
  }

  const ScanOptions& options_;
  std::span<const Armed> guards_;
  const Tree& tree_;
  Cache* cache_;
};

class Scan {
 public:
  explicit Scan(const ScanOptions& options) : options_(options) {}

  Result<ScanReport> run(const std::vector<fs::path>& paths) {
    const auto start = std::chrono::steady_clock::now();
    report_.started = format_time(options_.now_unix_s);
    report_.waivers = waiver_notices(options_.policy, options_.now_unix_s);
    file_guards_ = TRY(arm_for_files(options_.policy));
    repository_guards_ = TRY(arm_for_repositories(options_.policy));
    std::vector<Tree> trees;
    for (const fs::path& path : paths) trees.push_back(TRY(read_tree(path)));
    std::size_t count = 0;
    for (const Tree& tree : trees) count += tree.files.size();
    if (options_.on_count) options_.on_count(count);
    for (const Tree& tree : trees) TRY(scan_tree(tree));
    for (const ScannedFile& file : report_.files) report_.bytes += file.size;
    report_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return std::move(report_);
  }

  Result<ScannedFile> bytes(BytesView bytes, const std::string& name) {
    file_guards_ = TRY(arm_for_files(options_.policy));
    ScannedFile file{.path = name, .sha256 = sallyport::sha256(bytes).hex(), .size = bytes.size()};
    judge(file, bytes, name, {}, file_guards_, options_);
    set_fingerprints(file);
    conclude(file);
    return file;
  }

 private:
  Result<void> scan_tree(const Tree& tree) {
    std::vector<const TreeFile*> wanted;
    for (const TreeFile& file : tree.files) wanted.push_back(&file);
    const bool remembers = tree.is_repository && !options_.cache_folder.empty() && options_.packs == nullptr;
    std::unique_ptr<Cache> cache;
    if (remembers) cache = std::make_unique<Cache>(options_.cache_folder, tree.root, rules_of(options_));
    std::optional<PackMemory> memory;
    if (remembers) memory.emplace(options_.cache_folder, tree.root);
    std::unique_ptr<RepositoryReading> reading;
    if (tree.is_repository) {
      reading = std::make_unique<RepositoryReading>(tree.root, options_.since, options_.threads,
                                                    memory ? &*memory : nullptr);
    }
    Result<Repository> read = Repository{};
    std::vector<ScannedFile> files;
    if (reading != nullptr && !options_.since.empty()) {
      TRY(reading->read_folder());
      TRY(reading->read_history());
      read = TRY(reading->finish());
      std::erase_if(wanted, [&](const TreeFile* file) { return read->unchanged.contains(file->relative); });
      files = scan_files(tree, wanted, nullptr, cache.get());
    } else if (reading != nullptr) {
      const Result<void> folder = reading->read_folder();
      const auto how = options_.threads == 1 ? std::launch::deferred : std::launch::async;
      auto history = std::async(how, [&] { return folder ? reading->read_history() : folder; });
      files = scan_files(tree, wanted, reading.get(), cache.get());
      const Result<void> done = history.get();
      read = done ? reading->finish() : Result<Repository>(std::unexpected(done.error()));
    } else {
      files = scan_files(tree, wanted, nullptr, cache.get());
    }
    explain_by_others(wanted, files);
    if (tree.is_repository) {
      drop_ordinary_code(tree, files);
      if (read) TRY(add_packages(*read));
      if (read && options_.review != nullptr)
        read->add_evidence(TRY(history_evidence(tree.root, *options_.review)));
      if (read && !options_.wheels.empty())
        read->add_evidence(TRY(read_wheels(system_env(), options_.wheels)));
      if (read && !options_.registry.empty())
        read->add_evidence(TRY(read_registered(system_env(), options_.registry)));
      scan_repository(tree, files, read, cache.get());
      if (read) TRY(drop_known(*read, tree, files));
    } else if (!options_.advisories.empty() && !tree.entries.empty()) {
      TRY(scan_packages(tree, files));
    }
    // What cannot be remembered is searched again; nothing of the answer depends on it.
    if (cache != nullptr) (void)cache->save().has_value();
    if (memory) memory->forget_others();
    for (ScannedFile& file : files) {
      set_fingerprints(file);
      accept_baseline(file, options_.baseline);
      conclude(file);
      report_.files.push_back(std::move(file));
    }
    return {};
  }

  Result<void> add_packages(Repository& repository) {
    if (options_.advisories.empty() && !options_.list_packages) return {};
    const std::vector<formats::LockedPackage> packages = packages_of(repository.files);
    if (options_.list_packages)
      report_.packages.insert(report_.packages.end(), packages.begin(), packages.end());
    if (!options_.advisories.empty())
      repository.add_evidence(TRY(read_advisories(system_env(), options_.advisories, packages)));
    return {};
  }

  // A folder that is no repository: a root file system, an environment. Only its packages are looked at.
  Result<void> scan_packages(const Tree& tree, std::vector<ScannedFile>& files) {
    Repository folder = TRY(read_repository(tree.root, {}, options_.threads));
    TRY(add_packages(folder));
    std::vector<Armed> guards;
    for (const Armed& armed : repository_guards_) {
      if (armed.guard->id == "vulnerable_component") guards.push_back(armed);
    }
    for (Said& said : TRY(ask_repository_guards(folder, guards, {}, options_, nullptr))) {
      if (said.error) return std::unexpected(*said.error);
      for (Finding& finding : said.findings) {
        finding.where.path = (tree.root / finding.where.path).string();
        add_finding(Entries(folder, files).at(finding.where), *said.guard, finding, options_);
      }
    }
    return {};
  }

  // Of files that changed, what was found in them before they did.
  Result<void> drop_known(const Repository& repository, const Tree& tree, std::vector<ScannedFile>& files) {
    if (repository.before.empty()) return {};
    Repository before{.name = repository.name, .files = repository.before};
    if (repository.evidence_from < repository.files.size()) {
      const auto from = repository.files.begin() + static_cast<std::ptrdiff_t>(repository.evidence_from);
      before.add_evidence({from, repository.files.end()});
    }
    std::vector<ScannedFile> were;
    for (const RepositoryFile& file : repository.before) {
      were.push_back({.path = file.path, .of_repository = true});
      judge(were.back(), file.bytes, file.path, tree.entries, file_guards_, options_);
    }
    TRY(add_findings(before, were, nullptr));
    std::set<std::string> known;
    for (ScannedFile& file : were) {
      for (ScannedFinding& found : file.findings) found.finding.where.path = file.path;
      set_fingerprints(file);
      for (const ScannedFinding& found : file.findings) known.insert(found.fingerprint);
    }
    for (ScannedFile& file : files) {
      set_fingerprints(file);
      std::erase_if(file.findings, [&](const auto& found) { return known.contains(found.fingerprint); });
    }
    return {};
  }

  // Those that the reading of a repository has already are not read again.
  std::vector<ScannedFile> scan_files(const Tree& tree, std::span<const TreeFile* const> wanted,
                                      const RepositoryReading* reading, Cache* cache) {
    std::vector<ScannedFile> out(wanted.size());
    const Judged judged(options_, file_guards_, tree, cache);
    const auto scan_at = [&](std::size_t i) {
      const auto known = reading != nullptr ? reading->find(wanted[i]->relative) : std::nullopt;
      out[i] = scan_one(judged, *wanted[i], tree.is_repository, known);
    };
    parallel_for(wanted.size(), scan_at, options_.threads);
    return out;
  }

  ScannedFile scan_one(const Judged& judged, const TreeFile& entry, bool is_repository,
                       const std::optional<RepositoryReading::Found>& known) {
    ScannedFile file{.path = entry.shown, .of_repository = is_repository};
    if (entry.error) {
      fail_file(file, *entry.error);
    } else if (known && known->bytes.size() <= options_.file_bytes_max) {
      judged.scan(file, known->bytes, known->digest, entry.relative);
    } else if (const Result<Mapping> mapping = Mapping::open(entry.path); !mapping) {
      fail_file(file, mapping.error());
    } else if (mapping->bytes().size() > options_.file_bytes_max) {
      fail_file(file, {ErrorKind::kLimit, entry.shown + ": larger than the limit for a file",
                       "raise --max-file-mb"});
    } else {
      judged.scan(file, *mapping, entry.relative);
    }
    // A waiver names the path within the folder, or as the report shows it.
    for (ScannedFinding& found : file.findings) {
      found.finding.where.path = file.path;
      found.waived = found.waived || is_waived(*found.guard, found.finding, options_);
    }
    conclude(file);
    if (options_.on_file) options_.on_file(file);
    return file;
  }

  // What the guards of a repository say is put to the entry of the file; what only history holds gets one.
  void scan_repository(const Tree& tree, std::vector<ScannedFile>& files, Result<Repository>& repository,
                       Cache* cache) {
    const auto add_error = [&](const Error& error) {
      files.push_back({.path = tree.root.string()});
      fail_file(files.back(), error);
    };
    if (!repository) return add_error(repository.error());
    for (const std::string& unread : repository->unread) add_error({ErrorKind::kInvalid, unread});
    if (const auto added = add_findings(*repository, files, cache); !added) add_error(added.error());
  }

  Result<void> add_findings(Repository& repository, std::vector<ScannedFile>& files, Cache* cache) {
    const std::vector<Said> all =
        TRY(ask_repository_guards(repository, repository_guards_, file_guards_, options_, cache));
    Entries entries(repository, files);
    for (const Said& said : all) {
      if (said.error && said.file == nullptr) {
        files.push_back({.path = repository.name});
        fail_file(files.back(), *said.error);
      } else if (said.error) {
        add_unread(entries.at({.path = said.file->path, .commit = said.file->commit}), said.error->message);
      }
      for (const Finding& finding : said.findings)
        add_finding(entries.at(finding.where), *said.guard, finding, options_);
    }
    for (ScannedFile& file : files) {
      if (file.findings.empty()) continue;
      const std::string_view text = entries.text_of(file);
      accept_allowed_lines(file, text);
      if (options_.frames) set_frames(file, text);
    }
    return {};
  }

  // The entries of a report by path and commit.
  class Entries {
   public:
    Entries(const Repository& repository, std::vector<ScannedFile>& files)
        : files_(files), repository_(repository) {
      for (std::size_t i = 0; i < files.size(); ++i) at_.emplace(key_of(files[i].path, files[i].commit), i);
      for (std::size_t i = 0; i < repository.files.size(); ++i)
        contents_.emplace(key_of(repository.files[i].path, repository.files[i].commit), i);
    }

    ScannedFile& at(const Location& where) {
      const std::string key = key_of(where.path, where.commit);
      const auto [known, fresh] = at_.try_emplace(key, files_.size());
      if (!fresh) return files_[known->second];
      ScannedFile file{
          .path = where.path, .commit = where.commit, .of_repository = true, .format = "unknown"};
      if (const auto found = contents_.find(key); found != contents_.end()) {
        file.sha256 = repository_.digest_of(found->second).hex();
        file.size = repository_.size_of(found->second);
        const auto kind = repository_.kinds.find(where.path);
        if (kind != repository_.kinds.end()) file.format = kind->second;
      }
      return files_.emplace_back(std::move(file));
    }

    std::string_view text_of(const ScannedFile& file) const {
      const auto found = contents_.find(key_of(file.path, file.commit));
      return found == contents_.end() ? std::string_view() : as_text(repository_.files[found->second].bytes);
    }

   private:
    static std::string key_of(const std::string& path, const std::string& commit) {
      return path + '\0' + commit;
    }

    std::vector<ScannedFile>& files_;
    const Repository& repository_;
    std::unordered_map<std::string, std::size_t> at_;
    std::unordered_map<std::string, std::size_t> contents_;
  };

  const ScanOptions& options_;
  std::vector<Armed> file_guards_;
  std::vector<Armed> repository_guards_;
  ScanReport report_;
};

}  // namespace

std::size_t ScanReport::count(FileVerdict verdict) const {
  return static_cast<std::size_t>(std::count_if(
      files.begin(), files.end(), [&](const ScannedFile& file) { return file.verdict == verdict; }));
}

int ScanReport::exit_code() const {
  if (count(FileVerdict::kFindings) != 0) return 1;
  return count(FileVerdict::kClean) == files.size() ? 0 : 2;
}

Result<ScanReport> scan(const std::vector<fs::path>& paths, const ScanOptions& options) {
  return Scan(options).run(paths);
}

Result<ScannedFile> scan_bytes(BytesView bytes, const std::string& name, const ScanOptions& options) {
  return Scan(options).bytes(bytes, name);
}

std::string_view name_of(FileVerdict verdict) {
  constexpr std::string_view kNames[] = {"clean", "findings", "incomplete", "error"};
  return kNames[static_cast<std::size_t>(verdict)];
}

namespace {

Json to_json(const ScannedFinding& found) {
  Json out = sallyport::to_json(found.finding);
  out["guard"] = found.guard->id;
  out["threats"] = found.threats;
  if (!out.contains("offset")) out["offset"] = nullptr;
  if (!out.contains("length")) out["length"] = nullptr;
  out["fingerprint"] = found.fingerprint;
  if (found.waived) out["waived"] = true;
  if (!found.accepted.empty()) out["accepted"] = found.accepted;
  return out;
}

}  // namespace

Json to_json(const ScannedFile& file) {
  Json out{{"path", file.path},
           {"sha256", file.sha256.empty() ? Json(nullptr) : Json(file.sha256)},
           {"size", file.size},
           {"format", file.format.empty() ? "unknown" : file.format},
           {"verdict", name_of(file.verdict)},
           {"coverage", file.coverage},
           {"findings", Json::array()}};
  if (!file.commit.empty()) out["commit"] = file.commit;
  if (!file.unread.empty()) out["unread"] = file.unread;
  if (!file.explanation.empty()) out["explanation"] = file.explanation;
  for (const ScannedFinding& found : file.findings) out["findings"].push_back(to_json(found));
  return out;
}

Json to_json(const ScanReport& report) {
  Json files = Json::array();
  for (const ScannedFile& file : report.files) files.push_back(to_json(file));
  Json out{{"files", std::move(files)}};
  for (const WaiverNotice& notice : report.waivers) out["waivers"].push_back(to_json(notice));
  return out;
}

}  // namespace sallyport::services::scan
