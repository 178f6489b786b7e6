// What names mean in a repository: branches, tags and HEAD, read from git's own files.
//
// Loose references win over packed ones, as for git. A reference that is no plain file, and one in the newer
// reftable format, is not read. Pure but for reading.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "formats/git.h"

namespace sallyport::services::scan {

struct Refs {
  std::map<std::string, formats::git::ObjectId> ids = {};  // "refs/heads/main"
  std::string head_branch = {};                            // "refs/heads/main"; empty when HEAD is detached
  std::optional<formats::git::ObjectId> head = {};
};

Refs read_refs(const std::filesystem::path& git);

// As git has it: a full name, a tag, a branch, a remote's branch, 40 digits; with ~N and ^ behind it. Tags
// are followed to what they name. nullopt: it means nothing here.
std::optional<formats::git::ObjectId> resolve(const Refs& refs, const formats::git::Objects& objects,
                                              std::string_view name);

}  // namespace sallyport::services::scan
