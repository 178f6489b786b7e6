// What this machine offers to the sandbox and the workers, and what still holds where something is missing.
//
// examine() tries each mechanism rather than reading version numbers: a kernel may have it and forbid it. It
// starts short-lived processes and leaves nothing behind. Safe from any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/json.h"
#include "services/sandbox/launch.h"

namespace sallyport::services::sandbox {

enum class Standing : std::uint8_t {
  kPresent,
  kWeaker,   // something is missing; `holds` says what still does
  kMissing,  // what depends on it refuses to run
};
std::string_view name_of(Standing standing);

struct Fact {
  std::string name;  // "landlock"
  Standing standing = Standing::kPresent;
  std::string detail;       // "ABI 7", "v1: memory pids cpuacct"
  std::string holds = {};   // when not present: what still holds, or what refuses
  std::string remedy = {};  // when not present: what to do about it
};

// `binary_folder` is where the workers are looked for: the folder of the running executable.
std::vector<Fact> examine(const std::filesystem::path& binary_folder);

Json to_json(const std::vector<Fact>& facts);

namespace detail {
std::vector<Fact> examine_without(const std::filesystem::path& binary_folder, const Without& without);
}

}  // namespace sallyport::services::sandbox
