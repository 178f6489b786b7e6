#include "formats/hash_lock.h"

#include <algorithm>
#include <array>
#include <map>

#include "core/limits/packages.h"
#include "core/limits/repository.h"
#include "core/text.h"
#include "formats/requirements.h"

namespace sallyport::formats {
namespace {

std::unexpected<Error> wrong(std::size_t line, const std::string& what) {
  return invalid("line " + std::to_string(line) + ": " + what);
}

// The words of a line; what follows " #" is a comment.
std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> out;
  constexpr std::string_view kBlank = " \t\r";
  for (std::size_t at = 0; at < line.size();) {
    const std::size_t begin = line.find_first_not_of(kBlank, at);
    if (begin == std::string_view::npos || line[begin] == '#') break;
    at = std::min(line.find_first_of(kBlank, begin), line.size());
    out.push_back(line.substr(begin, at - begin));
  }
  return out;
}

bool is_version(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '+' || c == '!' || c == '-' || c == '_';
  });
}

bool is_package_name(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_name_letter);
}

// Options of the file that bind nothing to other bytes.
bool is_harmless_option(std::string_view word) {
  constexpr std::array<std::string_view, 5> kKnown{"--require-hashes", "-i", "--index-url",
                                                   "--extra-index-url", "--only-binary"};
  return std::ranges::any_of(kKnown, [&](std::string_view known) {
    return word == known || (word.starts_with(known) && word.substr(known.size()).starts_with('='));
  });
}

Result<HashLocked> read_line(const std::vector<std::string_view>& words, std::size_t line) {
  HashLocked out{.line = line};
  constexpr std::string_view kHash = "--hash=sha256:";
  std::string requirement;
  bool marker = false;
  for (const std::string_view word : words) {
    if (word.starts_with(kHash)) {
      const auto digest = Digest::parse(word.substr(kHash.size()));
      if (!digest) return wrong(line, "a hash that is no SHA-256");
      if (out.digests.size() == limits::kHashesOfPackageMax) return wrong(line, "too many hashes");
      out.digests.push_back(*digest);
      continue;
    }
    if (word.starts_with('-')) return wrong(line, "an option that is not understood: " + shown(word));
    if (!out.digests.empty()) return wrong(line, "words behind a hash: " + shown(word));
    const std::size_t semicolon = marker ? 0 : word.find(';');
    if (!marker) requirement += word.substr(0, semicolon);
    marker = marker || semicolon != std::string_view::npos;
  }
  out.conditional = marker;
  const std::size_t equals = requirement.find("==");
  std::string name = requirement.substr(0, equals);
  if (const std::size_t extras = name.find('['); extras != std::string::npos && name.ends_with(']'))
    name.resize(extras);
  if (equals == std::string::npos || !is_package_name(name) || !is_version(requirement.substr(equals + 2))) {
    return wrong(line, "not bound to one version: " + shown(requirement));
  }
  out.name = normal_package_name(name);
  out.version = requirement.substr(equals + 2);
  if (out.digests.empty()) return wrong(line, out.name + " is bound to no bytes");
  return out;
}

}  // namespace

Result<std::vector<HashLocked>> read_hash_lock(std::string_view text) {
  if (text.size() > limits::kHashLockBytesMax) return fail(ErrorKind::kLimit, "lock file too large");
  std::map<std::string, HashLocked> found;
  std::size_t line = 0;
  while (!text.empty()) {
    std::string logical;
    const std::size_t begin = line + 1;
    for (bool more = true; more && !text.empty();) {
      ++line;
      const std::size_t end = std::min(text.find('\n'), text.size());
      std::string_view piece = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      if (piece.ends_with('\r')) piece.remove_suffix(1);
      more = piece.ends_with('\\');
      if (more) piece.remove_suffix(1);
      logical += std::string(piece) + " ";
    }
    const std::vector<std::string_view> words = words_of(logical);
    if (words.empty() || is_harmless_option(words.front())) continue;
    HashLocked one = TRY(read_line(words, begin));
    if (found.size() == limits::kPackagesMax)
      return fail(ErrorKind::kLimit, "lock file names too many packages");
    const std::string name = one.name;
    if (!found.emplace(name, std::move(one)).second) return wrong(begin, name + " stands there twice");
  }
  std::vector<HashLocked> out;
  for (auto& [name, one] : found) out.push_back(std::move(one));
  return out;
}

}  // namespace sallyport::formats
