// Whether a server's folder is sound: its log rebuilt, its statements, database and artifacts held against
// one another.
//
// Reads only; a server may run meanwhile, but what is being written then may be counted as missing. One call
// is for one thread.
#pragma once

#include <string>
#include <vector>

#include "core/env.h"
#include "services/tracking/backing.h"

namespace sallyport::services::tracking {

struct ServerSoundness {
  std::uint64_t entries = 0;    // of the log
  std::uint64_t versions = 0;   // that were promised
  std::uint64_t artifacts = 0;  // whose bytes hash to their names
  std::uint64_t bytes = 0;
  std::vector<std::string> problems = {};  // one line each; none: sound
};
// An Error when `root` is not a server's folder or could not be read.
Result<ServerSoundness> check_server(Env& env, const fs::path& root, const Backing& backing = {});

}  // namespace sallyport::services::tracking
