#include "services/scan/history.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "core/env.h"
#include "core/limits.h"
#include "core/mapping.h"
#include "core/parallel.h"

namespace sallyport::services::scan {
namespace {

namespace git = formats::git;

constexpr std::uint32_t kTreeMode = 040000;
constexpr std::uint32_t kSubmoduleMode = 0160000;

std::string place_of(const git::ObjectId& id) {
  const std::string hex = to_hex(id);
  return ".git/objects/" + hex.substr(0, 2) + "/" + hex.substr(2);
}

// The commit that a tag names, or none: tags of trees, blobs and tags.
std::string commit_of_tag(std::string_view head) {
  constexpr std::string_view kObject = "object ";
  const bool of_commit = head.starts_with(kObject) && head.find("\ntype commit\n") != std::string_view::npos;
  return std::string(of_commit ? head.substr(kObject.size(), kNoCommit.size()) : kNoCommit);
}

}  // namespace

// A damaged object is named and the rest is read.
void History::add_file(const fs::path& path, const std::string& shown, bool pack, PackMemory* memory) {
  Result<Mapping> file = Mapping::open(path);
  const bool remembers = pack && memory != nullptr && file;
  const Digest digest = remembers ? sha256(file->bytes()) : Digest();
  if (remembers) {
    auto objects = memory->find(digest);
    if (objects && file->unchanged()) {
      known_packs_.push_back({.file = std::move(*file), .objects = std::move(*objects)});
      return;
    }
  }
  std::vector<std::uint64_t> offsets;
  if (pack) {
    const Result<Mapping> index = Mapping::open(fs::path(path).replace_extension(".idx"));
    if (index) offsets = git::read_offsets(index->bytes());
  }
  const Result<void> added = !file  ? Result<void>(std::unexpected(file.error()))
                             : pack ? objects_.add_pack(file->bytes(), offsets, threads_)
                                    : objects_.add_loose(file->bytes());
  if (!added) unread_.push_back(shown + ": " + added.error().message);
  const bool changed = file && !file->unchanged();
  if (changed) unread_.push_back(shown + ": changed while it was read");
  if (remembers && added && !changed) keep(digest, *memory);
}

void History::keep(const Digest& pack, PackMemory& memory) const {
  std::vector<PackedObject> out(objects_.packed().size());
  const auto describe = [&](std::size_t i) {
    const auto& [offset, id] = objects_.packed()[i];
    const git::Object& object = *objects_.find(id);
    out[i] = {.id = id, .type = object.type, .offset = offset, .size = object.bytes.size()};
    if (object.type == git::ObjectType::kBlob) {
      out[i].digest = sha256(object.bytes);
    } else {
      out[i].bytes = object.bytes;
    }
  };
  parallel_for(out.size(), describe, threads_);
  if (!out.empty()) memory.keep(pack, out);
}

Result<void> History::add_folder(const fs::path& folder, const std::string& shown, bool packs,
                                 PackMemory* memory) {
  for (const std::string& name : TRY(system_env().list(folder))) {
    if (!packs || name.ends_with(".pack")) add_file(folder / name, shown + "/" + name, packs, memory);
  }
  return {};
}

// Behind all that was read. False: something waits for what a known pack has, or there is too much.
bool History::add_known() {
  if (known_packs_.empty()) return true;
  if (objects_.waiting() > 0) return false;
  packs_ = std::make_shared<PackFiles>();
  for (KnownPack& pack : known_packs_) {
    packs_->add(std::move(pack.file), pack.objects);
    for (PackedObject& one : pack.objects) {
      if (!objects_.add_known(one.type, one.id, std::move(one.bytes), one.size)) return false;
    }
  }
  known_packs_.clear();
  return true;
}

Result<History> History::read(const fs::path& objects, unsigned threads, PackMemory* memory) {
  if (memory != nullptr) {
    if (auto out = TRY(read_once(objects, threads, memory))) return std::move(*out);
  }
  return std::move(*TRY(read_once(objects, threads, nullptr)));
}

Result<std::optional<History>> History::read_once(const fs::path& objects, unsigned threads,
                                                  PackMemory* memory) {
  History out;
  out.threads_ = threads;
  Env& env = system_env();
  // Packs first: what is loose is newer, and its deltas are none.
  if (env.exists(objects / "pack")) TRY(out.add_folder(objects / "pack", "pack", true, memory));
  for (const std::string& name : TRY(env.list(objects))) {
    if (name.size() == 2) TRY(out.add_folder(objects / name, name, false, nullptr));
  }
  if (!out.add_known()) return std::nullopt;
  if (env.exists(objects / "info" / "alternates"))
    out.unread_.push_back("objects/info/alternates: other repositories are not entered");
  if (out.objects_.waiting() > 0) {
    out.unread_.push_back(std::to_string(out.objects_.waiting()) +
                          " packed objects lack the object that they are deltas of");
  }
  out.read_commits();
  return std::optional<History>(std::move(out));
}

void History::read_commits() {
  for (const git::ObjectId& id : objects_.ids_of(git::ObjectType::kCommit)) {
    Result<git::Commit> commit = git::read_commit(objects_.find(id)->bytes);
    if (!commit) {
      unread_.push_back("commit " + to_hex(id) + ": " + commit.error().message);
      continue;
    }
    commits_.push_back({commit->committed_unix_s, id, std::move(*commit)});
  }
  std::ranges::sort(commits_, [](const Dated& a, const Dated& b) {
    return std::tie(a.unix_s, a.id) < std::tie(b.unix_s, b.id);
  });
  for (std::size_t i = 0; i < commits_.size(); ++i) commit_at_[commits_[i].id] = i;
}

BlobIds History::ancestors_of(const git::ObjectId& commit) const {
  BlobIds out;
  std::vector<git::ObjectId> open{commit};
  while (!open.empty()) {
    const git::ObjectId id = open.back();
    open.pop_back();
    const auto at = commit_at_.find(id);
    if (at == commit_at_.end() || !out.insert(id).second) continue;
    for (const git::ObjectId& parent : commits_[at->second].commit.parents) open.push_back(parent);
  }
  return out;
}

Result<git::ObjectId> History::fork_of(const Refs& refs, const std::string& base) const {
  const auto id = resolve(refs, objects_, base);
  if (!id || !commit_at_.contains(*id)) {
    return fail(ErrorKind::kNotFound, "'" + base + "' names no commit of the repository",
                "name a branch, a tag or 40 digits; fetch it first if it is a remote's");
  }
  if (!refs.head || !commit_at_.contains(*refs.head)) return *id;
  const BlobIds theirs = ancestors_of(*id), ours = ancestors_of(*refs.head);
  for (auto commit = commits_.rbegin(); commit != commits_.rend(); ++commit) {
    if (theirs.contains(commit->id) && ours.contains(commit->id)) return commit->id;
  }
  return fail(ErrorKind::kNotFound, "'" + base + "' and HEAD have no commit in common",
              "fetch more of the history");
}

Result<std::map<std::string, git::ObjectId>> History::tree_of(const git::ObjectId& commit) const {
  std::map<std::string, git::ObjectId> out;
  std::vector<std::pair<git::ObjectId, std::string>> open{{commits_[commit_at_.at(commit)].commit.tree, ""}};
  std::size_t entries = 0;
  while (!open.empty()) {
    const auto [id, prefix] = std::move(open.back());
    open.pop_back();
    const git::Object* tree = objects_.find(id);
    if (tree == nullptr) return fail(ErrorKind::kNotFound, "tree " + to_hex(id) + " is missing");
    TRY(git::each_tree_entry(tree->bytes,
                             [&](std::uint32_t mode, std::string_view name, const git::ObjectId& child) {
                               if (mode == kSubmoduleMode || ++entries > limits::kManifestEntriesMax) return;
                               const std::string path = prefix + std::string(name);
                               if (path.size() > limits::kPathBytesMax) return;
                               if (mode == kTreeMode) {
                                 open.emplace_back(child, path + "/");
                               } else {
                                 out.emplace(path, child);
                               }
                             }));
  }
  if (entries > limits::kManifestEntriesMax)
    return fail(ErrorKind::kLimit, "the commit holds too many files");
  return out;
}

const git::Commit* History::commit(const git::ObjectId& id) const {
  const auto at = commit_at_.find(id);
  return at == commit_at_.end() ? nullptr : &commits_[at->second].commit;
}

Result<std::map<std::string, git::ObjectId>> History::differences(const std::optional<git::ObjectId>& before,
                                                                  const git::ObjectId& after) const {
  struct Pair {
    std::optional<git::ObjectId> before, after;
    std::string prefix;
  };
  using Entry = std::pair<std::uint32_t, git::ObjectId>;
  const auto entries_of =
      [&](const std::optional<git::ObjectId>& id) -> Result<std::map<std::string, Entry>> {
    std::map<std::string, Entry> out;
    if (!id) return out;
    const git::Object* tree = objects_.find(*id);
    if (tree == nullptr) return fail(ErrorKind::kNotFound, "tree " + to_hex(*id) + " is missing");
    TRY(git::each_tree_entry(tree->bytes,
                             [&](std::uint32_t mode, std::string_view name, const git::ObjectId& child) {
                               out[std::string(name)] = {mode, child};
                             }));
    return out;
  };
  std::map<std::string, git::ObjectId> out;
  std::vector<Pair> open{{before, after, ""}};
  while (!open.empty() && out.size() < limits::kManifestEntriesMax) {
    const Pair pair = std::move(open.back());
    open.pop_back();
    const auto old = TRY(entries_of(pair.before)), fresh = TRY(entries_of(pair.after));
    std::set<std::string> names;
    for (const auto& [name, entry] : old) names.insert(name);
    for (const auto& [name, entry] : fresh) names.insert(name);
    for (const std::string& name : names) {
      const auto a = old.find(name), b = fresh.find(name);
      if (a != old.end() && b != fresh.end() && a->second == b->second) continue;
      const auto folder = [](const auto& at, const auto& all) {
        return at != all.end() && at->second.first == kTreeMode ? std::optional(at->second.second)
                                                                : std::nullopt;
      };
      const auto folder_a = folder(a, old), folder_b = folder(b, fresh);
      if (pair.prefix.size() + name.size() > limits::kPathBytesMax) continue;
      if (folder_a || folder_b) open.push_back({folder_a, folder_b, pair.prefix + name + "/"});
      const bool file_b = b != fresh.end() && !folder_b, file_a = a != old.end() && !folder_a;
      if (file_b) out[pair.prefix + name] = b->second.second;
      if (file_a && !file_b) out[pair.prefix + name] = git::ObjectId{};
    }
  }
  return out;
}

Result<std::vector<Bytes>> History::blobs(const std::vector<git::ObjectId>& ids) const {
  std::vector<Bytes> out(ids.size());
  std::vector<std::size_t> places;
  std::vector<git::ObjectId> elsewhere;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const git::Object* object = objects_.find(ids[i]);
    if (object == nullptr) continue;
    if (!object->elsewhere) {
      out[i] = object->bytes;
    } else {
      places.push_back(i);
      elsewhere.push_back(ids[i]);
    }
  }
  if (places.empty()) return out;
  std::vector<Bytes> read = TRY(packs_->read(elsewhere, threads_));
  for (std::size_t i = 0; i < places.size(); ++i) out[places[i]] = std::move(read[i]);
  return out;
}

// Gives each blob below the commit's tree its path and commit, unless an older commit has.
void History::walk(std::size_t commit, const git::ObjectId& root, const BlobIds& known) {
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
    const auto entry = [&](std::uint32_t mode, std::string_view name, const git::ObjectId& child) {
      if (mode == kSubmoduleMode || prefix.size() + name.size() > limits::kPathBytesMax) return;
      if (mode == kTreeMode) {
        if (!walked_.contains(child)) trees.emplace_back(child, prefix + std::string(name) + "/");
      } else if (!known.contains(child) && !origins_.contains(child)) {
        if (objects_.find(child) == nullptr) ++missing_blobs_;
        origins_.emplace(child, Origin{prefix + std::string(name), commit});
      }
    };
    if (const auto read = git::each_tree_entry(object->bytes, entry); !read)
      unread_.push_back("tree " + to_hex(id) + ": " + read.error().message);
  }
}

void History::add_messages(const BlobIds& old, HistoryFiles& out) {
  for (Dated& one : commits_) {
    if (old.contains(one.id)) continue;
    out.files.push_back(
        {.path = place_of(one.id), .bytes = to_bytes(one.commit.message), .commit = to_hex(one.id)});
    out.kinds[out.files.back().path] = "commit message";
  }
  for (const git::ObjectId& id : objects_.ids_of(git::ObjectType::kTag)) {
    if (!old.empty()) break;
    const std::string_view text = as_text(objects_.find(id)->bytes);
    const std::size_t end = std::min(text.find("\n\n"), text.size());
    out.files.push_back({.path = place_of(id),
                         .bytes = to_bytes(text.substr(end)),
                         .commit = commit_of_tag(text.substr(0, end))});
    out.kinds[out.files.back().path] = "tag message";
  }
}

HistoryFiles History::files(const BlobIds& known, std::optional<git::ObjectId> since) && {
  HistoryFiles out;
  const BlobIds old = since ? ancestors_of(*since) : BlobIds();
  for (std::size_t i = 0; i < commits_.size(); ++i) walk(i, commits_[i].commit.tree, known);
  add_messages(old, out);
  if (missing_trees_ > 0) {
    unread_.push_back(std::to_string(missing_trees_) +
                      " folders of the history are missing; what they hold has no path");
  }
  if (missing_blobs_ > 0) {
    unread_.push_back(std::to_string(missing_blobs_) +
                      " files of the history are missing, as in a partial clone; they were not searched");
  }
  for (const git::ObjectId& id : objects_.ids_of(git::ObjectType::kBlob)) {
    if (known.contains(id)) continue;
    const auto origin = origins_.find(id);
    const bool reached = origin != origins_.end();
    if (since && (!reached || old.contains(commits_[origin->second.commit].id))) continue;
    if (objects_.find(id)->elsewhere) out.remembered.emplace(out.files.size(), *packs_->find(id));
    out.files.push_back(
        {.path = reached ? std::move(origin->second.path) : place_of(id),
         .bytes = objects_.take(id),
         .commit = reached ? to_hex(commits_[origin->second.commit].id) : std::string(kNoCommit)});
    if (!reached) out.kinds[out.files.back().path] = "blob of no commit";
  }
  out.unread = std::move(unread_);
  out.packs = packs_;
  return out;
}

}  // namespace sallyport::services::scan
