// Advisories in the format of OSV (https://ossf.github.io/osv-schema/), and which versions they are about.
//
// A version is affected when an advisory lists it, or when it lies in one of its ranges as its ecosystem
// orders versions: behind the last `introduced` and neither at nor behind a `fixed`, nor behind a
// `last_affected`. Withdrawn advisories and ranges of commits affect nothing. Pure functions, safe from any
// thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/finding.h"
#include "core/result.h"
#include "formats/locked_packages.h"

namespace sallyport::formats {

struct VersionEvent {
  enum class Kind : std::uint8_t { kIntroduced, kFixed, kLastAffected, kLimit };
  Kind kind = Kind::kIntroduced;
  std::string version = {};
};
struct AffectedPackage {
  std::string ecosystem = {};
  std::string name = {};
  std::vector<std::string> versions = {};
  std::vector<std::vector<VersionEvent>> ranges = {};
};
struct Advisory {
  std::string id = {};
  std::vector<std::string> aliases = {};
  std::string summary = {};
  std::string modified = {};  // RFC 3339
  Severity severity = Severity::kHigh;
  bool malicious = false;  // the package itself is the attack: MAL-...
  std::vector<AffectedPackage> affected = {};
};

// Error when it is no advisory; a withdrawn one affects nothing.
Result<Advisory> read_advisory(std::string_view json);

struct Affects {
  bool affected = false;
  std::string fixed_in = {};  // the first version that is not; empty when none is known
};
Affects affects(const Advisory& advisory, const LockedPackage& package);

// Whether the text may be an advisory about one of `names`, told without parsing it.
bool may_name(std::string_view json, const std::vector<std::string>& sorted_names);

}  // namespace sallyport::formats
