#include "services/scan/repository.h"

#include <algorithm>
#include <cstdlib>

#include "core/env.h"
#include "core/limits.h"
#include "core/parallel.h"
#include "core/text.h"
#include "formats/git_index.h"
#include "services/scan/history.h"

namespace sallyport::services::scan {
namespace {

bool is_bare(const fs::path& folder) {
  std::error_code ignored;
  return fs::is_directory(folder / "objects", ignored) && fs::is_regular_file(folder / "HEAD", ignored) &&
         fs::is_directory(folder / "refs", ignored);
}

// The folder of the objects; empty when there is none.
fs::path git_folder(const fs::path& folder) {
  std::error_code ignored;
  if (is_bare(folder)) return folder;
  const fs::path inside = folder / ".git";
  return fs::is_directory(fs::symlink_status(inside, ignored)) && is_bare(inside) ? inside : fs::path();
}

// A worktree's or a submodule's `.git`: a file that names the folder of the objects, which is elsewhere.
bool is_git_file(const fs::path& folder) {
  std::error_code ignored;
  const fs::path file = folder / ".git";
  if (!fs::is_regular_file(fs::symlink_status(file, ignored))) return false;
  const auto bytes = system_env().read_file(file, limits::kPathBytesMax);
  return bytes && as_text(*bytes).starts_with("gitdir:");
}

// Objects named by SHA-256: other sizes of names in every tree and commit.
bool has_long_ids(const fs::path& git) {
  const auto config = system_env().read_file(git / "config", limits::kYamlBytesMax);
  if (!config) return false;
  std::string text(as_text(*config));
  std::erase_if(text, [](char c) { return c == ' ' || c == '\t'; });
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text.find("objectformat=sha256") != std::string::npos;
}

// Git tells its hooks of another index, beside its own, when it commits what is not staged yet.
fs::path index_of(const fs::path& git) {
  const char* named = std::getenv("GIT_INDEX_FILE");
  std::error_code failure;
  if (named != nullptr &&
      fs::canonical(fs::path(named).parent_path(), failure) == fs::canonical(git, failure))
    return named;
  return git / "index";
}

// Files with the digests of their bytes.
struct Taken {
  std::vector<RepositoryFile> files = {};
  std::vector<Digest> digests = {};
};

using Staged = std::map<std::string, formats::git::ObjectId>;

}  // namespace

class RepositoryReading::Parts {
 public:
  Parts(const fs::path& folder, const std::string& since, unsigned threads, PackMemory* memory)
      : folder_(folder), since_(since), git_(git_folder(folder)), threads_(threads), memory_(memory) {
    out_.name = folder.filename().string();
  }

  Result<void> read_folder() { return git_ == folder_ ? Result<void>() : add_folder(folder_, ""); }

  std::optional<Found> find(std::string_view path) const {
    const auto at = std::ranges::lower_bound(own_.files, path, {}, &RepositoryFile::path);
    if (at == own_.files.end() || at->path != path) return std::nullopt;
    return Found{.bytes = at->bytes,
                 .digest = own_.digests[static_cast<std::size_t>(at - own_.files.begin())]};
  }

  Result<void> read_history() {
    if (is_git_file(folder_)) {
      unread(".git: a file that names a folder elsewhere; scan the repository itself for its history");
    } else if (!git_.empty() && has_long_ids(git_)) {
      unread(".git: objects are named by SHA-256, which is not read; its history was not searched");
    } else if (!git_.empty()) {
      TRY(add_settings(git_));
      history_.emplace(TRY(History::read(git_ / "objects", threads_, memory_)));
    }
    return {};
  }

  Result<Repository> finish() {
    if (!since_.empty() && (git_.empty() || is_git_file(folder_)))
      return fail(ErrorKind::kNotFound, folder_.string() + ": has no history that could be compared with");
    for (Taken* taken : {&own_, &settings_}) {
      std::ranges::move(taken->files, std::back_inserter(out_.files));
      std::ranges::move(taken->digests, std::back_inserter(out_.digests));
    }
    if (!history_) return std::move(out_);
    std::optional<formats::git::ObjectId> fork;
    // Before the first commit everything is new.
    const Refs refs = since_.empty() ? Refs{} : read_refs(git_);
    if (refs.head || (!since_.empty() && since_ != "HEAD")) {
      fork = TRY(history_->fork_of(refs, since_));
      TRY(compare(git_, *history_, *fork));
      out_.digests.clear();
    }
    HistoryFiles history = std::move(*history_).files(known_, fork);
    for (const auto& [i, known] : history.remembered) out_.remembered.emplace(out_.files.size() + i, known);
    out_.packs = std::move(history.packs);
    std::ranges::move(history.files, std::back_inserter(out_.files));
    std::ranges::move(history.unread, std::back_inserter(out_.unread));
    out_.kinds = std::move(history.kinds);
    return std::move(out_);
  }

 private:
  // Drops the files that are what they were at the fork, or that git does not follow, and keeps the others as
  // they were beside them. What is staged is what a commit takes, so it stands in the place of what the
  // folder has.
  Result<void> compare(const fs::path& git, const History& history, const formats::git::ObjectId& fork) {
    const auto before = TRY(history.tree_of(fork));
    const auto bytes = system_env().read_file(index_of(git), limits::kRepositoryBytesMax);
    const auto staged = bytes ? formats::git::read_index(*bytes) : Result<Staged>(Staged());
    if (!staged) unread(".git/index: " + staged.error().message);
    const bool follows = staged && !staged->empty();
    std::vector<std::string> earlier;
    std::vector<formats::git::ObjectId> earlier_ids;
    std::erase_if(out_.files, [&](const RepositoryFile& file) {
      const auto was = before.find(file.path);
      const bool followed = !follows || staged->contains(file.path);
      const bool same = was != before.end() &&
                        was->second == formats::git::object_id(formats::git::ObjectType::kBlob, file.bytes);
      if (same || (was == before.end() && !followed)) out_.unchanged.insert(file.path);
      if (!same && was != before.end()) {
        earlier.push_back(file.path);
        earlier_ids.push_back(was->second);
      }
      return out_.unchanged.contains(file.path);
    });
    std::vector<Bytes> were = TRY(history.blobs(earlier_ids));
    for (std::size_t i = 0; i < earlier.size(); ++i)
      out_.before.push_back({.path = std::move(earlier[i]), .bytes = std::move(were[i])});
    if (!follows) return {};
    std::unordered_map<std::string, RepositoryFile*> present;
    for (RepositoryFile& file : out_.files) present.emplace(file.path, &file);
    std::vector<std::string> paths;
    std::vector<formats::git::ObjectId> ids;
    for (const auto& [path, id] : *staged) {
      const auto was = before.find(path);
      if (known_.contains(id) || (was != before.end() && was->second == id)) continue;
      if (path.starts_with('/')) {
        unread(".git/index: names a file outside of the folder");
        continue;
      }
      paths.push_back(path);
      ids.push_back(id);
    }
    std::vector<Bytes> contents = TRY(history.blobs(ids));
    std::vector<RepositoryFile> gone;
    for (std::size_t i = 0; i < paths.size(); ++i) {
      const auto file = present.find(paths[i]);
      if (file != present.end()) {
        file->second->bytes = std::move(contents[i]);
      } else {
        gone.push_back({.path = std::move(paths[i]), .bytes = std::move(contents[i])});
      }
    }
    std::ranges::move(gone, std::back_inserter(out_.files));
    return {};
  }

  void unread(const std::string& what) { out_.unread.push_back(what); }

  // The regular files below a folder, sorted, without repositories in it. Error when it cannot be listed; a
  // folder in it that cannot is unread.
  Result<std::vector<std::string>> list(const fs::path& top) {
    std::vector<std::string> paths;
    std::vector<std::pair<std::string, int>> folders{{"", 0}};
    while (!folders.empty()) {
      const auto [folder, depth] = std::move(folders.back());
      folders.pop_back();
      std::error_code error;
      fs::directory_iterator entry(top / folder, error);
      for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        std::string path = folder.empty() ? name : folder + "/" + name;
        const fs::file_status status = entry->symlink_status();
        if (fs::is_regular_file(status)) {
          paths.push_back(std::move(path));
        } else if (fs::is_directory(status) && name != ".git" && depth < limits::kDirectoryDepthMax) {
          folders.emplace_back(std::move(path), depth + 1);
        } else if (fs::is_directory(status) && depth > 0) {
          unread(shown(top, path) + ": a folder that is not entered");
        }
      }
      const std::string why = error ? ": cannot be listed: " + error.message() : "";
      if (error && folder.empty()) return fail(ErrorKind::kIo, top.string() + why);
      if (error) unread(shown(top, folder) + why);
    }
    std::sort(paths.begin(), paths.end());
    return paths;
  }

  std::string shown(const fs::path& top, const std::string& path) const {
    return (top / path).lexically_relative(folder_).generic_string();
  }

  void add(const fs::path& path, std::string name) { add_all({{path, std::move(name)}}, settings_); }

  Result<void> add_folder(const fs::path& folder, const std::string& prefix) {
    std::vector<Wanted> files;
    for (const std::string& path : TRY(list(folder))) files.push_back({folder / path, prefix + path});
    add_all(std::move(files), own_);
    return {};
  }

  // The files on all cores. Which of them fit is told from their sizes, in their order, so that it is the
  // same each time.
  struct Wanted {
    fs::path path = {};
    std::string shown = {};
    std::size_t bytes_max = 0;
    Result<Bytes> bytes = Bytes();
    formats::git::ObjectId id = {};
    Digest digest = {};
  };
  void add_all(std::vector<Wanted> files, Taken& out) {
    for (Wanted& file : files) {
      std::error_code failure;
      const std::uintmax_t size = fs::file_size(file.path, failure);
      const std::size_t left = limits::kRepositoryBytesMax - bytes_;
      file.bytes_max = failure ? 0 : static_cast<std::size_t>(std::min<std::uintmax_t>(size, left));
      if (!failure && size <= left) bytes_ += file.bytes_max;
    }
    const auto read = [&](std::size_t i) {
      Wanted& file = files[i];
      file.bytes = system_env().read_file(file.path, file.bytes_max);
      if (!file.bytes) return;
      file.id = formats::git::object_id(formats::git::ObjectType::kBlob, *file.bytes);
      file.digest = sha256(*file.bytes);
    };
    parallel_for(files.size(), read, threads_);
    for (Wanted& file : files) {
      if (!file.bytes) {
        unread(file.bytes.error().message);
        continue;
      }
      known_.insert(file.id);
      out.files.push_back({.path = std::move(file.shown), .bytes = std::move(*file.bytes)});
      out.digests.push_back(file.digest);
    }
  }

  // What git keeps beside its objects has held tokens: addresses with a password, scripts of one's own. Its
  // logs repeat the messages of commits.
  Result<void> add_settings(const fs::path& git) {
    const std::string prefix = git == folder_ ? "" : ".git/";
    std::error_code ignored;
    for (const char* name : {"config", "config.worktree", "FETCH_HEAD", "credentials"}) {
      if (fs::is_regular_file(fs::symlink_status(git / name, ignored))) add(git / name, prefix + name);
    }
    for (const std::string folder : {"hooks", "modules"}) {
      if (!fs::is_directory(fs::symlink_status(git / folder, ignored))) continue;
      for (const std::string& path : TRY(list(git / folder))) {
        const bool wanted = folder == "hooks" ? !path.ends_with(".sample") : file_name(path) == "config";
        if (wanted) add(git / folder / path, prefix + folder + "/" + path);
      }
    }
    return {};
  }

  fs::path folder_;
  std::string since_;
  fs::path git_;
  unsigned threads_;
  PackMemory* memory_;
  Taken own_;       // of the working folder, sorted by path
  Taken settings_;  // of git's
  std::optional<History> history_;
  Repository out_;
  BlobIds known_;  // what the working folder holds
  std::size_t bytes_ = 0;
};

RepositoryReading::RepositoryReading(const fs::path& folder, const std::string& since, unsigned threads,
                                     PackMemory* memory)
    : parts_(std::make_unique<Parts>(folder, since, threads, memory)) {}
RepositoryReading::~RepositoryReading() = default;
Result<void> RepositoryReading::read_folder() { return parts_->read_folder(); }
std::optional<RepositoryReading::Found> RepositoryReading::find(std::string_view path) const {
  return parts_->find(path);
}
Result<void> RepositoryReading::read_history() { return parts_->read_history(); }
Result<Repository> RepositoryReading::finish() { return parts_->finish(); }

Result<void> Repository::load(const std::vector<std::size_t>& wanted, unsigned threads) {
  std::vector<std::size_t> places;
  std::vector<formats::git::ObjectId> ids;
  for (const std::size_t file : wanted) {
    const auto known = remembered.find(file);
    if (known == remembered.end()) continue;
    places.push_back(file);
    ids.push_back(known->second.id);
  }
  if (places.empty()) return {};
  std::vector<Bytes> bytes = TRY(packs->read(ids, threads));
  for (std::size_t i = 0; i < places.size(); ++i) {
    files[places[i]].bytes = std::move(bytes[i]);
    remembered.erase(places[i]);
  }
  return {};
}

Digest Repository::digest_of(std::size_t file) const {
  if (file < digests.size()) return digests[file];
  const auto known = remembered.find(file);
  return known == remembered.end() ? sha256(files[file].bytes) : known->second.digest;
}

std::uint64_t Repository::size_of(std::size_t file) const {
  const auto known = remembered.find(file);
  return known == remembered.end() ? files[file].bytes.size() : known->second.size;
}

void Repository::add_evidence(std::vector<RepositoryFile> evidence) {
  evidence_from = std::min(evidence_from, files.size());
  std::ranges::move(evidence, std::back_inserter(files));
}

bool is_repository(const fs::path& folder) { return !git_folder(folder).empty() || is_git_file(folder); }

Result<Repository> read_repository(const fs::path& folder, const std::string& since, unsigned threads,
                                   PackMemory* memory) {
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored))
    return fail(ErrorKind::kNotFound, folder.string() + ": no such folder");
  RepositoryReading reading(folder, since, threads, memory);
  TRY(reading.read_folder());
  TRY(reading.read_history());
  return reading.finish();
}

}  // namespace sallyport::services::scan
