#include "formats/inspect/archive_paths.h"

#include <algorithm>

namespace sallyport::formats::inspect {
namespace {

bool is_separator(char c) { return c == '/' || c == '\\'; }

// Walks down and up; answers the lowest and the last level.
std::pair<int, int> levels(std::string_view path, int level) {
  int lowest = level;
  while (!path.empty()) {
    const auto* const separator = std::find_if(path.begin(), path.end(), is_separator);
    const auto end = static_cast<std::size_t>(separator - path.begin());
    const std::string_view part = path.substr(0, end);
    if (part == "..") {
      lowest = std::min(lowest, --level);
    } else if (!part.empty() && part != ".") {
      ++level;
    }
    path.remove_prefix(std::min(path.size(), end + 1));
  }
  return {lowest, level};
}

}  // namespace

bool leads_out(std::string_view path, int folder) {
  if (path.empty()) return false;
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const bool drive = path.size() > 2 && is_letter(path[0]) && path[1] == ':' && is_separator(path[2]);
  return is_separator(path[0]) || drive || levels(path, folder).first < 0;
}

int folders_of(std::string_view name) { return std::max(0, levels(name, 0).second - 1); }

void observe_paths(Probe& probe, std::uint64_t offset, const std::string& name, const std::string& link,
                   bool from_its_folder) {
  const auto say = [&](const std::string& message) {
    probe.observe({.topic = Topic::kStructure,
                   .rule = "archive-path-escapes",
                   .offset = offset,
                   .message = message + " leads out of the folder that the archive is unpacked to",
                   .remedy = "do not unpack it with a tool that follows such names"});
  };
  if (leads_out(name)) say("member " + shown(name));
  if (leads_out(link, from_its_folder ? folders_of(name) : 0)) {
    say("member " + shown(name) + ", a link to " + shown(link) + ",");
  }
}

}  // namespace sallyport::formats::inspect
