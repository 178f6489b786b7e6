// A forward-secure chain of log records, after Schneier and Kelsey (1999) and Bellare and Yee (1997).
//
// Record i is one line of canonical JSON with the members "sequence": i and "chain": HMAC-SHA-256 under K_i
// of the previous record's chain value and this line without its own. K_{i+1} is SHA-256(K_i), and the writer
// forgets K_i: who takes the host over at record i can forge from i on, and nothing before it. The verifier
// keeps K_0. What the chain cannot see is a tail that was cut off whole; heads kept elsewhere and counts are
// for that. Values only; safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/digest.h"
#include "core/json.h"

namespace sallyport::trust {

// Where a chain stands: what the next record needs. The previous value of record 0 is all zeros.
struct ForwardChain {
  std::uint64_t sequence = 0;
  Digest key = {};
  Digest previous = {};

  // The line of the next record, without a newline, and moves on. `fields` must hold neither "sequence" nor
  // "chain".
  std::string seal(Json fields);
  // Checks that `line` is the next record, in its one spelling, and moves on; returns its members.
  // Error messages say which of spelling, sequence and chain is wrong; after an Error the chain stands where
  // it stood.
  Result<Json> open(std::string_view line);

 private:
  void advance(const Digest& chain);
};

}  // namespace sallyport::trust
