#include "services/scan/tree.h"

#include <sys/stat.h>

#include <algorithm>

#include "core/limits.h"
#include "services/scan/repository.h"

namespace sallyport::services::scan {
namespace {

namespace fs = std::filesystem;

class TreeReader {
 public:
  explicit TreeReader(fs::path root) { tree_.root = std::move(root); }

  Tree run() {
    tree_.is_repository = is_repository(tree_.root);
    std::error_code failure;
    real_root_ = fs::canonical(tree_.root, failure);
    // A stack of our own: one folder that cannot be listed must not end the walk.
    std::vector<std::pair<std::string, int>> folders{{"", 0}};
    while (!folders.empty()) {
      auto [folder, depth] = std::move(folders.back());
      folders.pop_back();
      if (depth > limits::kDirectoryDepthMax) {
        add_error(folder, {ErrorKind::kLimit, "folders are nested too deep"});
      } else if (!list(folder, depth, folders)) {
        add_error("", {ErrorKind::kLimit, "the folder holds too many files"});
        break;
      }
    }
    const auto by_path = [](const auto& a, const auto& b) { return a.relative < b.relative; };
    std::sort(tree_.files.begin(), tree_.files.end(), by_path);
    std::sort(tree_.entries.begin(), tree_.entries.end(),
              [](const TreeEntry& a, const TreeEntry& b) { return a.path < b.path; });
    return std::move(tree_);
  }

 private:
  std::string shown(const std::string& relative) const {
    return tree_.is_repository ? relative : (tree_.root / relative).string();
  }

  void add_error(const std::string& relative, Error error) {
    error.message = shown(relative) + ": " + error.message;
    tree_.files.push_back(
        {.path = tree_.root / relative, .shown = shown(relative), .relative = relative, .error = error});
  }

  bool list(const std::string& folder, int depth, std::vector<std::pair<std::string, int>>& folders) {
    std::error_code failure;
    fs::directory_iterator at(tree_.root / folder, failure);
    for (; !failure && at != fs::directory_iterator(); at.increment(failure)) {
      if (tree_.entries.size() >= limits::kManifestEntriesMax) return false;
      const std::string name = at->path().filename().string();
      const std::string relative = folder.empty() ? name : folder + "/" + name;
      if (tree_.is_repository && relative == ".git") continue;
      add(relative, depth, folders);
    }
    if (failure) add_error(folder, {ErrorKind::kIo, "cannot list: " + failure.message()});
    return true;
  }

  void add(const std::string& relative, int depth, std::vector<std::pair<std::string, int>>& folders) {
    struct stat status = {};
    const fs::path path = tree_.root / relative;
    if (::lstat(path.c_str(), &status) != 0) {
      add_error(relative, {ErrorKind::kIo, "cannot be looked at"});
      return;
    }
    TreeEntry entry{.path = relative,
                    .size = static_cast<std::uint64_t>(status.st_size),
                    .links = static_cast<std::uint64_t>(status.st_nlink)};
    if (S_ISREG(status.st_mode)) {
      tree_.files.push_back({.path = path, .shown = shown(relative), .relative = relative});
    } else if (S_ISDIR(status.st_mode)) {
      entry.kind = TreeEntry::Kind::kDirectory;
      folders.emplace_back(relative, depth + 1);
    } else if (S_ISLNK(status.st_mode)) {
      entry.kind = TreeEntry::Kind::kSymlink;
      add_link(relative, path, entry);
    } else {
      entry.kind = TreeEntry::Kind::kOther;
      const std::string what = S_ISFIFO(status.st_mode) ? "a FIFO" : "a socket or a device";
      add_error(relative, {ErrorKind::kInvalid, "is " + what + ", not a file"});
    }
    tree_.entries.push_back(std::move(entry));
  }

  void add_link(const std::string& relative, const fs::path& path, TreeEntry& entry) {
    std::error_code failure;
    entry.target = fs::read_symlink(path, failure).string();
    const fs::path target = fs::canonical(path, failure);
    if (failure) {
      add_error(relative, {ErrorKind::kInvalid, "is a link to nothing that is there"});
    } else if (const auto [end, rest] =
                   std::mismatch(real_root_.begin(), real_root_.end(), target.begin(), target.end());
               end != real_root_.end()) {
      add_error(relative, {ErrorKind::kInvalid, "is a link out of the folder that is scanned",
                           "scan what it points to by its own name"});
    }
  }

  Tree tree_;
  fs::path real_root_;
};

}  // namespace

Result<Tree> read_tree(const fs::path& path) {
  std::error_code failure;
  const fs::file_status status = fs::status(path, failure);
  if (!fs::exists(status)) {
    return fail(ErrorKind::kNotFound, path.string() + ": there is no such file or folder",
                "check the path; sallyport scan --help has an example");
  }
  if (fs::is_directory(status)) return TreeReader(path).run();
  // A file that was named may be a link: whoever names it means what it points to.
  const fs::path real = fs::canonical(path, failure);
  Tree tree;
  tree.root = path.parent_path();
  tree.files.push_back({.path = failure ? path : real,
                        .shown = path.string(),
                        .relative = path.filename().string()});
  return tree;
}

}  // namespace sallyport::services::scan
