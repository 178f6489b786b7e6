// Which versions of a model are no longer to be used, whatever once approved them.
//
// A retirement is a signed, logged statement that names a model and the first version that may still be
// loaded: the floor. Floors only rise. One approver or the registrar suffices, since it takes away and never
// gives; a version that was retired comes back as a new version alone. Values and reads; safe from any
// thread.
#pragma once

#include <string>

#include "trust/ledger.h"
#include "trust/root.h"

namespace sallyport::trust {

namespace predicate {
inline constexpr std::string_view kRetirement = "https://sallyport.dev/retirement/v1";
}

struct RetirementPredicate {
  std::string model = {};
  std::int64_t floor = 0;  // the lowest version that stays, from 2
  std::string reason = {};
};
Json to_json(const RetirementPredicate& retirement);
Result<RetirementPredicate> parse_retirement(const Json& predicate);

// The highest floor that is signed by an approver or the registrar; 0 when none is.
std::int64_t version_floor(const Ledger& ledger, const Root& root, const std::string& model);
// ErrorKind::kDenied below the floor.
Result<void> check_not_retired(const Ledger& ledger, const Root& root, const std::string& model,
                               std::int64_t version);

}  // namespace sallyport::trust
