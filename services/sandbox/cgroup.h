// A control group of its own for one sandbox: limits of memory and processes, and the count of what was used.
//
// Version 1 and version 2 hierarchies, and mixtures of both. What this machine or this user has no controller
// for is reported as missing and left to resource limits and samples. A group exists from make() to the
// destructor, which removes it; groups that a killed caller left behind are removed by the next make().
//
// Thread rule: one thread at a time for one Group; any number of Groups at once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "services/sandbox/fd.h"
#include "services/sandbox/sandbox.h"

namespace sallyport::services::sandbox::detail {

// A mounted hierarchy, and the group of this process in it.
struct Hierarchy {
  bool unified = false;                  // version 2
  std::vector<std::string> controllers;  // version 1
  std::filesystem::path mount;
  std::filesystem::path own;
};

// From the texts of /proc/self/mountinfo and /proc/self/cgroup.
std::vector<Hierarchy> parse_hierarchies(std::string_view mountinfo, std::string_view cgroup);

// Removes the groups below `parent` whose callers are gone: killed before they could tidy up.
void sweep(const std::filesystem::path& parent);

class Group {
 public:
  // Never fails: a group without any controller is a group that counts nothing.
  static Group make(const Limits& limits);
  static Group none() { return Group(); }
  ~Group();
  Group(Group&&) = default;
  Group& operator=(Group&&) = delete;

  // How a process gets in without waiting for a grace period of the kernel, which would take some
  // milliseconds: it writes "0" to the open `tasks` files of version 1 itself, and is cloned into the group
  // of version 2.
  std::vector<int> tasks() const;
  int into() const { return into_.get(); }
  // When cloning into the group was refused: as if there had been no version 2.
  void leave_unified();

  bool limits_memory() const { return memory_.found; }
  bool limits_processes() const { return processes_.found; }
  bool counts_cpu() const { return cpu_.found; }
  // "v1: cpuacct memory pids"
  std::string summary() const;

  struct Usage {
    std::uint64_t cpu_ns = 0;
    std::uint64_t memory_peak_bytes = 0;
    bool out_of_memory = false;
    bool out_of_processes = false;
  };
  Usage usage() const;

 private:
  struct Part {
    bool found = false;
    bool unified = false;
    Fd usage = {};  // what usage() reads
    Fd events = {};
  };

  Group() = default;
  // The folder of this group in a hierarchy, made when it is not there yet; empty when it may not be made.
  std::filesystem::path folder_in(const std::filesystem::path& parent);
  void place(const std::vector<Hierarchy>& hierarchies, const Limits& limits);
  void place_unified(const Hierarchy& hierarchy, const Limits& limits);
  void limit_memory(const std::filesystem::path& folder, bool unified, const Limits& limits);
  void limit_processes(const std::filesystem::path& folder, bool unified, const Limits& limits);
  void count_cpu(const std::filesystem::path& folder, bool unified);

  std::string name_;
  Part memory_;
  Part processes_;
  Part cpu_;
  std::vector<Fd> tasks_;
  Fd into_;
  std::vector<std::filesystem::path> folders_;
};

}  // namespace sallyport::services::sandbox::detail
