#include "services/scan/refs.h"

#include <charconv>

#include "core/env.h"
#include "core/limits.h"
#include "core/text.h"

namespace sallyport::services::scan {
namespace {

namespace git = formats::git;

std::string read_small(const fs::path& path, std::size_t bytes_max) {
  const auto bytes = system_env().read_file(path, bytes_max);
  return bytes ? std::string(as_text(*bytes)) : std::string();
}

void read_packed(const fs::path& git, Refs& out) {
  const std::string text = read_small(git / "packed-refs", 64 * limits::kMiB);
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = trimmed(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.size() < 42 || line.starts_with('#') || line.starts_with('^')) continue;
    if (const auto id = git::parse_id(line.substr(0, 40))) out.ids[std::string(line.substr(41))] = *id;
  }
}

void read_loose(const fs::path& git, Refs& out) {
  std::error_code failure;
  auto entry = fs::recursive_directory_iterator(git / "refs", failure);
  for (; !failure && entry != fs::recursive_directory_iterator(); entry.increment(failure)) {
    if (entry.depth() >= limits::kDirectoryDepthMax) entry.disable_recursion_pending();
    if (!fs::is_regular_file(entry->symlink_status())) continue;
    const std::string text = read_small(entry->path(), limits::kPathBytesMax);
    if (const auto id = git::parse_id(trimmed(text)))
      out.ids[entry->path().lexically_relative(git).generic_string()] = *id;
  }
}

// Tags may name tags; a loop cannot be made, since each is named by its content.
std::optional<git::ObjectId> commit_behind(const git::Objects& objects, git::ObjectId id) {
  for (int depth = 0; depth < limits::kDirectoryDepthMax; ++depth) {
    const git::Object* object = objects.find(id);
    if (object == nullptr) return std::nullopt;
    if (object->type == git::ObjectType::kCommit) return id;
    const std::string_view text = as_text(object->bytes);
    if (object->type != git::ObjectType::kTag || !text.starts_with("object ")) return std::nullopt;
    const auto next = git::parse_id(text.substr(7, 40));
    if (!next) return std::nullopt;
    id = *next;
  }
  return std::nullopt;
}

std::optional<git::ObjectId> named(const Refs& refs, const git::Objects& objects, const std::string& name) {
  if (name == "HEAD" || name == "@") return refs.head;
  if (const auto id = git::parse_id(name)) return commit_behind(objects, *id);
  for (const char* prefix :
       {"", "refs/", "refs/tags/", "refs/heads/", "refs/remotes/", "refs/remotes/origin/"}) {
    const auto found = refs.ids.find(prefix + name);
    if (found != refs.ids.end()) return commit_behind(objects, found->second);
  }
  return std::nullopt;
}

}  // namespace

Refs read_refs(const fs::path& git) {
  Refs out;
  read_packed(git, out);
  read_loose(git, out);
  const std::string head(trimmed(read_small(git / "HEAD", limits::kPathBytesMax)));
  constexpr std::string_view kTo = "ref: ";
  if (head.starts_with(kTo)) {
    out.head_branch = trimmed(std::string_view(head).substr(kTo.size()));
    const auto found = out.ids.find(out.head_branch);
    if (found != out.ids.end()) out.head = found->second;
  } else {
    out.head = git::parse_id(head);
  }
  return out;
}

std::optional<git::ObjectId> resolve(const Refs& refs, const git::Objects& objects, std::string_view name) {
  const std::size_t end = std::min(name.find_first_of("~^"), name.size());
  std::optional<git::ObjectId> id = named(refs, objects, std::string(name.substr(0, end)));
  std::string_view rest = name.substr(end);
  while (id && !rest.empty()) {
    const char kind = rest.front();
    std::size_t count = 1;
    const auto [last, failure] = std::from_chars(rest.data() + 1, rest.data() + rest.size(), count);
    if (kind == '^' && failure == std::errc() && count != 1) return std::nullopt;
    rest.remove_prefix(failure == std::errc() ? static_cast<std::size_t>(last - rest.data()) : 1);
    for (; count > 0 && id; --count) {
      const git::Object* object = objects.find(*id);
      const auto commit =
          object == nullptr ? Result<git::Commit>(invalid("")) : git::read_commit(object->bytes);
      id = commit && !commit->parents.empty() ? std::optional(commit->parents.front()) : std::nullopt;
    }
  }
  return id;
}

}  // namespace sallyport::services::scan
