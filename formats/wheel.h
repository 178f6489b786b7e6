// Wheels (PEP 427): the archives that Python packages come in, read so that there is one way to read them.
//
// An archive that loaders could read in two ways, a member that RECORD does not name or names with another
// digest, a file of RECORD that is not there and a path that leads out are Errors. Nothing is executed.
// Limits: core/limits/packages.h. Pure; safe from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/digest.h"
#include "core/result.h"

namespace sallyport::formats {

struct WheelName {
  std::string name;  // normalised
  std::string version;
};
// "scikit_learn-1.5.2-cp311-cp311-linux_x86_64.whl"; Error: it is no wheel's name.
Result<WheelName> parse_wheel_name(std::string_view file_name);

struct WheelFile {
  std::string path;  // where it is imported from: `.data/purelib/` and `.data/platlib/` are taken away
  Bytes bytes;
  Digest digest;
};
// In the order of their paths. Scripts, headers and data of `.data/` are checked, and left out.
Result<std::vector<WheelFile>> read_wheel(BytesView bytes);

// Of a path: a file that Python reads and runs whenever it starts, where its folder is a site's (.pth,
// sitecustomize), and code that was compiled before. Neither is needed to import a package.
bool runs_at_start(std::string_view path);
bool is_compiled_python(std::string_view path);

}  // namespace sallyport::formats
