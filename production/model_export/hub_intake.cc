// export-hub-poisoned-model: a model from a hub brings code, a disguise or a way out of its folder.
//
// Configurations, indexes and code beside weights are read; the folder around the file, where it is known,
// says whether the code that a configuration names lies there, and which names lead elsewhere. Publisher and
// revision are pinned by the registry's statements, not here.
#include <algorithm>

#include "core/bytes.h"
#include "core/guard.h"
#include "formats/inspect/inspect.h"

namespace sallyport::production::model_export {
namespace {

using formats::inspect::Inspection;
using formats::inspect::Reference;
using formats::inspect::Topic;

const TreeEntry* entry_at(const FileSubject& file, std::string_view path) {
  const auto found = std::ranges::lower_bound(file.tree, path, {}, &TreeEntry::path);
  return found != file.tree.end() && found->path == path ? &*found : nullptr;
}

std::string beside(const FileSubject& file, const std::string& name) {
  const std::size_t slash = file.path.rfind('/');
  return slash == std::string::npos ? name : file.path.substr(0, slash + 1) + name;
}

// A target that leaves the folder; hubs' own caches link within it.
bool leaves(const TreeEntry& link) {
  if (link.target.starts_with('/')) return true;
  std::ptrdiff_t depth = std::ranges::count(link.path, '/');
  for (std::size_t at = 0; at < link.target.size();) {
    const std::size_t end = std::min(link.target.find('/', at), link.target.size());
    const std::string_view part = std::string_view(link.target).substr(at, end - at);
    depth += part == ".." ? -1 : part.empty() || part == "." ? 0 : 1;
    if (depth < 0) return true;
    at = end + 1;
  }
  return false;
}

Result<Examination> check(const FileSubject& file, const Parameters&) {
  FileSubject subject = file;
  Inspection own;
  if (file.inspection == nullptr) {
    own = formats::inspect::inspect(file.bytes, {.name = file.path.substr(file.path.rfind('/') + 1)});
    subject.inspection = &own;
  }
  Examination out = TRY(formats::inspect::examine(subject, Topic::kIntake));
  for (const Reference& reference : subject.inspection->references) {
    if (reference.topic != Topic::kIntake || file.tree.empty()) continue;
    const TreeEntry* entry = entry_at(file, beside(file, reference.path));
    if (entry == nullptr) continue;
    if (reference.path.ends_with(".py")) {
      out.findings.push_back(
          {.severity = Severity::kHigh,
           .where = {.path = file.path},
           .message = reference.what + " lies beside it and would be run: " + shown(reference.path),
           .remedy = "read the code and keep a copy of your own",
           .rule = "code-beside-weights"});
    }
    if (entry->kind == TreeEntry::Kind::kSymlink && leaves(*entry)) {
      out.findings.push_back(
          {.severity = Severity::kHigh,
           .where = {.path = file.path},
           .message = reference.what + " is a link out of the folder, to " + shown(entry->target),
           .remedy = "take the model as plain files",
           .rule = "link-leaves-folder"});
    }
  }
  return out;
}

}  // namespace

extern const Guard hub_intake;
const Guard hub_intake{
    .id = "hub_intake",
    .threats = {"export-hub-poisoned-model"},
    .summary = "a model folder that brings code of its own, or names what is not in it",
    .looks_for =
        "auto_map, custom pipelines and module lists that name code, that code beside the weights and "
        "what it does on import, indexes and links that leave the folder",
    .file = check};

}  // namespace sallyport::production::model_export
