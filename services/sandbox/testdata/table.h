// The table of ways out, in and up: what a hostile program tries, that it works without the sandbox, that it
// fails inside, and where the attestation says so.
//
// Shared by the sandbox's tests and its benchmark. For one thread at a time.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "core/result.h"

namespace sallyport::services::sandbox::testing {

struct Trial {
  std::string_view name;
  std::string_view tries;   // "opens a TCP connection to the host"
  std::string attested_as;  // "denied socket(AF_INET)", "limit cpu", "confinement: no such bind"
  bool works_outside = false;
  std::string outside = {};   // what was said there, or why it cannot be tried on this machine
  bool possible = true;  // false: not on this kernel, or not by this user; it then proves nothing
  bool blocked = false;
  bool attested = false;
  std::string inside = {};  // what was said there
};

// Tries all, each in a folder and a sandbox of its own. As root, what would touch the host is tried outside
// in mount, UTS and IPC namespaces of its own. Error when a sandbox could not be built.
Result<std::vector<Trial>> try_all();

}  // namespace sallyport::services::sandbox::testing
