// What signed, logged statements say of a registry: read in the order of the log, by the server that wrote
// them and by the clients that do not believe it.
//
// A statement that the registrar did not sign promises nothing. The first word on a version stands: its bytes
// are never changed, and neither is what its gate said. For one thread at a time.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "trust/ledger.h"
#include "trust/root.h"

namespace sallyport::services::tracking {

inline constexpr std::string_view kGateResult = "https://sallyport.dev/registry-gate/v1";
inline constexpr std::string_view kAliasMove = "https://sallyport.dev/registry-alias/v1";

struct VersionName {
  std::string model = {};
  std::int64_t version = 0;
  auto operator<=>(const VersionName&) const = default;
};

struct Promise {
  Digest manifest = {};      // the bytes, as a directory
  bool gate_passed = false;  // its gate was attested, and passed
};

class Promises {
 public:
  Result<void> absorb(const trust::LedgerEntry& entry, const trust::Root& root);

  std::optional<Promise> promise(const VersionName& name) const;
  // The highest that was ever promised under that name; 0 when none was.
  std::int64_t last_version(const std::string& model) const;
  std::optional<std::int64_t> alias(const std::string& model, const std::string& alias) const;

 private:
  std::map<VersionName, Promise> promises_ = {};
  std::map<std::pair<std::string, std::string>, std::int64_t> aliases_ = {};
};

}  // namespace sallyport::services::tracking
