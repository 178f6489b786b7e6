#include "services/scan/companions.h"

#include <algorithm>
#include <filesystem>
#include <unordered_map>

#include "core/env.h"
#include "core/mapping.h"
#include "services/scan/judge.h"

namespace sallyport::services::scan {
namespace {

constexpr std::uint64_t kPaddingMax = 64 * limits::kKiB;  // between two tensors; writers align to a page

// Nothing was found, and the one thing that could not be told is the whole file.
bool is_unexplained(const ScannedFile& file) {
  return file.format == "unknown" && file.coverage == 0 && file.unread.size() == 1 &&
         file.verdict != FileVerdict::kError;
}

bool is_padding(BytesView bytes, std::uint64_t begin, std::uint64_t end) {
  if (end - begin > kPaddingMax) return false;
  const BytesView gap = bytes.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
  return std::ranges::all_of(gap, [](std::uint8_t byte) { return byte == 0; });
}

bool covers(std::vector<DataExtent>& extents, BytesView bytes) {
  std::ranges::sort(extents, {}, &DataExtent::begin);
  std::uint64_t at = 0;
  for (const DataExtent& extent : extents) {
    if (extent.end > bytes.size() || extent.begin > extent.end) return false;
    if (extent.begin > at && !is_padding(bytes, at, extent.begin)) return false;
    at = std::max(at, extent.end);
  }
  return is_padding(bytes, at, bytes.size());
}

}  // namespace

std::vector<DataExtent> extents_of(const formats::inspect::Inspection& inspection, const std::string& name) {
  std::vector<DataExtent> out;
  for (const formats::inspect::Reference& reference : inspection.references) {
    // Of a file within an archive nobody knows the folder.
    if (!reference.data_begin || !reference.place.in_place || reference.path.empty()) continue;
    const fs::path path = (fs::path(name).parent_path() / reference.path).lexically_normal();
    out.push_back({.path = path.string(), .begin = *reference.data_begin, .end = reference.bytes_min});
  }
  return out;
}

void explain_by_others(std::span<const TreeFile* const> wanted, std::span<ScannedFile> files) {
  std::unordered_map<std::string, std::vector<DataExtent>> named;
  for (ScannedFile& file : files) {
    for (DataExtent& extent : file.names_data) {
      std::string path = extent.path;
      named[std::move(path)].push_back(std::move(extent));
    }
  }
  for (std::size_t i = 0; i < files.size() && !named.empty(); ++i) {
    const auto found = named.find(wanted[i]->relative);
    if (found == named.end() || !is_unexplained(files[i])) continue;
    const Result<Mapping> mapping = Mapping::open(wanted[i]->path);
    if (!mapping || mapping->bytes().size() != files[i].size || !covers(found->second, mapping->bytes()))
      continue;
    if (!mapping->unchanged()) continue;
    files[i].format = "external-data";
    files[i].coverage = 1;
    files[i].unread.clear();
  }
}

}  // namespace sallyport::services::scan
