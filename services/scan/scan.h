// The scan: files, folders and repositories, each file inspected once, judged by every guard that looks at
// files, hashed in the same pass.
//
// Files are mapped, never copied; nothing of them is executed and no link is followed out of what was named.
// The verdict of a file is the worst of: a finding of medium severity or above that no waiver covers; an
// error (it could not be read, or changed meanwhile); bytes or layers that nobody could follow. Files are
// scanned from all cores and reported in the order of their paths.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/guard.h"
#include "core/json.h"
#include "core/policy.h"
#include "core/result.h"
#include "formats/inspect/inspect.h"
#include "formats/locked_packages.h"
#include "services/scan/waivers.h"

namespace sallyport::services::scan {

struct ReviewRules;

enum class FileVerdict : std::uint8_t { kClean, kFindings, kIncomplete, kError };
std::string_view name_of(FileVerdict verdict);

struct ScannedFinding {
  const Guard* guard = nullptr;
  std::vector<std::string_view> threats = {};
  Finding finding = {};
  bool waived = false;
  std::string accepted = {};     // why, where no waiver of the policy says: "baseline", "its line: REASON"
  std::string fingerprint = {};  // services/scan/accept.h
  std::vector<std::string> frame = {};  // with ScanOptions::frames: the line and its neighbours
};

// Data of known type in another file.
struct DataExtent {
  std::string path = {};  // within the folder that is scanned
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

struct ScannedFile {
  std::string path = {};    // as it was named; within a repository relative to it
  std::string commit = {};  // set for what only history holds
  bool of_repository = false;
  std::string sha256 = {};  // hexadecimal; empty when it could not be read
  std::uint64_t size = 0;
  std::string format = {};
  FileVerdict verdict = FileVerdict::kClean;
  double coverage = 1;
  std::vector<ScannedFinding> findings = {};
  std::vector<std::string> unread = {};       // what could not be told, one sentence each
  std::string hint = {};                      // of an error
  std::vector<std::string> explanation = {};  // of its pickles, with ScanOptions::explain
  std::vector<DataExtent> names_data = {};    // services/scan/companions.h
};

struct ScanReport {
  std::vector<ScannedFile> files = {};
  std::vector<formats::LockedPackage> packages = {};
  std::uint64_t bytes = 0;
  double seconds = 0;
  std::string started = {};                // RFC 3339
  std::vector<WaiverNotice> waivers = {};  // that have expired, or are about to; they change no exit code

  std::size_t count(FileVerdict verdict) const;
  // 1 with a finding; otherwise 2 when something could not be told; otherwise 0.
  int exit_code() const;
};

struct ScanOptions {
  Policy policy = {};
  std::int64_t now_unix_s = 0;
  unsigned threads = 0;  // 0: one a core
  int depth_max = limits::kArchiveDepthMax;
  std::uint64_t unpacked_bytes_max = limits::kUnpackedBytesMax;
  std::uint64_t layers_max = limits::kInspectLayersMax;
  std::uint64_t file_bytes_max = ~std::uint64_t{0};
  // What pickles may do beyond the built-in packs; nullptr: nothing.
  std::shared_ptr<const formats::pickle::PolicyTable> packs = {};
  // Where what was said of a repository's files is kept for the next scan (services/scan/cache.h); empty:
  // nowhere. It changes no answer.
  std::filesystem::path cache_folder = {};
  // Fingerprints of findings that are accepted.
  std::set<std::string> baseline = {};
  // Of a repository only what changed since this commit or branch forked: files whose content differs from
  // where the two histories met, with what was not found there, and commits that it does not hold. Empty:
  // all.
  std::string since = {};
  // A snapshot of advisories (services/scan/advisories.h): folders are then also searched for packages that
  // one is about. Empty: nothing is known of packages.
  std::filesystem::path advisories = {};
  // What is demanded of a repository's history (services/scan/review.h).
  std::shared_ptr<const ReviewRules> review = {};
  // Wheels of a change of dependencies, accepted/ and proposed/ (services/scan/wheels.h); empty: none.
  std::filesystem::path wheels = {};
  // A project whose registry weights in a repository are held against (services/scan/registered.h).
  std::filesystem::path registry = {};
  // Lists the packages that files of a repository fix to a version, in ScanReport::packages.
  bool list_packages = false;
  // Adds the lines around each finding in a repository.
  bool frames = false;
  // Adds the reconstructed tree of every pickle in a file.
  bool explain = false;
  // Called once a file from any thread, when it is done.
  std::function<void(const ScannedFile&)> on_file = {};
  // Called once, when the number of files is known.
  std::function<void(std::size_t)> on_count = {};
};

// Error only when a path that was named does not exist, or a threshold of the policy is of no guard.
Result<ScanReport> scan(const std::vector<std::filesystem::path>& paths, const ScanOptions& options);
// Bytes that are in memory already, as a loader has them; `name` is a hint and names them in the answer.
Result<ScannedFile> scan_bytes(BytesView bytes, const std::string& name, const ScanOptions& options);

// With "waivers" where one has expired or is about to:
// {"files":[{"path","sha256","size","format","verdict","coverage","findings":[…],"unread":[…]}]}
Json to_json(const ScannedFile& file);
Json to_json(const ScanReport& report);

}  // namespace sallyport::services::scan
