// What the registry promises, as signed statements in a transparency log: which bytes a version is, what its
// gate said, and where each alias points.
//
// The databases are for searching; what is handed out is decided by these statements. They are read and
// checked once, when the server starts, and kept in memory from then on. Signed by the workspace's registrar.
// Safe from any thread.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "core/json.h"
#include "services/tracking/promises.h"
#include "trust/batcher.h"
#include "trust/workspace.h"

namespace sallyport::services::tracking {

class Notary {
 public:
  // Makes a workspace in `root` when there is none.
  static Result<std::unique_ptr<Notary>> open(Env& env, const fs::path& root);

  Result<std::uint64_t> seal(const VersionName& name, const Digest& manifest);
  Result<std::uint64_t> attest_gate(const VersionName& name, const Digest& manifest, const Json& result,
                                    bool passed);
  // 0 as version removes the alias. `approvers` are principals.
  Result<std::uint64_t> move_alias(const std::string& model, const std::string& alias, std::int64_t version,
                                   const Digest& manifest, const Json& approvers);

  std::optional<Promise> promise(const VersionName& name) const;
  // The highest that was ever promised under that name; 0 when none was.
  std::int64_t last_version(const std::string& model) const;
  std::optional<std::int64_t> alias(const std::string& model, const std::string& alias) const;

  // The whole log for a client that checks it: {"checkpoint": signed note, "envelopes": [text, ...]} in log
  // order.
  Json published();

 private:
  Notary(trust::Root root, trust::Ledger ledger, trust::PrivateKey registrar, trust::PrivateKey log_key)
      : root_(std::move(root)),
        ledger_(std::move(ledger)),
        registrar_(std::move(registrar)),
        log_key_(std::move(log_key)),
        batcher_([this](std::span<const trust::Envelope> envelopes) { return commit(envelopes); }, kBatchMax,
                 trust::kTileWidth, ledger_.entries().size()) {}
  Result<std::uint64_t> log(const Digest& subject, const std::string& name, std::string_view type,
                            const Json& predicate);
  Result<std::vector<std::uint64_t>> commit(std::span<const trust::Envelope> envelopes);

  static constexpr std::size_t kBatchMax = 1'024;

  trust::Root root_;
  mutable std::mutex mutex_;
  trust::Ledger ledger_;
  trust::PrivateKey registrar_;
  trust::PrivateKey log_key_;
  Promises promises_;
  // Those who promise at once wait for the disk once. Declared last: it counts what is in the ledger.
  trust::Batcher<trust::Envelope, std::uint64_t> batcher_;
};

}  // namespace sallyport::services::tracking
