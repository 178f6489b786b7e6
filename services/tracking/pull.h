// A registered version fetched from a server that is not believed: nothing is written under its final name
// before every byte of it has been held against what the registrar signed and logged.
//
// The client has the registry's root of trust from elsewhere, and a pin of the log that it saw last. It
// rebuilds the log's tree from all entries, so a log that was cut, forked or rolled back is refused, and
// reads promises and aliases from the statements alone. A log that is merely held back (frozen), and one that
// was made for a client without a pin, cannot be told from the log that everybody sees but by cosignatures of
// witnesses, which the client may demand. One call is for one thread.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "core/env.h"
#include "trust/root.h"
#include "trust/witness_policy.h"

namespace sallyport::services::tracking {

// The body that the server answers a GET of that path and query with; an Error when it is not 200 or not
// whole.
using Fetch = std::function<Result<std::string>(const std::string& target)>;

struct PullOptions {
  std::string model = {};
  std::string wanted = {};  // a version's number, or an alias
  fs::path to = {};         // must not exist
  fs::path pin = {};        // where the log that was seen last is remembered; missing: trust on first use
  // When set, only a log that such witnesses cosigned as it stands; with an age, since then.
  std::optional<trust::WitnessPolicy> witnesses = {};
  std::optional<std::int64_t> cosigned_age_max_s = {};
};
struct Pulled {
  std::int64_t version = 0;
  Digest manifest = {};
  std::size_t files = 0;
  std::uint64_t bytes = 0;
  std::uint64_t log_size = 0;
  std::vector<std::string> witnesses = {};  // that vouch for it, when they were asked for
};
Result<Pulled> pull(Env& env, const trust::Root& root, const Fetch& fetch, const PullOptions& options);

}  // namespace sallyport::services::tracking
