// A producer's signed batch: what the collector verifies before any parser sees the bytes.
//
// The envelope (DSSE, predicate https://sallyport.dev/batch/v1) has the feed's file as its subject and states
// the feed's name, a sequence number, the number of records and the Merkle root (RFC 6962) over them. A
// record is a line of the file without its LF; a header is a record too. So a flipped field, a dropped or
// repeated row, two rows that changed places and a batch that was played before are all refused. Values only;
// safe from any thread.
#pragma once

#include <string>

#include "core/bytes.h"
#include "trust/ledger.h"
#include "trust/predicates.h"
#include "trust/root.h"

namespace sallyport::trust {

struct VerifiedBatch {
  Envelope envelope;
  BatchPredicate predicate;
  Digest data;  // SHA-256 of the bytes
};

// The records' count and Merkle root.
struct Records {
  std::int64_t count = 0;
  Digest root;
};
Records records_of(BytesView data);

// The statement that a producer signs about `data`; `name` is the file's name.
Statement batch_statement(const std::string& name, BytesView data, const std::string& feed,
                          std::int64_t sequence);

// Signature by the producer role, digest, record count and Merkle root of the very bytes in `data`.
Result<VerifiedBatch> verify_batch(BytesView envelope_file, BytesView data, const Root& root);

// Whether a batch that the ledger holds already may be taken once more: yes for a file that a pipeline is run
// on again, no for a collector that asks a feed for news, to whom the last batch played again is an attack.
enum class Again : std::uint8_t { kAllowed, kRefused };

// Refuses a batch whose sequence number is not above the last one that the ledger holds for its feed, but for
// the last batch itself where `again` allows it.
Result<void> check_sequence(const VerifiedBatch& batch, const Ledger& ledger, Again again);

}  // namespace sallyport::trust
