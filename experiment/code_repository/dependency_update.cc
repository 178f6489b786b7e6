// repo-dependency-poison: a new release of a package that begins to do what its accepted one did not.
//
// Whoever presents the repository lays the wheels beside its files (services/scan/wheels.h): those that are
// accepted below .sallyport/packages/accepted/, those that are to be below .sallyport/packages/proposed/. A
// proposed wheel is held against the newest accepted one of its name: code that acts on the machine and that
// was not there, hidden source, files that run when any Python starts, shared objects and data without text
// that are new. Other bytes under a name and version that are accepted already, and a wheel that can be read
// in two ways, are refused whatever they do.
//
// Missed: harm by the means that the accepted release had already, and the first release of a name, of which
// everything is new: it is held against nothing, and listed.
#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "core/guard.h"
#include "core/limits.h"
#include "formats/python_acts.h"
#include "formats/utf8.h"
#include "formats/version_order.h"
#include "formats/wheel.h"

namespace sallyport::experiment::code_repository {
namespace {

namespace python = formats::python;

constexpr std::string_view kAccepted = ".sallyport/packages/accepted/";
constexpr std::string_view kProposed = ".sallyport/packages/proposed/";

// What a release does, apart from how.
struct Release {
  const RepositoryFile* file = nullptr;
  std::string version;
  std::set<std::string> acts = {};                // names, anywhere
  std::set<std::string> import_acts = {};         // of those, what importing does
  std::map<std::string, std::string> where = {};  // of an act: the first file with it
  std::set<std::string> hidden = {};              // files whose source hides what it says
  std::set<std::string> starts = {};              // files that run whenever Python starts
  std::set<std::string> blobs = {};               // files that are no text
};

// Packed or ciphered text in the place of code: one line that is long and has hardly a blank.
bool has_packed_line(std::string_view source) {
  constexpr std::size_t kLong = 4000;
  for (std::size_t at = 0; at < source.size();) {
    const std::size_t end = std::min(source.find('\n', at), source.size());
    const std::string_view line = source.substr(at, end - at);
    const auto blanks = static_cast<std::size_t>(std::ranges::count(line, ' '));
    if (line.size() > kLong && blanks * 100 < line.size()) return true;
    at = end + 1;
  }
  return false;
}

Release look_at(const RepositoryFile& file, std::string version,
                const std::vector<formats::WheelFile>& files) {
  Release out{.file = &file, .version = std::move(version)};
  for (const formats::WheelFile& one : files) {
    const std::string_view text = as_text(one.bytes);
    if (formats::runs_at_start(one.path)) out.starts.insert(one.path);
    if (!one.path.ends_with(".py")) {
      if (!formats::is_utf8(text) || text.find('\0') != std::string_view::npos) out.blobs.insert(one.path);
      continue;
    }
    if (!python::hiding_encoding(text).empty() || has_packed_line(text)) out.hidden.insert(one.path);
    for (const python::Act& act : python::find_acts(text)) {
      out.acts.insert(act.name);
      if (act.when == python::When::kImport) out.import_acts.insert(act.name);
      out.where.emplace(act.name, one.path + ": it " + std::string(act.does));
    }
  }
  return out;
}

class Report {
 public:
  explicit Report(Examination& out) : out_(out) {}

  void add(const Release& release, std::string_view rule, Severity severity, std::string message) {
    add(*release.file, rule, severity, std::move(message));
  }
  void add(const RepositoryFile& file, std::string_view rule, Severity severity, std::string message) {
    if (out_.findings.size() >= limits::kFindingsPerGuardMax) return;
    out_.findings.push_back({.severity = severity,
                             .where = {.path = file.path},
                             .message = std::move(message),
                             .remedy = "read what the release changes before its hash enters the lock",
                             .rule = std::string(rule)});
  }

  void compare(const Release& before, const Release& now) {
    const std::string since = ", which " + before.version + " did not do";
    for (const std::string& act : now.import_acts) {
      if (before.import_acts.contains(act)) continue;
      add(now, "update-acts-on-import", Severity::kHigh,
          now.version + " calls " + act + " when it is imported" + since + ": " + now.where.at(act));
    }
    for (const std::string& act : now.acts) {
      if (before.acts.contains(act) || now.import_acts.contains(act)) continue;
      add(now, "update-acts", Severity::kMedium,
          now.version + " calls " + act + since + ": " + now.where.at(act));
    }
    for (const std::string& path : now.hidden) {
      if (!before.hidden.contains(path)) {
        add(now, "update-hides-source", Severity::kHigh,
            now.version + " has source that hides what it says: " + shown(path));
      }
    }
    for (const std::string& path : now.starts) {
      if (!before.starts.contains(path)) {
        add(now, "update-runs-at-start", Severity::kHigh,
            now.version + " brings a file that runs when any Python starts: " + shown(path));
      }
    }
    for (const std::string& path : now.blobs) {
      if (!before.blobs.contains(path)) {
        add(now, "update-brings-binary", Severity::kMedium,
            now.version + " brings a file without text: " + shown(path));
      }
    }
  }

 private:
  Examination& out_;
};

using Releases = std::multimap<std::string, Release>;

Result<Examination> check(const RepositorySubject& repository, const Parameters&) {
  Examination out;
  Report report(out);
  Releases accepted, proposed;
  std::map<std::pair<std::string, std::string>, Digest> known;
  for (const RepositoryFile& file : repository.files) {
    const bool is_accepted = file.path.starts_with(kAccepted);
    if (!is_accepted && !file.path.starts_with(kProposed)) continue;
    const auto name = formats::parse_wheel_name(file.path.substr(file.path.rfind('/') + 1));
    if (!name) return within(file.path, name.error());
    const auto files = formats::read_wheel(file.bytes);
    if (!files) {
      report.add(file, "wheel-not-plain", Severity::kHigh, files.error().message);
      continue;
    }
    if (is_accepted) known.emplace(std::pair(name->name, name->version), sha256(file.bytes));
    (is_accepted ? accepted : proposed).emplace(name->name, look_at(file, name->version, *files));
  }
  double first = 0;
  for (const auto& [name, release] : proposed) {
    const auto same = known.find({name, release.version});
    if (same != known.end() && same->second != sha256(release.file->bytes)) {
      report.add(release, "other-bytes", Severity::kCritical,
                 name + " " + release.version + " is accepted with other bytes than these");
    }
    const auto [begin, end] = accepted.equal_range(name);
    if (begin == end) {
      ++first;
      continue;
    }
    const auto newest = std::max_element(begin, end, [](const auto& a, const auto& b) {
      return formats::compare_versions(formats::VersionScheme::kPep440, a.second.version, b.second.version) <
             0;
    });
    report.compare(newest->second, release);
  }
  out.statistics.push_back({.name = "proposed releases", .value = static_cast<double>(proposed.size())});
  out.statistics.push_back({.name = "of names that have no accepted one", .value = first});
  return out;
}

}  // namespace

extern const Guard dependency_update;
const Guard dependency_update{
    .id = "dependency_update",
    .threats = {"repo-dependency-poison"},
    .summary =
        "a proposed release of a package that begins to act on the machine, hides its source or has other "
        "bytes than its version is known by",
    .looks_for =
        "calls that run programs, open the network, make code or change imports and that the accepted "
        "release did "
        "not make, source in packed lines or hiding encodings, new binary files, files that run when any "
        "Python "
        "starts, archives that can be read in two ways, and other bytes under an accepted version; only "
        "where "
        "accepted and proposed wheels are given",
    .repository = check};

}  // namespace sallyport::experiment::code_repository
