// The parts of the hostile program: each probe is one attempt at a way out, in or up.
//
// For tests alone; a probe works on the test's own targets, which PROBE_* in the environment names.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace probe {

struct Probe {
  std::string_view name;
  bool (*attempt)();  // whether it worked
  bool ends = true;   // by itself, and leaves the next probe a process to run in
};

std::span<const Probe> network();
std::span<const Probe> kernel();
std::span<const Probe> processes();
std::span<const Probe> privileges();
std::span<const Probe> files();
std::span<const Probe> new_code();
std::span<const Probe> loads();

// Why the last attempt failed.
extern std::string why;
// True for what a system call returns when it did what it was asked to; else `why` is the reason.
bool worked(long result);
std::string text_of(const char* variable);
std::string read_all(const std::string& path);
bool writes(const std::string& path);
bool tells_secret(const std::string& path);

}  // namespace probe
