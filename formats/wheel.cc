#include "formats/wheel.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "core/limits/packages.h"
#include "formats/inflate.h"
#include "formats/requirements.h"
#include "formats/zip.h"

namespace sallyport::formats {
namespace {

std::unexpected<Error> wrong(const std::string& what) { return invalid("wheel: " + what); }

Result<void> check_path(std::string_view path) {
  bool plain = !path.empty() && path.size() <= limits::kPathBytesMax &&
               path.find("//") == std::string_view::npos && path.front() != '/' &&
               path.find('\\') == std::string_view::npos;
  for (std::size_t begin = 0; plain && begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    plain = part != "." && part != "..";
    begin = end + 1;
  }
  for (const char c : path) plain = plain && static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
  if (!plain) return wrong("a path that leads elsewhere: " + shown(path));
  return {};
}

Result<Bytes> bytes_of(const zip::Member& member, std::uint64_t left) {
  if (member.method == zip::kStored) {
    if (member.data.size() > left) return fail(ErrorKind::kLimit, "wheel: too large unpacked");
    return Bytes(member.data.begin(), member.data.end());
  }
  if (member.method != zip::kDeflated)
    return wrong("packed in another way than wheels are: " + shown(member.name));
  Inflated out = inflate(member.data, Wrapper::kNone, static_cast<std::size_t>(left));
  if (out.over_budget) return fail(ErrorKind::kLimit, "wheel: too large unpacked");
  if (out.error || out.consumed != member.data.size()) return wrong("damaged: " + shown(member.name));
  return std::move(out.bytes);
}

// The fields of a line of CSV, where a field in quotes may hold commas.
Result<std::vector<std::string>> fields_of(std::string_view line) {
  std::vector<std::string> out(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (quoted && line[i] == '"' && i + 1 < line.size() && line[i + 1] == '"') {
      out.back() += line[++i];
    } else if (line[i] == '"') {
      quoted = !quoted;
    } else if (line[i] == ',' && !quoted) {
      out.emplace_back();
    } else {
      out.back() += line[i];
    }
  }
  if (quoted || out.size() != 3) return wrong("RECORD: a line that is none");
  return out;
}

// "sha256=" and base64 for addresses, without padding.
Result<Digest> recorded_digest(std::string_view text) {
  constexpr std::string_view kSha256 = "sha256=";
  if (!text.starts_with(kSha256)) return wrong("RECORD: another digest than SHA-256");
  std::string base64(text.substr(kSha256.size()));
  std::ranges::replace(base64, '-', '+');
  std::ranges::replace(base64, '_', '/');
  while (base64.size() % 4 != 0) base64 += '=';
  const auto bytes = from_base64(base64);
  if (!bytes || bytes->size() != 32) return wrong("RECORD: a digest that is none");
  Digest out;
  std::ranges::copy(*bytes, out.bytes.begin());
  return out;
}

struct Recorded {
  std::optional<Digest> digest = {};  // absent for RECORD itself and its signatures
  std::string size = {};              // as it stands there; it may be absent
};

Result<std::map<std::string, Recorded>> read_record(std::string_view text, std::string_view folder) {
  std::map<std::string, Recorded> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    const std::vector<std::string> fields = TRY(fields_of(line));
    Recorded entry{.size = fields[2]};
    const bool exempt = fields[0] == std::string(folder) + "/RECORD" ||
                        fields[0] == std::string(folder) + "/RECORD.jws" ||
                        fields[0] == std::string(folder) + "/RECORD.p7s";
    if (!exempt || !fields[1].empty()) entry.digest = TRY(recorded_digest(fields[1]));
    if (out.size() == limits::kWheelFilesMax) return fail(ErrorKind::kLimit, "wheel: too many files");
    if (!out.emplace(fields[0], entry).second) return wrong("RECORD: a file twice: " + shown(fields[0]));
  }
  return out;
}

// Where it is imported from; nothing for what is not laid out.
std::optional<std::string> place_of(const std::string& path) {
  constexpr std::string_view kData = ".data/";
  const std::size_t data = path.find(kData);
  const std::size_t slash = path.find('/');
  if (data == std::string::npos || slash != data + kData.size() - 1) return path;
  const std::string_view rest = std::string_view(path).substr(slash + 1);
  for (const std::string_view scheme : {"purelib/", "platlib/"}) {
    if (rest.starts_with(scheme)) return std::string(rest.substr(scheme.size()));
  }
  return {};
}

Result<std::map<std::string, Bytes>> members_of(BytesView bytes) {
  const zip::Archive archive = TRY(zip::parse(bytes));
  if (!archive.has_end || !archive.disagreements.empty() || !archive.gaps.empty()) {
    return wrong("an archive that can be read in more than one way");
  }
  std::map<std::string, Bytes> out;
  std::uint64_t left = limits::kWheelUnpackedBytesMax;
  for (const zip::Member& member : archive.members) {
    if (member.overlaps || !member.listed) return wrong("an archive that can be read in more than one way");
    if (member.name.ends_with('/') && member.data.empty()) continue;
    TRY(check_path(member.name));
    if (out.size() == limits::kWheelFilesMax) return fail(ErrorKind::kLimit, "wheel: too many files");
    Bytes content = TRY(bytes_of(member, left));
    left -= content.size();
    if (!out.emplace(member.name, std::move(content)).second)
      return wrong("a file twice: " + shown(member.name));
  }
  return out;
}

}  // namespace

Result<WheelName> parse_wheel_name(std::string_view file_name) {
  constexpr std::string_view kEnd = ".whl";
  if (!file_name.ends_with(kEnd)) return wrong("a name without .whl: " + shown(file_name));
  const std::string_view stem = file_name.substr(0, file_name.size() - kEnd.size());
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0; begin <= stem.size();) {
    const std::size_t end = std::min(stem.find('-', begin), stem.size());
    parts.push_back(stem.substr(begin, end - begin));
    begin = end + 1;
  }
  const bool whole = (parts.size() == 5 || parts.size() == 6) &&
                     std::ranges::none_of(parts, [](std::string_view part) { return part.empty(); });
  if (!whole) return wrong("a name of another form: " + shown(file_name));
  return WheelName{.name = normal_package_name(std::string(parts[0])), .version = std::string(parts[1])};
}

bool runs_at_start(std::string_view path) {
  constexpr std::array<std::string_view, 4> kNames{"sitecustomize.py", "usercustomize.py",
                                                   "sitecustomize/__init__.py", "usercustomize/__init__.py"};
  return std::ranges::find(kNames, path) != kNames.end() ||
         (path.ends_with(".pth") && path.find('/') == std::string_view::npos);
}

bool is_compiled_python(std::string_view path) { return path.ends_with(".pyc") || path.ends_with(".pyo"); }

Result<std::vector<WheelFile>> read_wheel(BytesView bytes) {
  if (bytes.size() > limits::kWheelBytesMax) return fail(ErrorKind::kLimit, "wheel: too large");
  std::map<std::string, Bytes> members = TRY(members_of(bytes));
  std::string folder;
  for (const auto& [path, content] : members) {
    constexpr std::string_view kRecord = ".dist-info/RECORD";
    if (!path.ends_with(kRecord) || path.find('/') != path.rfind('/')) continue;
    if (!folder.empty()) return wrong("two RECORDs");
    folder = path.substr(0, path.find('/'));
  }
  if (folder.empty()) return wrong("no RECORD");
  const auto recorded = TRY(read_record(as_text(members[folder + "/RECORD"]), folder));
  for (const auto& [path, entry] : recorded) {
    if (!members.contains(path)) return wrong("RECORD names a file that is not there: " + shown(path));
  }
  std::map<std::string, WheelFile> placed;
  for (auto& [path, content] : members) {
    const auto entry = recorded.find(path);
    if (entry == recorded.end()) return wrong("a file that RECORD does not name: " + shown(path));
    if (!entry->second.size.empty() && entry->second.size != std::to_string(content.size())) {
      return wrong("not the size of RECORD: " + shown(path));
    }
    const Digest digest = sha256(content);
    if (entry->second.digest && *entry->second.digest != digest)
      return wrong("not the bytes of RECORD: " + shown(path));
    const std::optional<std::string> place = place_of(path);
    if (!place) continue;
    WheelFile file{.path = *place, .bytes = std::move(content), .digest = digest};
    if (!placed.emplace(*place, std::move(file)).second)
      return wrong("two files for one place: " + shown(*place));
  }
  std::vector<WheelFile> out;
  for (auto& [place, file] : placed) out.push_back(std::move(file));
  return out;
}

}  // namespace sallyport::formats
