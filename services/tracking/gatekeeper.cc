#include "services/tracking/gatekeeper.h"

#include <chrono>

#include "core/mapping.h"
#include "formats/utf8.h"
#include "services/scan/scan.h"
#include "services/tracking/artifacts.h"
#include "services/tracking/registry.h"
#include "services/tracking/wire.h"

namespace sallyport::services::tracking {
namespace {

constexpr std::size_t kMessageBytesMax = 1'000;
constexpr auto kTryAgainAfter = std::chrono::milliseconds(500);

// What speaks against a file, or nothing. What could not be told is no reason: it stands in the attestation.
std::string objection(const scan::ScannedFile& file, const Policy& policy) {
  if (file.verdict == scan::FileVerdict::kError) {
    return file.path + ": " + (file.unread.empty() ? "could not be read" : file.unread.front());
  }
  for (const scan::ScannedFinding& found : file.findings) {
    if (found.waived || found.finding.severity < policy.blocks_at(Stage::kRegistry)) continue;
    return file.path + ": " + found.finding.message;
  }
  return {};
}

}  // namespace

Gatekeeper::~Gatekeeper() {
  {
    const std::scoped_lock lock(mutex_);
    stopped_ = true;
  }
  arrived_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Result<void> Gatekeeper::start() {
  TRY(store_.read([&](Session& session) -> Result<void> {
    for (const Row& row :
         TRY(session.query("SELECT " + std::string(kVersionColumns) + std::string(kVersionTables) +
                               "WHERE v.status = ? ORDER BY v.id",
                           {std::string(kPending)}))) {
      const Version version = version_in(row);
      // The files are under a seal since the version was made, so they are still the same.
      trust::Manifest manifest = TRY(manifest_below(session, version.prefix));
      if (trust::digest_of(manifest).hex() == version.manifest) enqueue(version.name(), std::move(manifest));
    }
    return {};
  }));
  thread_ = std::thread([this] { work(); });
  return {};
}

void Gatekeeper::enqueue(const VersionName& name, trust::Manifest manifest) {
  const std::scoped_lock lock(mutex_);
  jobs_.push_back({name, std::move(manifest)});
  arrived_.notify_one();
}

void Gatekeeper::work() {
  while (true) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      arrived_.wait(lock, [&] { return stopped_ || !jobs_.empty(); });
      if (stopped_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    // A gate that fails of itself has not passed; the version says why and can be registered again.
    const Result<Verdict> judged = judge(job);
    const Verdict verdict =
        judged ? *judged
               : Verdict{.message = formats::printable("the gate could not tell: " + judged.error().message,
                                                       kMessageBytesMax)};
    // It is signed and logged already; a database that cannot be reached is told when it can be.
    while (true) {
      const auto told = conclude(job.name, verdict.passed, verdict.message);
      if (told || told.error().hint != kUnavailable) break;
      if (!waited_to_try_again()) return;
    }
  }
}

// False when the server stops meanwhile.
bool Gatekeeper::waited_to_try_again() {
  std::unique_lock lock(mutex_);
  return !arrived_.wait_for(lock, kTryAgainAfter, [&] { return stopped_; });
}

Result<Gatekeeper::Verdict> Gatekeeper::judge(const Job& job) {
  const Digest digest = TRY(blobs_.put_manifest(job.manifest));
  if (!notary_.promise(job.name)) TRY(notary_.seal(job.name, digest));
  const scan::ScanOptions options{.policy = policy_, .now_unix_s = env_.now_unix_s(), .threads = 1};
  Json files = Json::array();
  std::string message;
  for (const trust::ManifestEntry& entry : job.manifest.entries) {
    const Mapping mapping = TRY(blobs_.map(entry.sha256));
    if (sha256(mapping.bytes()) != entry.sha256)
      return invalid(entry.path + ": the stored bytes were changed");
    const scan::ScannedFile file = TRY(scan::scan_bytes(mapping.bytes(), entry.path, options));
    files.push_back({{"path", entry.path},
                     {"sha256", entry.sha256.hex()},
                     {"verdict", scan::name_of(file.verdict)},
                     {"findings", file.findings.size()}});
    if (message.empty()) message = objection(file, policy_);
  }
  const bool passed = message.empty();
  // An entry of the log has room for a digest of many files, not for the files.
  const Json result{
      {"report", sha256(canonical(files)).hex()}, {"count", files.size()}, {"message", message}};
  TRY(notary_.attest_gate(job.name, digest, result, passed));
  return Verdict{passed, formats::printable(message, kMessageBytesMax)};
}

Result<void> Gatekeeper::conclude(const VersionName& name, bool passed, const std::string& message) {
  return store_.write([&](Session& session) -> Result<void> {
    return session.execute(
        "UPDATE versions SET status = ?, message = ? WHERE version = ? AND model = "
        "(SELECT id FROM registered_models WHERE name = ?)",
        {std::string(passed ? kReady : kFailed), message, name.version, name.model});
  });
}

}  // namespace sallyport::services::tracking
