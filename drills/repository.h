// A git repository for a drill, in the folder "repo" of its world, and what the guards of repositories see of
// it. For one thread at a time.
#pragma once

#include <string>
#include <vector>

#include "core/guard.h"
#include "drills/drill.h"

namespace sallyport::drills {

// Runs git there, under a name of the drill's own.
Result<void> git(World& world, std::vector<std::string> words);
// All that the folder holds, as one commit.
Result<void> commit(World& world, const std::string& message);

// A drill's `present`: the repository as `sallyport scan` reads it, history included.
Result<Subjects> present_repository(World& world);

}  // namespace sallyport::drills
