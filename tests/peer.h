// A tool of the ecosystem, from PyPI or npm, for tests and benchmarks, in an environment of its own below the
// build folder.
//
// It is made once, by whichever test comes first; tests of other processes wait for it. Where it cannot be
// made, that is remembered too, so that a machine without PyPI is told once a build and not once a test.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "tests/paths.h"

namespace sallyport::tests {

// The folder whose bin/ has the tool, or an empty path. `packages` are words for pip, without quotes.
inline std::filesystem::path peer(const std::string& name, const std::string& packages) {
  namespace fs = std::filesystem;
  const fs::path base = fs::path(tests::build_dir()) / "peers";
  const fs::path folder = base / name;
  fs::create_directories(base);
  const std::string at = "'" + folder.string() + "'";
  const std::string make = "rm -rf " + at + "; python3 -m venv " + at + " && " + at +
                           "/bin/pip install --quiet --retries 1 --timeout 20 " + packages + " && touch " +
                           at + "/made";
  const std::string once = "flock '" + folder.string() + ".lock' sh -c \"[ -e " + at + "/made ] || [ -e '" +
                           folder.string() + ".absent' ] || { " + make + "; } || touch '" + folder.string() +
                           ".absent'\" >'" + folder.string() + ".log' 2>&1";
  if (std::system(once.c_str()) != 0) return {};
  return fs::exists(folder / "made") ? folder : fs::path();
}

// A package of npm, unpacked and not installed, so that nothing of it runs: the folder of its files, or an
// empty path. `package` is "NAME@VERSION".
inline std::filesystem::path npm_package(const std::string& name, const std::string& package) {
  namespace fs = std::filesystem;
  const fs::path base = fs::path(tests::build_dir()) / "peers", folder = base / name;
  fs::create_directories(base);
  const std::string at = "'" + folder.string() + "'";
  const std::string make = "rm -rf " + at + "; mkdir " + at + " && cd " + at + " && npm pack --silent '" +
                           package + "' && tar xzf *.tgz && touch made";
  const std::string once = "flock '" + folder.string() + ".lock' sh -c \"[ -e " + at + "/made ] || [ -e '" +
                           folder.string() + ".absent' ] || { " + make + "; } || touch '" + folder.string() +
                           ".absent'\" >'" + folder.string() + ".log' 2>&1";
  if (std::system(once.c_str()) != 0) return {};
  return fs::exists(folder / "made") ? folder / "package" : fs::path();
}

}  // namespace sallyport::tests
