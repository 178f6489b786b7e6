// What happens between the clone and the command: the sandbox's init, process 1 of its own pid namespace.
//
// enter() runs in a copy of a process that may have had many threads, so nothing here allocates, locks or
// throws: the plan is made whole before the clone, and the outcome is left in a page that both sides share.
// The command never holds that page: it is gone with the execve.
#pragma once

#include <linux/filter.h>
#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "services/sandbox/sandbox.h"

namespace sallyport::services::sandbox::detail {

// The user that the command is, inside; outside it is the caller, or nobody when the caller is root.
inline constexpr unsigned kInsideId = 1000;

// One step in building the root, in order. Paths are absolute and are made relative to the new root.
struct Entry {
  enum class Kind : std::uint8_t {
    kFolder,   // a folder in the root
    kText,     // a file with `source` as its text; also the mount point of a bound file
    kLink,     // a symbolic link to `source`
    kBind,     // host path `source`, or `tree` where that was cloned already
    kScratch,  // a tmpfs with the options `source`
    kProc,
    kCover,  // something empty over what is there, or nothing when nothing is there
  };
  Kind kind = Kind::kFolder;
  std::string inside;
  std::string source = {};
  int tree = -1;
  bool writable = false;
  bool executable = false;
  bool device = false;
  bool optional = false;  // a source that is missing is passed over
};

// What Landlock grants below `inside`, reading apart.
struct Grant {
  std::string inside;
  bool write = false;       // files, folders and links
  bool rendezvous = false;  // sockets and FIFOs, which nobody wants among results
  bool execute = false;
  bool device = false;
};

struct Plan {
  static constexpr std::size_t kProgramsMax = 128;

  std::vector<Entry> entries;
  std::vector<Grant> grants;
  std::vector<std::string> decoys;    // opening one is reported
  std::vector<std::string> programs;  // candidates for the command's file, in order
  std::vector<std::string> allowed;   // what may be executed, when `restricted`
  bool restricted = false;            // the confinement lists its programs
  std::vector<std::string> texts;     // what the next two point into
  std::vector<char*> arguments;       // ends with null
  std::vector<char*> environment;     // likewise
  std::string cwd;
  std::vector<std::pair<int, std::uint64_t>> resource_limits;
  std::vector<Inherited> descriptors;  // complete: 0, 1, 2 and those that the caller lists
  std::vector<int> keep;               // what init must not close before its work, sorted
  std::span<const sock_filter> filter;
  std::vector<int> tasks;  // files of cgroups, which init joins by writing "0"
  int proceed = -1;        // the caller writes a byte when ids are mapped
  int lifeline = -1;       // hangs up when the caller is gone
  int handover = -1;       // takes the listening socket of the loopback; -1: there is no loopback
  unsigned user = kInsideId;
  unsigned group = kInsideId;
  bool drop_groups = false;
  bool notify = true;
  bool deny_new_code = false;
  bool sample = false;  // no cgroup counts: init looks at /proc
  int landlock_abi = 0;
  std::uint64_t denials_max = 0;
};

enum class Lack : std::uint8_t { kProc, kHiddenProc, kLandlock, kNewCode, kDecoys, kCount };

// The shared page. Init alone writes it, once the command runs.
struct Report {
  static constexpr std::size_t kKinds = 64;
  struct Count {
    std::array<char, 56> what;
    std::uint64_t count;
  };

  // Set when the sandbox could not be built: both point into memory that caller and child have in common.
  const char* failed = nullptr;
  const char* failed_on = nullptr;
  int failed_errno = 0;
  int not_executed = 0;  // errno of execve
  std::array<std::atomic<bool>, static_cast<std::size_t>(Lack::kCount)> lacks = {};
  std::atomic<bool> started = false;
  std::atomic<bool> ended = false;
  int wait_status = 0;
  std::uint64_t started_ns = 0;
  std::uint64_t ended_ns = 0;
  std::uint64_t children_cpu_ns = 0;
  std::atomic<std::uint64_t> denials = 0;
  std::atomic<std::uint32_t> kinds = 0;
  std::array<Count, kKinds> counts = {};
  std::array<std::atomic<bool>, Plan::kProgramsMax> executed = {};  // of Plan::allowed
  // What `Plan::sample` asked for, of all processes together.
  std::atomic<std::uint64_t> sampled_cpu_ns = 0;
  std::atomic<std::uint64_t> sampled_bytes = 0;
  std::atomic<std::uint64_t> sampled_bytes_max = 0;
  std::atomic<std::uint64_t> sampled_threads = 0;
};

// Never returns. `report` is shared with the caller.
[[noreturn]] void enter(const Plan& plan, Report& report);

// Parts of enter(), each in a file of its own. They return false when they have set Report::failed.
bool build_root(const Plan& plan, Report& report);
// A /proc that hides nothing, for init's own eyes; -1 when there can be none.
int open_full_proc();
bool restrict_files(const Plan& plan, Report& report);
bool open_loopback(const Plan& plan, Report& report);
// The caller's side: what open_loopback handed over; -1 when init ended before.
int receive_descriptor(int over);

// Notes why the sandbox cannot be built, with the current errno; always false.
bool failed(Report& report, const char* what, const char* on = nullptr);

// The newest Landlock that this kernel has; 0 when it has none.
int landlock_abi();

}  // namespace sallyport::services::sandbox::detail
