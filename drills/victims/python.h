// A victim that is the real thing: Python, run on a script of ours, confined.
//
// The script sees the drill's folder at /work, writable, as its working folder, and has neither network nor
// anything else of the host: whatever a drill's payload would do, it does there. For any number of threads.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "drills/drill.h"

namespace sallyport::drills::victims {

// Runs `script` with `arguments` and waits for its end, however it ends. Error when Python could not be
// started.
Result<void> run_python(World& world, std::string_view script, const std::vector<std::string>& arguments);

}  // namespace sallyport::drills::victims
