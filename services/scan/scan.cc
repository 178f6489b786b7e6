#include "services/scan/scan.h"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <thread>

#include "catalog/coverage.h"
#include "core/env.h"
#include "core/mapping.h"
#include "core/parallel.h"
#include "formats/pickle_explain.h"
#include "formats/pickle_scan.h"
#include "services/scan/repository.h"
#include "services/scan/tree.h"

namespace sallyport::services::scan {
namespace {

namespace inspect = formats::inspect;

// A guard with its parameters under the policy, worked out once.
struct Armed {
  const Guard* guard = nullptr;
  Parameters parameters = {};
};

// Guards of the export stage come first: what several guards say alike is said by theirs.
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

void add_unread(ScannedFile& file, std::string what) {
  constexpr std::size_t kUnreadKept = 100;
  if (file.unread.size() >= kUnreadKept) return;
  if (std::find(file.unread.begin(), file.unread.end(), what) == file.unread.end()) {
    file.unread.push_back(std::move(what));
  }
}

bool alike(const Finding& a, const Finding& b) {
  return a.message == b.message && a.where.offset == b.where.offset && a.where.line == b.where.line;
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

void judge(ScannedFile& file, BytesView bytes, const std::string& name, std::span<const TreeEntry> tree,
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
}

void fail_file(ScannedFile& file, const Error& error) {
  file.verdict = FileVerdict::kError;
  file.unread = {error.message};
  file.hint = error.hint;
  file.coverage = 0;
}

// Large files are hashed beside their inspection, which mostly touches headers.
void scan_mapped(ScannedFile& file, const Mapping& mapping, const std::string& name,
                 std::span<const TreeEntry> tree, std::span<const Armed> guards, const ScanOptions& options) {
  const BytesView bytes = mapping.bytes();
  file.size = bytes.size();
  constexpr std::size_t kOwnThread = 8 * limits::kMiB;
  Digest digest;
  std::thread hasher;
  if (bytes.size() >= kOwnThread) {
    hasher = std::thread([&] { digest = sallyport::sha256(bytes); });
  } else {
    digest = sallyport::sha256(bytes);
  }
  judge(file, bytes, name, tree, guards, options);
  if (hasher.joinable()) hasher.join();
  file.sha256 = digest.hex();
  if (!mapping.unchanged()) {
    file.sha256.clear();
    fail_file(file, {ErrorKind::kIo, file.path + ": changed while it was read", "scan it again at rest"});
  }
}

class Scan {
 public:
  explicit Scan(const ScanOptions& options) : options_(options) {}

  Result<ScanReport> run(const std::vector<fs::path>& paths) {
    const auto start = std::chrono::steady_clock::now();
    report_.started = format_time(options_.now_unix_s);
    file_guards_ = TRY(arm(options_.policy, &Guard::file));
    repository_guards_ = TRY(arm(options_.policy, &Guard::repository));
    std::vector<Tree> trees;
    for (const fs::path& path : paths) trees.push_back(TRY(read_tree(path)));
    std::size_t count = 0;
    for (const Tree& tree : trees) count += tree.files.size();
    if (options_.on_count) options_.on_count(count);
    for (const Tree& tree : trees) scan_tree(tree);
    for (const ScannedFile& file : report_.files) report_.bytes += file.size;
    report_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return std::move(report_);
  }

  Result<ScannedFile> bytes(BytesView bytes, const std::string& name) {
    file_guards_ = TRY(arm(options_.policy, &Guard::file));
    ScannedFile file{.path = name, .sha256 = sallyport::sha256(bytes).hex(), .size = bytes.size()};
    judge(file, bytes, name, {}, file_guards_, options_);
    conclude(file);
    return file;
  }

 private:
  void scan_tree(const Tree& tree) {
    std::vector<ScannedFile> files(tree.files.size());
    parallel_for(
        tree.files.size(), [&](std::size_t i) { files[i] = scan_one(tree, tree.files[i]); },
        options_.threads);
    if (tree.is_repository) scan_repository(tree, files);
    for (ScannedFile& file : files) {
      conclude(file);
      report_.files.push_back(std::move(file));
    }
  }

  ScannedFile scan_one(const Tree& tree, const TreeFile& entry) {
    ScannedFile file{.path = entry.shown};
    if (entry.error) {
      fail_file(file, *entry.error);
    } else if (const Result<Mapping> mapping = Mapping::open(entry.path); !mapping) {
      fail_file(file, mapping.error());
    } else if (mapping->bytes().size() > options_.file_bytes_max) {
      fail_file(file, {ErrorKind::kLimit, entry.shown + ": larger than the limit for a file",
                       "raise --max-file-mb"});
    } else {
      scan_mapped(file, *mapping, entry.relative, tree.entries, file_guards_, options_);
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
  void scan_repository(const Tree& tree, std::vector<ScannedFile>& files) {
    const Result<Repository> repository = read_repository(tree.root);
    if (!repository) {
      ScannedFile file{.path = tree.root.string()};
      fail_file(file, repository.error());
      files.push_back(std::move(file));
      return;
    }
    for (const std::string& unread : repository->unread) {
      ScannedFile file{.path = tree.root.string(), .verdict = FileVerdict::kError, .coverage = 0};
      file.unread = {unread};
      files.push_back(std::move(file));
    }
    for (const Armed& armed : repository_guards_) {
      const auto examination = armed.guard->repository(repository->subject(), armed.parameters);
      if (!examination) {
        ScannedFile file{.path = tree.root.string()};
        fail_file(file, examination.error());
        files.push_back(std::move(file));
        continue;
      }
      for (const Finding& finding : examination->findings) {
        add_finding(entry_for(finding.where, *repository, files), *armed.guard, finding, options_);
      }
    }
  }

  static ScannedFile& entry_for(const Location& where, const Repository& repository,
                                std::vector<ScannedFile>& files) {
    for (ScannedFile& file : files) {
      if (file.path == where.path && file.commit == where.commit) return file;
    }
    ScannedFile file{.path = where.path, .commit = where.commit, .format = "unknown"};
    for (const RepositoryFile& candidate : repository.files) {
      if (candidate.path != where.path || candidate.commit != where.commit) continue;
      file.sha256 = sallyport::sha256(candidate.bytes).hex();
      file.size = candidate.bytes.size();
      break;
    }
    files.push_back(std::move(file));
    return files.back();
  }

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
  if (found.waived) out["waived"] = true;
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
  return {{"files", std::move(files)}};
}

}  // namespace sallyport::services::scan
