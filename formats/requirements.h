// What a project asks its installer for: names, how firmly each is bound to bytes, and where they may come
// from.
//
// Read are pip's requirement files and settings, pyproject.toml (PEP 621, Poetry, uv), Conda environments,
// package.json, npm's lock and .npmrc, leniently, line by line where their grammar allows it. Nothing is
// resolved or fetched. Limits: core/limits/repository.h. Pure functions, safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace sallyport::formats {

struct Requirement {
  std::string name = {};    // normalised (PEP 503): small letters, one dash between parts
  std::string source = {};  // an address, when it does not come from an index
  bool pinned = false;      // to one version
  bool hashed = false;      // to bytes
  std::size_t line = 0;
};

struct PackageIndex {
  std::string address = {};
  bool additional = false;  // beside another one
  bool bound = false;       // to names of its own: a scope, an explicit source
  std::size_t line = 0;
};

struct Requirements {
  enum class Ecosystem : std::uint8_t { kPython, kNpm };
  Ecosystem ecosystem = Ecosystem::kPython;
  std::vector<Requirement> requirements = {};
  std::vector<PackageIndex> indexes = {};
  std::vector<std::size_t> untrusted = {};      // lines that turn the check of a host off
  std::vector<std::size_t> source_builds = {};  // lines that ask for building from source archives
  std::vector<std::pair<std::size_t, std::string>> hooks = {};  // commands that run when it is installed
  bool hashes_required = false;
};

// Whether the file's name says that it is one of these.
bool is_requirements_file(std::string_view path);
// Error when it is broken, or names more packages than limits::kPackagesMax.
Result<Requirements> read_requirements(std::string_view path, std::string_view text);

// PEP 503.
std::string normal_package_name(std::string_view name);
// Whether one insertion, deletion, exchange or swap of neighbours makes one of the other.
bool are_one_edit_apart(std::string_view a, std::string_view b);
// Packages that everyone has heard of, by their normal names.
bool is_known_package(std::string_view name);
// The known package, or one of `pinned`, that `name` could be mistaken for; empty: none.
std::string looks_like(std::string_view name, const std::vector<std::string>& pinned);

}  // namespace sallyport::formats
