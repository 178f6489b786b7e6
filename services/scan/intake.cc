#include "services/scan/intake.h"

#include <algorithm>
#include <map>

#include "core/env.h"
#include "core/text.h"

namespace sallyport::services::scan {
namespace {

std::string folder_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return std::string(path.substr(0, slash == std::string_view::npos ? 0 : slash + 1));
}

// A configuration of Transformers, Diffusers or Sentence Transformers that names classes of its own.
bool names_code(const Tree& tree, const std::string& folder) {
  constexpr std::size_t kConfigBytesMax = 4 * limits::kMiB;
  auto at = std::ranges::lower_bound(tree.entries, folder, {}, &TreeEntry::path);
  for (; at != tree.entries.end() && at->path.starts_with(folder); ++at) {
    const TreeEntry& entry = *at;
    if (!entry.path.ends_with(".json") || folder_of(entry.path) != folder) continue;
    if (file_name(entry.path) == "modules.json") return true;
    const auto bytes = system_env().read_file(tree.root / entry.path, kConfigBytesMax);
    // What cannot be read may name code.
    if (!bytes) return true;
    for (const char* word : {"auto_map", "custom_pipelines", "_class_name"}) {
      if (has(as_text(*bytes), word)) return true;
    }
  }
  return false;
}

}  // namespace

void drop_ordinary_code(const Tree& tree, std::vector<ScannedFile>& files) {
  std::map<std::string, bool> known;
  for (ScannedFile& file : files) {
    if (!file.path.ends_with(".py")) continue;
    const auto is_intake = [](const ScannedFinding& found) { return found.guard->id == "hub_intake"; };
    if (std::ranges::none_of(file.findings, is_intake)) continue;
    const std::string folder = folder_of(file.path);
    const auto [at, fresh] = known.try_emplace(folder, false);
    if (fresh) at->second = names_code(tree, folder);
    if (!at->second) std::erase_if(file.findings, is_intake);
  }
}

}  // namespace sallyport::services::scan
