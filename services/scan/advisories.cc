#include "services/scan/advisories.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "core/limits/repository.h"
#include "core/mapping.h"
#include "core/text.h"
#include "formats/advisories.h"
#include "formats/inflate.h"
#include "formats/zip.h"

namespace sallyport::services::scan {
namespace {

class Snapshot {
 public:
  explicit Snapshot(std::vector<std::string> names) : names_(std::move(names)) {}

  Result<void> read(const fs::path& path) {
    const Result<Mapping> file = Mapping::open(path);
    if (!file) return std::unexpected(file.error());
    if (path.extension() == ".zip") return read_zip(path, file->bytes());
    take(as_text(file->bytes()));
    return {};
  }

  std::size_t seen() const { return seen_; }
  std::vector<RepositoryFile> files() && { return std::move(files_); }

 private:
  Result<void> read_zip(const fs::path& path, BytesView bytes) {
    const auto archive = formats::zip::parse(bytes);
    if (!archive) return within(path.string(), archive.error());
    for (const formats::zip::Member& member : archive->members) {
      if (!member.listed || !member.name.ends_with(".json")) continue;
      if (member.method == formats::zip::kStored) {
        take(as_text(member.data));
        continue;
      }
      const formats::Inflated inflated =
          formats::inflate(member.data, formats::Wrapper::kNone, limits::kAdvisoryBytesMax);
      if (inflated.error || inflated.over_budget)
        return invalid(path.string() + ": " + shown(member.name) + " cannot be unpacked");
      take(as_text(inflated.bytes));
    }
    return {};
  }

  void take(std::string_view json) {
    ++seen_;
    if (!formats::may_name(json, names_)) return;
    const auto advisory = formats::read_advisory(json);
    const std::string id = advisory ? advisory->id : "number " + std::to_string(seen_);
    files_.push_back({.path = ".sallyport/advisories/" + id + ".json", .bytes = to_bytes(json)});
  }

  std::vector<std::string> names_;  // sorted
  std::vector<RepositoryFile> files_;
  std::size_t seen_ = 0;
};

}  // namespace

std::vector<formats::LockedPackage> packages_of(std::span<const RepositoryFile> files) {
  std::set<std::tuple<std::string, std::string, std::string>> seen;
  std::vector<formats::LockedPackage> out;
  std::string_view release;
  for (const RepositoryFile& file : files) {
    if (file.commit.empty() && file.path.ends_with("etc/os-release")) release = as_text(file.bytes);
  }
  for (const RepositoryFile& file : files) {
    if (!file.commit.empty()) continue;
    std::vector<formats::LockedPackage> locked;
    if (formats::is_lock_file(file.path)) {
      auto read = formats::read_locked_packages(file.path, as_text(file.bytes), release);
      if (read) locked = std::move(*read);
    } else if (formats::is_program(file.bytes)) {
      locked = formats::read_banners(file.bytes);
    }
    for (formats::LockedPackage& one : locked) {
      if (seen.emplace(one.ecosystem, one.name, one.version).second) out.push_back(std::move(one));
    }
  }
  return out;
}

Result<std::vector<RepositoryFile>> read_advisories(Env& env, const fs::path& snapshot,
                                                    const std::vector<formats::LockedPackage>& packages) {
  std::vector<std::string> names;
  for (const formats::LockedPackage& one : packages) names.push_back(lowered(one.name));
  std::ranges::sort(names);
  Snapshot out(std::move(names));
  if (!env.exists(snapshot))
    return fail(ErrorKind::kNotFound, snapshot.string() + ": there is no such snapshot");
  if (TRY(env.status(snapshot)).kind != FileStatus::Kind::kDirectory) {
    TRY(out.read(snapshot));
  } else {
    std::error_code failure;
    auto entry = fs::recursive_directory_iterator(snapshot, failure);
    for (; !failure && entry != fs::recursive_directory_iterator(); entry.increment(failure)) {
      const std::string extension = entry->path().extension().string();
      if (fs::is_regular_file(entry->symlink_status()) && (extension == ".json" || extension == ".zip"))
        TRY(out.read(entry->path()));
    }
    if (failure) return fail(ErrorKind::kIo, snapshot.string() + ": cannot be listed: " + failure.message());
  }
  if (out.seen() == 0) {
    return invalid(snapshot.string() + ": holds no advisory",
                   "point at a folder or a zip of OSV's JSON files, for example PyPI/all.zip");
  }
  return std::move(out).files();
}

}  // namespace sallyport::services::scan
