// The packages that a file fixes to one version each: what an installer, an image or an environment holds.
//
// Read are requirement files (names with ==), poetry.lock, uv.lock, pdm.lock, Pipfile.lock,
// package-lock.json, yarn.lock (1 and 2), Conda environments, METADATA of installed Python packages, and the
// databases of dpkg and apk in a root file system. In programs and libraries the banners that well-known
// libraries carry are read as well: a copy that is linked in has no entry in any database. Nothing is
// resolved. Limit: limits::kPackagesMax. Pure functions, safe from any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/result.h"

namespace sallyport::formats {

struct LockedPackage {
  std::string ecosystem = {};  // as OSV names it: "PyPI", "npm", "Debian:12", "Alpine:v3.19"; "" of a banner
  std::string name = {};       // normalised for PyPI; for Debian the source package
  std::string version = {};
  std::size_t line = 0;
};

// Whether the path says that it is one of these; banners are looked for in what `is_program` says.
bool is_lock_file(std::string_view path);
bool is_program(BytesView bytes);

// `release` is the text of etc/os-release of the same root file system, empty when there is none. Error when
// the file is broken or names too many packages.
Result<std::vector<LockedPackage>> read_locked_packages(std::string_view path, std::string_view text,
                                                        std::string_view release);
std::vector<LockedPackage> read_banners(BytesView program);

// "pkg:pypi/name@version" (package-url); empty when the ecosystem has none.
std::string package_url(const LockedPackage& package);

}  // namespace sallyport::formats
