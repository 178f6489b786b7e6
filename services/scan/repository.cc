#include "services/scan/repository.h"

#include <algorithm>
#include <cstdlib>

#include "core/env.h"
#include "core/limits.h"
#include "core/parallel.h"
#include "formats/git_index.h"
#include "formats/text.h"
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

using Staged = std::map<std::string, formats::git::ObjectId>;

class Reading {
 public:
  Reading(const fs::path& folder, const std::string& since, unsigned threads)
      : folder_(folder), since_(since), threads_(threads) {
    out_.name = folder.filename().string();
  }

  Result<Repository> run() {
    const fs::path git = git_folder(folder_);
    if (git != folder_) TRY(add_folder(folder_, ""));
    if (is_git_file(folder_)) {
      unread(".git: a file that names a folder elsewhere; scan the repository itself for its history");
    } else if (!git.empty() && has_long_ids(git)) {
      unread(".git: objects are named by SHA-256, which is not read; its history was not searched");
    } else if (!git.empty()) {
      TRY(add_settings(git));
      History read = TRY(History::read(git / "objects", threads_));
      std::optional<formats::git::ObjectId> fork;
      // Before the first commit everything is new.
      const Refs refs = since_.empty() ? Refs{} : read_refs(git);
      if (refs.head || (!since_.empty() && since_ != "HEAD")) {
        fork = TRY(read.fork_of(refs, since_));
        TRY(compare(git, read, *fork));
      }
      HistoryFiles history = std::move(read).files(known_, fork);
      std::ranges::move(history.files, std::back_inserter(out_.files));
      std::ranges::move(history.unread, std::back_inserter(out_.unread));
      out_.kinds = std::move(history.kinds);
    }
    if (!since_.empty() && (git.empty() || is_git_file(folder_)))
      return fail(ErrorKind::kNotFound, folder_.string() + ": has no history that could be compared with");
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
    std::erase_if(out_.files, [&](const RepositoryFile& file) {
      const auto was = before.find(file.path);
      const bool followed = !follows || staged->contains(file.path);
      const bool same = was != before.end() &&
                        was->second == formats::git::object_id(formats::git::ObjectType::kBlob, file.bytes);
      if (same || (was == before.end() && !followed)) out_.unchanged.insert(file.path);
      if (!same && was != before.end())
        out_.before.push_back({.path = file.path, .bytes = history.blob(was->second)});
      return out_.unchanged.contains(file.path);
    });
    if (!follows) return {};
    std::unordered_map<std::string, RepositoryFile*> present;
    for (RepositoryFile& file : out_.files) present.emplace(file.path, &file);
    std::vector<RepositoryFile> gone;
    for (const auto& [path, id] : *staged) {
      const auto was = before.find(path);
      if (known_.contains(id) || (was != before.end() && was->second == id)) continue;
      const auto file = present.find(path);
      if (file != present.end()) {
        file->second->bytes = history.blob(id);
      } else {
        gone.push_back({.path = path, .bytes = history.blob(id)});
      }
    }
    std::ranges::move(gone, std::back_inserter(out_.files));
    return {};
  }

  void unread(const std::string& what) { out_.unread.push_back(what); }

  // The regular files below a folder, sorted, without repositories in it. Error when it cannot be listed.
  Result<std::vector<std::string>> list(const fs::path& top) {
    std::error_code error;
    std::vector<std::string> paths;
    auto entry = fs::recursive_directory_iterator(top, fs::directory_options::none, error);
    if (error) return fail(ErrorKind::kIo, top.string() + ": cannot be listed: " + error.message());
    for (; entry != fs::recursive_directory_iterator(); entry.increment(error)) {
      if (error) return fail(ErrorKind::kIo, top.string() + ": cannot be listed: " + error.message());
      const fs::file_status status = entry->symlink_status();
      if (fs::is_directory(status) &&
          (entry->path().filename() == ".git" || entry.depth() >= limits::kDirectoryDepthMax)) {
        entry.disable_recursion_pending();
        if (entry.depth() > 0)
          unread(entry->path().lexically_relative(folder_).generic_string() +
                 ": a folder that is not entered");
      } else if (fs::is_regular_file(status)) {
        paths.push_back(entry->path().lexically_relative(top).generic_string());
      }
    }
    std::sort(paths.begin(), paths.end());
    return paths;
  }

  void add(const fs::path& path, std::string shown) { add_all({{path, std::move(shown)}}); }

  Result<void> add_folder(const fs::path& folder, const std::string& prefix) {
    std::vector<Wanted> files;
    for (const std::string& path : TRY(list(folder))) files.push_back({folder / path, prefix + path});
    add_all(std::move(files));
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
  };
  void add_all(std::vector<Wanted> files) {
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
      if (file.bytes) file.id = formats::git::object_id(formats::git::ObjectType::kBlob, *file.bytes);
    };
    parallel_for(files.size(), read, threads_);
    for (Wanted& file : files) {
      if (!file.bytes) {
        unread(file.bytes.error().message);
        continue;
      }
      known_.insert(file.id);
      out_.files.push_back({.path = std::move(file.shown), .bytes = std::move(*file.bytes)});
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
        const bool wanted =
            folder == "hooks" ? !path.ends_with(".sample") : formats::file_name(path) == "config";
        if (wanted) add(git / folder / path, prefix + folder + "/" + path);
      }
    }
    return {};
  }

  fs::path folder_;
  std::string since_;
  unsigned threads_;
  Repository out_;
  BlobIds known_;  // what the working folder holds
  std::size_t bytes_ = 0;
};

}  // namespace

void Repository::add_evidence(std::vector<RepositoryFile> evidence) {
  evidence_from = std::min(evidence_from, files.size());
  std::ranges::move(evidence, std::back_inserter(files));
}

bool is_repository(const fs::path& folder) { return !git_folder(folder).empty() || is_git_file(folder); }

Result<Repository> read_repository(const fs::path& folder, const std::string& since, unsigned threads) {
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored))
    return fail(ErrorKind::kNotFound, folder.string() + ": no such folder");
  return Reading(folder, since, threads).run();
}

}  // namespace sallyport::services::scan
