#include "services/scan/repository.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/env.h"
#include "core/limits.h"
#include "formats/git.h"
#include "formats/utf8.h"

namespace sallyport::services::scan {
namespace {

namespace git = formats::git;

constexpr std::uint32_t kTreeMode = 040000;
constexpr std::uint32_t kSubmoduleMode = 0160000;

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

class Reading {
 public:
  explicit Reading(const fs::path& folder) : folder_(folder) { out_.name = folder.filename().string(); }

  Result<Repository> run() {
    const fs::path git = git_folder(folder_);
    if (git != folder_) TRY(read_working_files());
    if (is_git_file(folder_)) {
      unread(".git: a file that names a folder elsewhere; scan the repository itself for its history");
    } else if (!git.empty() && has_long_ids(git)) {
      unread(".git: objects are named by SHA-256, which is not read; its history was not searched");
    } else if (!git.empty()) {
      TRY(read_objects(git / "objects"));
      add_history();
    }
    return std::move(out_);
  }

 private:
  void unread(const std::string& what) { out_.unread.push_back(what); }

  Result<void> read_working_files() {
    std::error_code error;
    std::vector<fs::path> paths;
    auto entry = fs::recursive_directory_iterator(folder_, fs::directory_options::none, error);
    if (error) return fail(ErrorKind::kIo, folder_.string() + ": cannot be listed: " + error.message());
    for (; entry != fs::recursive_directory_iterator(); entry.increment(error)) {
      if (error) return fail(ErrorKind::kIo, folder_.string() + ": cannot be listed: " + error.message());
      const fs::file_status status = entry->symlink_status();
      if (fs::is_directory(status) &&
          (entry->path().filename() == ".git" || entry.depth() >= limits::kDirectoryDepthMax)) {
        entry.disable_recursion_pending();
        if (entry.depth() > 0) {
          unread(entry->path().lexically_relative(folder_).generic_string() +
                 ": a folder that is not entered");
        }
      } else if (fs::is_regular_file(status)) {
        paths.push_back(entry->path());
      }
    }
    std::sort(paths.begin(), paths.end());
    for (const fs::path& path : paths) {
      const std::string name = path.lexically_relative(folder_).generic_string();
      auto bytes = system_env().read_file(path, limits::kRepositoryBytesMax - bytes_);
      if (!bytes) {
        unread(bytes.error().message);
        continue;
      }
      bytes_ += bytes->size();
      known_.insert(git::object_id(git::ObjectType::kBlob, *bytes));
      out_.files.push_back({.path = name, .bytes = std::move(*bytes)});
    }
    return {};
  }

  // A damaged object is named and the rest is read; a limit ends the reading.
  Result<void> add_file(const fs::path& path, bool pack) {
    const auto bytes = system_env().read_file(path);
    const Result<void> added = !bytes ? Result<void>(std::unexpected(bytes.error()))
                               : pack ? objects_.add_pack(*bytes)
                                      : objects_.add_loose(*bytes);
    if (!added) unread(path.lexically_relative(folder_).generic_string() + ": " + added.error().message);
    return {};
  }

  Result<void> read_objects(const fs::path& objects) {
    Env& env = system_env();
    for (const std::string& name : TRY(env.list(objects))) {
      if (name.size() != 2) continue;
      for (const std::string& file : TRY(env.list(objects / name)))
        TRY(add_file(objects / name / file, false));
    }
    if (env.exists(objects / "pack")) {
      for (const std::string& file : TRY(env.list(objects / "pack"))) {
        if (file.ends_with(".pack")) TRY(add_file(objects / "pack" / file, true));
      }
    }
    if (env.exists(objects / "info" / "alternates"))
      unread("objects/info/alternates: other repositories are not entered");
    const auto left = objects_.resolve();
    if (!left) {
      unread(left.error().message);
    } else if (*left > 0) {
      unread(std::to_string(*left) + " packed objects lack the object that they are deltas of");
    }
    return {};
  }

  // Gives each blob below the commit's tree its path and commit, unless an older commit has.
  void walk(const std::string& commit, const git::ObjectId& root) {
    std::vector<std::pair<git::ObjectId, std::string>> trees{{root, ""}};
    while (!trees.empty()) {
      const auto [id, prefix] = std::move(trees.back());
      trees.pop_back();
      if (!walked_.insert(id).second) continue;
      const git::Object* object = objects_.find(id);
      if (object == nullptr || object->type != git::ObjectType::kTree) {
        ++missing_trees_;
        continue;
      }
      const auto entries = git::read_tree(object->bytes);
      if (!entries) {
        unread("tree " + to_hex(id) + ": " + entries.error().message);
        continue;
      }
      for (const git::TreeEntry& entry : *entries) {
        const std::string path = prefix + entry.name;
        if (path.size() > limits::kPathBytesMax || entry.mode == kSubmoduleMode) continue;
        if (entry.mode == kTreeMode) {
          trees.emplace_back(entry.id, path + "/");
        } else {
          origins_.try_emplace(entry.id, path, commit);
        }
      }
    }
  }

  void add_history() {
    std::vector<std::pair<std::int64_t, git::ObjectId>> commits;
    std::map<git::ObjectId, git::Commit> read;
    for (const auto& [id, object] : objects_.all()) {
      if (object.type != git::ObjectType::kCommit) continue;
      auto commit = git::read_commit(object.bytes);
      if (!commit) {
        unread("commit " + to_hex(id) + ": " + commit.error().message);
        continue;
      }
      commits.emplace_back(commit->committed_unix_s, id);
      read.emplace(id, std::move(*commit));
    }
    std::sort(commits.begin(), commits.end());
    for (const auto& [time, id] : commits) {
      git::Commit& commit = read[id];
      walk(to_hex(id), commit.tree);
      out_.files.push_back(
          {.path = "commit message", .bytes = to_bytes(commit.message), .commit = to_hex(id)});
    }
    if (missing_trees_ > 0)
      unread(std::to_string(missing_trees_) +
             " folders of the history are missing; what they hold has no path");
    for (const auto& [id, object] : objects_.all()) {
      if (object.type != git::ObjectType::kTag) continue;
      const std::string_view text = as_text(object.bytes);
      const std::size_t head = std::min(text.find("\n\n"), text.size());
      out_.files.push_back(
          {.path = "tag message", .bytes = to_bytes(text.substr(head)), .commit = to_hex(id)});
    }
    for (const auto& [id, object] : objects_.all()) {
      if (object.type != git::ObjectType::kBlob || known_.contains(id)) continue;
      const auto origin = origins_.find(id);
      const bool reached = origin != origins_.end();
      out_.files.push_back({.path = reached ? origin->second.first : "object " + to_hex(id),
                            .bytes = object.bytes,
                            .commit = reached ? origin->second.second : "none, it is unreachable"});
    }
  }

  fs::path folder_;
  Repository out_;
  git::Objects objects_;
  std::set<git::ObjectId> known_;   // blobs that the working folder holds
  std::set<git::ObjectId> walked_;  // trees
  std::map<git::ObjectId, std::pair<std::string, std::string>> origins_;
  std::size_t missing_trees_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace

bool is_repository(const fs::path& folder) { return !git_folder(folder).empty() || is_git_file(folder); }

Result<Repository> read_repository(const fs::path& folder) {
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored))
    return fail(ErrorKind::kNotFound, folder.string() + ": no such folder");
  return Reading(folder).run();
}

}  // namespace sallyport::services::scan
