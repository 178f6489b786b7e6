// What the log holds of an envelope: canonical JSON {"envelope": "<sha256>", "predicateType": "..."}. A pure
// function; safe from any thread.
#pragma once

#include <string>

#include "core/digest.h"

namespace sallyport::trust {

std::string ledger_entry(const Digest& envelope, const std::string& predicate_type);

}  // namespace sallyport::trust
