#include "services/data/intake.h"

#include <deque>
#include <optional>

#include "catalog/coverage.h"
#include "core/gate.h"
#include "formats/csv.h"

namespace sallyport::services::data {
namespace {

Result<std::optional<Bytes>> release_in(Env& env, const fs::path& folder, const trust::Manifest& manifest) {
  if (manifest.find(trust::kReleaseFile) == nullptr) return std::optional<Bytes>{};
  return std::optional(TRY(env.read_file(folder / trust::kReleaseFile, limits::kStatementBytesMax)));
}

// The guards of the analysis stage over every table; they mine for patterns that come back with one label and
// hold them against masked neighbours and spectra.
Result<void> first_look(Env& env, const fs::path& folder, const std::string& name,
                        const trust::Manifest& manifest, const IntakeOptions& options, const Policy& policy) {
  std::deque<Dataset> tables;
  Subjects subjects;
  for (const trust::ManifestEntry& entry : manifest.entries) {
    if (!entry.path.ends_with(".csv")) continue;
    const Bytes bytes = TRY(env.read_file(folder / entry.path));
    if (sha256(bytes) != entry.sha256)
      return fail(ErrorKind::kDenied, entry.path + ": changes while it is read");
    tables.push_back(TRY(
        formats::csv::parse(bytes, {.name = entry.path, .roles = options.roles, .image = options.image})));
    subjects.datasets.emplace_back(entry.path, DatasetSubject{.data = &tables.back()});
  }
  if (subjects.datasets.empty() || options.roles.label.empty()) {
    return fail(ErrorKind::kDenied,
                name + ": is seen for the first time, and there is nothing to judge it by",
                "name the column of labels of its tables, or pin it by hand in data.lock");
  }
  const auto guards = catalog::guards_of(Stage::kAnalysis);
  const GateReport report = TRY(pass_gate(Stage::kAnalysis, guards, subjects, policy, env.now_unix_s()));
  if (report.verdict < Verdict::kBlock) return {};
  return fail(ErrorKind::kDenied, name + ": is seen for the first time: " + report.reasons.front(),
              "get it from where it was first published, and compare");
}

}  // namespace

Result<Taken> take(Env& env, const fs::path& folder, const std::string& name, const trust::DataLock& lock,
                   const IntakeOptions& options, const Policy& policy) {
  const trust::Manifest manifest = TRY(trust::scan_directory(env, folder));
  const std::optional<Bytes> release = TRY(release_in(env, folder, manifest));
  Taken out{.folder = trust::digest_of(manifest)};
  const Bytes* const signed_by_publisher = release ? &*release : nullptr;
  if (const auto pinned = lock.pins.find(name); pinned != lock.pins.end()) {
    if (!options.publisher.empty() && options.publisher != pinned->second.publisher) {
      return fail(ErrorKind::kDenied, name + ": data.lock pins another publisher",
                  "whoever changes whom you believe edits data.lock, where it is reviewed");
    }
    out.pin = TRY(trust::next_pin(pinned->second, name, manifest, signed_by_publisher, env.now_unix_s()));
    out.advanced = out.pin != pinned->second;
    return out;
  }
  out.first = true;
  out.pin = {.publisher = options.publisher, .manifest = trust::digest_of(trust::released_part(manifest))};
  if (!options.publisher.empty()) {
    if (!release) return fail(ErrorKind::kDenied, name + ": has no release.json of the publisher");
    out.pin = TRY(trust::next_pin(out.pin, name, manifest, signed_by_publisher, env.now_unix_s()));
  }
  TRY(first_look(env, folder, name, manifest, options, policy));
  return out;
}

}  // namespace sallyport::services::data
