// Where the executables and engines of this build are, for the confinements that run them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/result.h"
#include "services/sandbox/sandbox.h"

namespace sallyport::services {

// The executable NAME beside this one: "sallyport-torch". kNotFound, with what to do, when it was not built.
Result<std::filesystem::path> tool(const std::string& name);
// Read-only binds for a tool: its folder, and the folders of the engines that were installed by `./dev
// setup`.
Result<std::vector<sandbox::Bind>> tool_binds();

}  // namespace sallyport::services
