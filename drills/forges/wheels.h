// Wheels (PEP 427) of pure Python, as a build makes them. Pure functions, safe from any thread.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace sallyport::drills::forges {

using PythonFiles = std::vector<std::pair<std::string, std::string>>;  // path and text

// With METADATA, WHEEL and a RECORD that is true of every file.
std::string wheel(const std::string& name, const std::string& version, const PythonFiles& files);
// "optim_kit-1.0-py3-none-any.whl"
std::string wheel_name(const std::string& name, const std::string& version);
// "name==version --hash=sha256:...", a line of a lock.
std::string lock_line(const std::string& name, const std::string& version, const std::string& wheel);

}  // namespace sallyport::drills::forges
