// export-graph-injection: a graph with operators, paths or branches that do more than arithmetic.
//
// What the file itself tells is the inspection's; what the names in it lead to is told by the folder around
// it.
#include <algorithm>
#include <optional>

#include "core/guard.h"
#include "core/limits.h"
#include "formats/inspect/inspect.h"
#include "formats/path_rules.h"
#include "formats/utf8.h"

namespace sallyport::production::model_export {
namespace {

namespace inspect = formats::inspect;

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

const TreeEntry* entry_at(std::span<const TreeEntry> tree, std::string_view path) {
  const auto found = std::ranges::lower_bound(tree, path, {}, &TreeEntry::path);
  return found != tree.end() && found->path == path ? &*found : nullptr;
}

// "a/./b" as "a/b"; the path was found to have no "..".
std::string plain(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    if (part.empty() || part == ".") continue;
    if (!out.empty()) out += '/';
    out += part;
  }
  return out;
}

// What is wrong with the file at `path`, which another one names; empty when nothing is or it is not there.
std::string tree_problem(std::span<const TreeEntry> tree, const std::string& path, std::uint64_t bytes_min) {
  for (std::size_t end = path.find('/'); end != std::string::npos; end = path.find('/', end + 1)) {
    const TreeEntry* folder = entry_at(tree, path.substr(0, end));
    if (folder != nullptr && folder->kind == TreeEntry::Kind::kSymlink) {
      return "lies behind the symbolic link '" + formats::printable(folder->path) + "'";
    }
  }
  const TreeEntry* entry = entry_at(tree, path);
  if (entry == nullptr) return "";
  switch (entry->kind) {
    case TreeEntry::Kind::kSymlink:
      return "is a symbolic link to '" + formats::printable(entry->target) + "'";
    case TreeEntry::Kind::kDirectory:
    case TreeEntry::Kind::kOther: return "is no file";
    case TreeEntry::Kind::kFile: break;
  }
  if (entry->links > 1) return "has another name on this file system, so it may be any file of its owner";
  if (entry->size < bytes_min) {
    return "has " + std::to_string(entry->size) + " bytes, and " + std::to_string(bytes_min) +
           " are asked of it";
  }
  return "";
}

void judge_reference(const FileSubject& file, const inspect::Reference& reference, Examination& out) {
  if (reference.topic != inspect::Topic::kGraph || !formats::path_problem(reference.path).empty()) return;
  const std::string path = plain(folder_of(file.path) + reference.path);
  const std::string problem = tree_problem(file.tree, path, reference.bytes_min);
  if (problem.empty() || out.findings.size() >= limits::kFindingsPerGuardMax) return;
  Finding finding{.where = {.path = file.path},
                  .message = reference.what + ": '" + formats::printable(path) + "' " + problem,
                  .remedy = "put the data beside the model as a file of its own",
                  .rule = "external-file"};
  if (reference.place.in_place) finding.where.offset = reference.offset;
  out.findings.push_back(std::move(finding));
}

Result<Examination> check(const FileSubject& file, const Parameters&) {
  std::optional<inspect::Inspection> own;
  FileSubject subject = file;
  if (subject.inspection == nullptr) {
    own = inspect::inspect(file.bytes, {.name = file.path.substr(file.path.rfind('/') + 1)});
    subject.inspection = &*own;
  }
  Examination from_tree;
  for (const inspect::Reference& reference : subject.inspection->references) {
    judge_reference(subject, reference, from_tree);
  }
  Result<Examination> out = inspect::examine(subject, inspect::Topic::kGraph);
  if (from_tree.findings.empty()) return out;
  if (!out) return from_tree;
  std::ranges::move(from_tree.findings, std::back_inserter(out->findings));
  return out;
}

}  // namespace

extern const Guard graph_injection;
const Guard graph_injection{
    .id = "graph_injection",
    .threats = {"export-graph-injection"},
    .summary = "a graph with custom operators, operators that reach files, or data outside its folder",
    .looks_for =
        "operators of ONNX and TensorFlow outside the tables of pure ones, custom domains, operators that "
        "read, write, call or connect, external data that is absolute, climbs, is a link or has a second "
        "name, and constant-compared branches that dominate an output",
    .file = check};

}  // namespace sallyport::production::model_export
