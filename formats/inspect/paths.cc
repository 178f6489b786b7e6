#include "formats/inspect/paths.h"

#include <algorithm>

namespace sallyport::formats::inspect {

std::string leaves_folder(std::string_view path) {
  if (path.find('\0') != std::string_view::npos) return "holds a zero byte";
  if (path.find("://") != std::string_view::npos) return "is an address";
  if (path.starts_with('/') || path.starts_with('\\') || path.starts_with('~')) return "is absolute";
  if (path.size() > 1 && path[1] == ':') return "is absolute";
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find_first_of("/\\", at), path.size());
    if (path.substr(at, end - at) == "..") return "climbs out of the folder";
    at = end + 1;
  }
  return {};
}

}  // namespace sallyport::formats::inspect
