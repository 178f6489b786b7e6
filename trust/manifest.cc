#include "trust/manifest.h"

#include <algorithm>
#include <atomic>
#include <set>

#include "core/digest_files.h"
#include "core/limits.h"
#include "core/parallel.h"

namespace sallyport::trust {
namespace {

constexpr unsigned kOwnerExecute = 0100;
// Below this a second thread costs more than it saves.
constexpr std::uint64_t kParallelBytesMin = 4 * limits::kMiB;

std::string_view name_of(EntryMode mode) {
  switch (mode) {
    case EntryMode::kFile: return "file";
    case EntryMode::kExecutable: return "executable";
    case EntryMode::kEmptyDirectory: return "directory";
  }
  return "";
}

// Valid UTF-8 (no overlong form, no surrogate) without control characters.
bool is_plain_utf8(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead < 0x20 || lead == 0x7F) return false;
    const std::size_t more = lead < 0x80           ? 0
                             : (lead >> 5) == 0x6  ? 1
                             : (lead >> 4) == 0xE  ? 2
                             : (lead >> 3) == 0x1E ? 3
                                                   : 4;
    if (more == 4 || i + more >= text.size() + (more == 0 ? 1 : 0)) return false;
    std::uint32_t code = more == 0 ? lead : lead & (0x3FU >> more);
    for (std::size_t k = 1; k <= more; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if ((next >> 6) != 0x2) return false;
      code = (code << 6) | (next & 0x3FU);
    }
    constexpr std::uint32_t kSmallest[] = {0, 0x80, 0x800, 0x10000};
    if (code < kSmallest[more] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return false;
    i += more + 1;
  }
  return true;
}

Json to_json(const ManifestEntry& entry) {
  Json out = {{"path", entry.path}, {"mode", std::string(name_of(entry.mode))}};
  if (entry.mode != EntryMode::kEmptyDirectory) {
    out["size"] = entry.size;
    out["sha256"] = entry.sha256.hex();
  }
  return out;
}

Result<ManifestEntry> read_entry(const Json& item) {
  ManifestEntry out{.path = TRY(get_string(item, "path")), .mode = EntryMode::kFile, .size = 0, .sha256 = {}};
  TRY(check_relative_path(out.path));
  const std::string mode = TRY(get_string(item, "mode"));
  if (mode == name_of(EntryMode::kEmptyDirectory)) {
    TRY(only_members(item, {"mode", "path"}));
    out.mode = EntryMode::kEmptyDirectory;
    return out;
  }
  TRY(only_members(item, {"mode", "path", "sha256", "size"}));
  if (mode == name_of(EntryMode::kExecutable)) {
    out.mode = EntryMode::kExecutable;
  } else if (mode != name_of(EntryMode::kFile)) {
    return invalid("mode '" + mode + "' is not one of file, executable, directory");
  }
  const std::int64_t size = TRY(get_int(item, "size"));
  if (size < 0) return invalid("a size below zero");
  out.size = static_cast<std::uint64_t>(size);
  out.sha256 = TRY(Digest::parse(TRY(get_string(item, "sha256"))));
  return out;
}

// A path may not stand below one that is a file or an empty directory.
Result<void> check_tree(const std::vector<ManifestEntry>& entries) {
  std::set<std::string_view> leaves;
  for (const ManifestEntry& entry : entries) leaves.insert(entry.path);
  for (const ManifestEntry& entry : entries) {
    const std::string_view path = entry.path;
    for (std::size_t at = path.find('/'); at != std::string_view::npos; at = path.find('/', at + 1)) {
      if (leaves.contains(path.substr(0, at))) {
        return invalid("'" + entry.path + "' stands below '" + std::string(path.substr(0, at)) +
                       "', which is no directory");
      }
    }
  }
  return {};
}

Result<Manifest> read_manifest(BytesView bytes) {
  const Json whole = TRY(parse_json(as_text(bytes)));
  TRY(only_members(whole, {"entries", "format"}));
  if (TRY(get_string(whole, "format")) != kManifestFormat)
    return invalid("format is not " + std::string(kManifestFormat));
  Manifest out;
  for (const Json& item : TRY(get_array(whole, "entries"))) {
    if (out.entries.size() == limits::kManifestEntriesMax)
      return fail(ErrorKind::kLimit, "over 1,000,000 entries");
    ManifestEntry entry = TRY(read_entry(item));
    if (!out.entries.empty() && out.entries.back().path >= entry.path) {
      return invalid("'" + entry.path + "' is out of order or repeated");
    }
    out.entries.push_back(std::move(entry));
  }
  TRY(check_tree(out.entries));
  if (serialize(out) != as_text(bytes)) return invalid("not in canonical JSON");
  return out;
}

// What is to be done to the files of a manifest, one after the other or on all cores.
struct Work {
  // The largest first, so that no core is left with a big one at the end.
  std::vector<ManifestEntry*> files = {};
  unsigned threads = 0;  // as for parallel_for
};

Work work_of(std::vector<ManifestEntry>& entries) {
  Work out;
  std::uint64_t bytes = 0;
  for (ManifestEntry& entry : entries) {
    if (entry.mode == EntryMode::kEmptyDirectory) continue;
    out.files.push_back(&entry);
    bytes += entry.size;
  }
  std::stable_sort(out.files.begin(), out.files.end(),
                   [](const auto* a, const auto* b) { return a->size > b->size; });
  out.threads = bytes < kParallelBytesMin ? 1 : 0;
  return out;
}

}  // namespace

std::string_view name_of(Change change) {
  switch (change) {
    case Change::kAdded: return "added";
    case Change::kRemoved: return "removed";
    case Change::kChanged: return "changed";
    case Change::kMode: return "mode";
  }
  return "";
}

const ManifestEntry* Manifest::find(std::string_view path) const {
  const auto at = std::lower_bound(entries.begin(), entries.end(), path,
                                   [](const ManifestEntry& e, std::string_view p) { return e.path < p; });
  return at != entries.end() && at->path == path ? &*at : nullptr;
}

Result<Manifest> parse_manifest(BytesView bytes) {
  Result<Manifest> out = read_manifest(bytes);
  if (!out) return within("manifest", out.error());
  return out;
}

std::string serialize(const Manifest& manifest) {
  Json entries = Json::array();
  for (const ManifestEntry& entry : manifest.entries) entries.push_back(to_json(entry));
  return canonical({{"entries", std::move(entries)}, {"format", std::string(kManifestFormat)}});
}

Digest digest_of(const Manifest& manifest) { return sha256(serialize(manifest)); }

Result<void> check_relative_path(std::string_view path) {
  const auto refuse = [&](const char* why) -> Result<void> {
    return invalid("path '" + std::string(path.substr(0, 200)) + "' " + why);
  };
  if (path.empty()) return invalid("a path is empty");
  if (path.size() > limits::kPathBytesMax) return fail(ErrorKind::kLimit, "a path is longer than 4096 bytes");
  if (!is_plain_utf8(path)) return invalid("a path has control characters or is not UTF-8");
  int depth = 0;
  std::size_t begin = 0;
  while (begin <= path.size()) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    if (part.empty()) return refuse("is absolute or has an empty part");
    if (part == "." || part == "..") return refuse("has a part '.' or '..'");
    if (++depth > limits::kDirectoryDepthMax) return fail(ErrorKind::kLimit, "a path is deeper than 64");
    begin = end + 1;
  }
  return {};
}

Result<std::vector<ManifestEntry>> walk_directory(Env& env, const fs::path& directory) {
  if (TRY(env.status(directory)).kind != FileStatus::Kind::kDirectory) {
    return invalid(directory.string() + ": not a directory");
  }
  std::vector<ManifestEntry> out;
  std::vector<std::string> left{""};
  while (!left.empty()) {
    const std::string prefix = std::move(left.back());
    left.pop_back();
    const std::vector<std::string> names = TRY(env.list(directory / prefix));
    if (names.empty() && !prefix.empty()) {
      out.push_back({.path = prefix, .mode = EntryMode::kEmptyDirectory, .size = 0, .sha256 = {}});
    }
    for (const std::string& name : names) {
      const std::string path = prefix.empty() ? name : prefix + "/" + name;
      const Result<void> plain = check_relative_path(path);
      if (!plain) return within(directory.string(), plain.error());
      const FileStatus status = TRY(env.status(directory / path));
      if (status.kind == FileStatus::Kind::kDirectory) {
        left.push_back(path);
      } else if (status.kind == FileStatus::Kind::kFile) {
        const EntryMode mode = (status.mode & kOwnerExecute) != 0 ? EntryMode::kExecutable : EntryMode::kFile;
        out.push_back({.path = path, .mode = mode, .size = status.size, .sha256 = {}});
      } else {
        const bool link = status.kind == FileStatus::Kind::kSymlink;
        return invalid(
            (directory / path).string() + (link ? ": a symbolic link" : ": a device, socket or FIFO"),
            link ? "replace the link by what it points to" : "leave it out of the directory");
      }
      if (out.size() + left.size() > limits::kManifestEntriesMax) {
        return fail(ErrorKind::kLimit, directory.string() + ": over 1,000,000 entries");
      }
    }
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return out;
}

Result<void> for_each_file(std::vector<ManifestEntry>& entries,
                           const std::function<Result<void>(ManifestEntry&)>& body) {
  const Work work = work_of(entries);
  std::vector<Result<void>> done(entries.size());
  std::atomic<bool> failed{false};
  parallel_for(
      work.files.size(),
      [&](std::size_t i) {
        if (failed) return;
        Result<void>& one = done[static_cast<std::size_t>(work.files[i] - entries.data())];
        one = body(*work.files[i]);
        if (!one) failed = true;
      },
      work.threads);
  for (Result<void>& one : done) TRY(std::move(one));
  return {};
}

Result<Manifest> scan_directory(Env& env, const fs::path& directory) {
  Manifest out{TRY(walk_directory(env, directory))};
  const Work work = work_of(out.entries);
  std::vector<fs::path> paths;
  for (const ManifestEntry* entry : work.files) paths.push_back(directory / entry->path);
  const std::vector<Env::FileDigest> digests = TRY(digest_files(env, paths, work.threads));
  for (std::size_t i = 0; i < work.files.size(); ++i) {
    work.files[i]->size = digests[i].size;
    work.files[i]->sha256 = digests[i].digest;
  }
  return out;
}

std::vector<Difference> compare(const Manifest& before, const Manifest& after) {
  std::vector<Difference> out;
  auto a = before.entries.begin();
  auto b = after.entries.begin();
  while (a != before.entries.end() || b != after.entries.end()) {
    if (b == after.entries.end() || (a != before.entries.end() && a->path < b->path)) {
      out.push_back({Change::kRemoved, (a++)->path});
    } else if (a == before.entries.end() || b->path < a->path) {
      out.push_back({Change::kAdded, (b++)->path});
    } else {
      const bool kinds_differ =
          (a->mode == EntryMode::kEmptyDirectory) != (b->mode == EntryMode::kEmptyDirectory);
      if (kinds_differ || a->size != b->size || a->sha256 != b->sha256) {
        out.push_back({Change::kChanged, a->path});
      } else if (a->mode != b->mode) {
        out.push_back({Change::kMode, a->path});
      }
      ++a;
      ++b;
    }
  }
  return out;
}

Result<Digest> digest_of_path(Env& env, const fs::path& path) {
  const FileStatus status = TRY(env.status(path));
  if (status.kind == FileStatus::Kind::kDirectory) return digest_of(TRY(scan_directory(env, path)));
  return TRY(env.digest_file(path)).digest;
}

}  // namespace sallyport::trust
