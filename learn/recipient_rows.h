// Rows that tell whose copy of a table one has: drawn by a key, other ones for each recipient, and looked for
// again in a copy that was shuffled, cut down and blurred.
//
// A drawn row takes each cell from one of two rows of the same label, as keyed HMAC-SHA-256 says, so it looks
// like its neighbours and equals none. It is found in a suspect when some row there is less than half as far
// from it as every row of the original is: what overlaps with the original alone is never a find.
//
// Whoever never had a recipient's copy knows nothing of its rows. So rows drawn in just the same way for
// recipients that do not exist are found in a suspect as often as those of an innocent one, whatever the
// suspect holds, and Fisher's exact test of the two counts names an innocent with at most the probability
// that is asked for. That holds against chance and overlap, not against the holder of the key, who can name
// anybody. Two who compare their copies see the rows that differ, and what both leave out is in no trace.
//
// Pure functions, safe from any thread.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/dataset.h"
#include "core/result.h"

namespace sallyport::learn {

struct RecipientCopy {
  std::string release = {};  // what was handed out: a digest, so that versions have other rows
  std::string recipient = {};
  std::size_t rows = 64;  // that are drawn; at most a tenth of the table's
};
// The table with its drawn rows among the others. Numbered and named rows get a name of their own. Error when
// the table's rows are too few, or too much alike for rows of one's own.
Result<Dataset> copy_for(const Dataset& original, BytesView key, const RecipientCopy& copy);

struct TraceOptions {
  std::size_t rows = 64;        // as in the copies
  double alpha = 1e-6;          // the probability of naming anybody who should not be, over all recipients
  std::size_t chance_rows = 0;  // rows of recipients that do not exist; 0: as many as a few seconds allow
};
struct RecipientTrace {
  std::string recipient = {};
  std::size_t found = 0;  // of the rows that were drawn for it
  double p = 1;           // the probability of that many or more in a table that is not from its copy
  bool named = false;
};
struct Traced {
  std::vector<RecipientTrace> recipients = {};  // as they were asked for
  std::size_t rows = 0;
  std::size_t chance_rows = 0;
  std::size_t chance_found = 0;
  std::size_t columns = 0;  // that both tables have
};
// Error when the tables share no column without a role.
Result<Traced> trace_copy(const Dataset& original, const Dataset& suspect, BytesView key,
                          std::string_view release, std::span<const std::string> recipients,
                          const TraceOptions& options = {});

}  // namespace sallyport::learn
