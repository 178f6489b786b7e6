#include "services/scan/repository_scan.h"

#include <algorithm>
#include <functional>

#include "core/parallel.h"
#include "formats/utf8.h"
#include "services/scan/accept.h"

namespace sallyport::services::scan {
namespace {

// Guards that hold the files of a repository against one another; all others look at each file by itself.
// They see what the working folder holds and what was laid beside it as evidence, which the repository cannot
// bring itself.
constexpr std::string_view kOfAllFiles[] = {"vulnerable_component", "reviewed_history", "history_integrity",
                                            "dependency_update"};
constexpr std::string_view kEvidence[] = {".sallyport/advisories/", ".sallyport/packages/",
                                          ".sallyport/history.json"};

// No file of a repository has a path that begins so.
constexpr std::string_view kRegistry = "/evidence/registry.json";

// A guard that adds up over files. One of which it says nothing though these thresholds are zero adds nothing
// to a sum, so that it need not be shown again.
constexpr std::string_view kSums = "weights_exposure";
constexpr std::string_view kSumThresholds[] = {"file_bytes_max", "fixtures_bytes_max", "fragments_bytes_max",
                                               "pointers_allowed"};

bool looks_at_files(const Guard& guard) {
  return guard.id != kSums && std::ranges::find(kOfAllFiles, guard.id) == std::end(kOfAllFiles);
}

// The guards of one scan, by how they look at files.
struct Guards {
  std::span<const Armed> of_models = {};
  std::vector<const Armed*> of_one = {};
  std::vector<const Armed*> of_all = {};
  std::optional<Armed> sums = {};          // with its own thresholds
  std::optional<Armed> sums_at_zero = {};  // with those of kSumThresholds zero
};

Result<Guards> sorted(std::span<const Armed> guards, std::span<const Armed> of_models) {
  Guards out{.of_models = of_models};
  for (const Armed& armed : guards) {
    if (armed.guard->id == kSums) {
      out.sums = out.sums_at_zero = armed;
      for (const std::string_view name : kSumThresholds) TRY(out.sums_at_zero->parameters.set(name, 0));
    } else {
      (looks_at_files(*armed.guard) ? out.of_one : out.of_all).push_back(&armed);
    }
  }
  return out;
}

// All that is said of one file without a look at others.
struct OfFile {
  std::vector<Said> said = {};
  bool adds_up = false;  // to a sum over files
  bool allows = false;   // a line of it may accept a finding
};

// A model that only history holds is taken apart as one in the folder is. Of what cannot be followed nothing
// is said: who finds it there has git at hand, and no loader.
void ask_about_model(const RepositoryFile& file, const Guards& guards, const ScanOptions& options,
                     OfFile& out) {
  const std::string_view text = as_text(file.bytes);
  if (guards.of_models.empty() || file.commit.empty()) return;
  if (text.find('\0') == std::string_view::npos && formats::is_utf8(text)) return;
  ScannedFile model{.path = file.path, .commit = file.commit, .of_repository = true};
  judge(model, file.bytes, file.path, {}, guards.of_models, options);
  for (ScannedFinding& found : model.findings) {
    found.finding.where.path = file.path;
    found.finding.where.commit = file.commit;
    out.said.push_back({.guard = found.guard, .findings = {std::move(found.finding)}, .file = &file});
  }
}

OfFile ask(const Repository& repository, const RepositoryFile& file, const Guards& guards,
           const ScanOptions& options) {
  RepositorySubject subject = repository.subject();
  subject.files = {&file, 1};
  OfFile out{.allows = may_allow(as_text(file.bytes))};
  ask_about_model(file, guards, options, out);
  for (const Armed* armed : guards.of_one) {
    auto examination = armed->guard->repository(subject, armed->parameters);
    if (!examination) {
      out.said.push_back({.guard = armed->guard, .error = examination.error(), .file = &file});
    } else if (!examination->findings.empty()) {
      out.said.push_back(
          {.guard = armed->guard, .findings = std::move(examination->findings), .file = &file});
    }
  }
  if (guards.sums_at_zero) {
    const auto examination = guards.sums_at_zero->guard->repository(subject, guards.sums_at_zero->parameters);
    out.adds_up = !examination || !examination->findings.empty();
  }
  return out;
}

// As a cache keeps it: a letter for each thing that holds of the file, then its findings. Nothing is the
// commonest of all. nullopt: a guard could not tell, and is asked again.
constexpr char kAddsUp = 's', kAllows = 'a';

std::optional<std::string> remember(const OfFile& file) {
  std::vector<GuardFinding> all;
  for (const Said& said : file.said) {
    if (said.error) return std::nullopt;
    for (const Finding& finding : said.findings) all.emplace_back(said.guard, finding);
  }
  std::string out;
  if (file.adds_up) out += kAddsUp;
  if (file.allows) out += kAllows;
  return out + remember_findings(all);
}

std::optional<OfFile> recall(std::string_view text, const RepositoryFile& file) {
  OfFile out;
  for (; !text.empty() && text.front() != '['; text.remove_prefix(1)) {
    if (text.front() == kAddsUp) out.adds_up = true;
    if (text.front() == kAllows) out.allows = true;
  }
  auto findings = recall_findings(text);
  if (!findings) return std::nullopt;
  for (auto& [guard, finding] : *findings) {
    if (out.said.empty() || out.said.back().guard != guard)
      out.said.push_back({.guard = guard, .file = &file});
    finding.where.path = file.path;  // JSON may have changed one that is not UTF-8
    out.said.back().findings.push_back(std::move(finding));
  }
  return out;
}

class Asking {
 public:
  Asking(Repository& repository, Guards guards, const ScanOptions& options, Cache* cache)
      : repository_(repository), guards_(std::move(guards)), options_(options), cache_(cache) {}

  Result<std::vector<Said>> run(std::span<const Armed> guards) {
    TRY(ask_files());
    TRY(load_said());
    ask_of_all();
    std::vector<const Guard*> order;
    for (const std::span<const Armed> some : {guards_.of_models, guards}) {
      for (const Armed& armed : some) order.push_back(armed.guard);
    }
    std::vector<Said> out = std::move(of_all_);
    for (OfFile& file : of_files_) std::ranges::move(file.said, std::back_inserter(out));
    std::erase_if(out, [](const Said& one) { return !one.error && one.findings.empty(); });
    std::ranges::stable_sort(
        out, {}, [&](const Said& one) { return std::ranges::find(order, one.guard) - order.begin(); });
    return out;
  }

 private:
  std::size_t count() const { return std::min(repository_.files.size(), repository_.evidence_from); }

  // First what is known, then, once their bytes are there, what is not.
  Result<void> ask_files() {
    of_files_.resize(count());
    std::vector<char> known(count(), 0);
    std::vector<Digest> keys(cache_ == nullptr ? 0 : count());
    const auto look_up = [&](std::size_t i) {
      const RepositoryFile& file = repository_.files[i];
      keys[i] = cache_key("repository", file.path, file.commit, repository_.digest_of(i));
      const auto text = cache_->find(keys[i]);
      auto recalled = text ? recall(*text, file) : std::nullopt;
      known[i] = recalled.has_value() ? 1 : 0;
      if (recalled) of_files_[i] = std::move(*recalled);
    };
    if (cache_ != nullptr) parallel_for(count(), look_up, options_.threads);
    std::vector<std::size_t> fresh;
    for (std::size_t i = 0; i < count(); ++i) {
      if (known[i] == 0) fresh.push_back(i);
    }
    TRY(repository_.load(fresh, options_.threads));
    const auto look_at = [&](std::size_t k) {
      const std::size_t i = fresh[k];
      of_files_[i] = ask(repository_, repository_.files[i], guards_, options_);
      if (cache_ == nullptr) return;
      if (auto text = remember(of_files_[i])) cache_->put(keys[i], std::move(*text));
    };
    parallel_for(fresh.size(), look_at, options_.threads);
    return {};
  }

  // What others need the bytes of: sums, lines that accept a finding, and lines that are shown.
  Result<void> load_said() {
    std::vector<std::size_t> wanted;
    for (std::size_t i = 0; i < count(); ++i) {
      const OfFile& file = of_files_[i];
      const bool shown = !file.said.empty() && (options_.frames || file.allows);
      if (file.adds_up || shown) wanted.push_back(i);
    }
    return repository_.load(wanted, options_.threads);
  }

  // The guards take a list of files, so those that they are to see are moved into one, and back.
  template <class Wanted>
  void with_files(const Wanted& wanted, const std::function<void(const RepositorySubject&)>& use) {
    std::vector<std::size_t> places;
    std::vector<RepositoryFile> files;
    for (std::size_t i = 0; i < repository_.files.size(); ++i) {
      if (!wanted(i)) continue;
      places.push_back(i);
      files.push_back(std::move(repository_.files[i]));
    }
    use({.name = repository_.name, .files = files});
    for (std::size_t k = 0; k < places.size(); ++k) repository_.files[places[k]] = std::move(files[k]);
  }

  static Said said_by(const Armed& armed, const RepositorySubject& subject) {
    Said out{.guard = armed.guard};
    auto examination = armed.guard->repository(subject, armed.parameters);
    if (!examination) {
      out.error = examination.error();
    } else {
      out.findings = std::move(examination->findings);
    }
    return out;
  }

  void ask_of_all() {
    const auto in_folder = [&](std::size_t i) {
      const RepositoryFile& file = repository_.files[i];
      const bool posed = i < count() && std::ranges::any_of(kEvidence, [&](std::string_view place) {
                           return file.path.starts_with(place);
                         });
      return file.commit.empty() && !posed;
    };
    of_all_.resize(guards_.of_all.size());
    with_files(in_folder, [&](const RepositorySubject& subject) {
      parallel_for(
          of_all_.size(), [&](std::size_t k) { of_all_[k] = said_by(*guards_.of_all[k], subject); },
          options_.threads);
    });
    if (!guards_.sums) return;
    const auto adds_up = [&](std::size_t i) {
      return i < count() ? of_files_[i].adds_up : repository_.files[i].path == kRegistry;
    };
    with_files(adds_up,
               [&](const RepositorySubject& subject) { of_all_.push_back(said_by(*guards_.sums, subject)); });
  }

  Repository& repository_;
  const Guards guards_;
  const ScanOptions& options_;
  Cache* cache_;
  std::vector<OfFile> of_files_;
  std::vector<Said> of_all_;
};

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

Result<std::vector<Said>> ask_repository_guards(Repository& repository, std::span<const Armed> guards,
                                                std::span<const Armed> of_models, const ScanOptions& options,
                                                Cache* cache) {
  return Asking(repository, TRY(sorted(guards, of_models)), options, cache).run(guards);
}

}  // namespace sallyport::services::scan
