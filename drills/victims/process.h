// An ordinary process in a drill's folder, for tools that a drill needs as they are.
//
// It sees PATH and nothing else of the environment; git reads no configuration but the repository's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "drills/drill.h"

namespace sallyport::drills::victims {

// Runs the command and waits; its exit status, or 128 and the signal. Output goes into `output` in the world,
// or nowhere when that is empty. Error when it could not be started.
Result<int> run_process(World& world, const std::vector<std::string>& command, std::string_view output);

}  // namespace sallyport::drills::victims
