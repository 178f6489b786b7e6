// The sandbox: runs one command that is not trusted, and reports what it did and what it was kept from doing.
//
// The command sees a root of its own: the system's programs and libraries read-only, a scratch /tmp, a
// minimal /dev, /proc and /etc, and the binds that its Confinement lists. It has no network, no capability,
// no way to gain one, no descriptor and no environment variable that was not given. Layers, each of which
// holds alone: user, mount, pid, ipc, uts, cgroup and empty network namespaces; Landlock; seccomp;
// no_new_privs; cgroup (v1 and v2) and resource limits. When a limit is hit, the caller dies or the command
// ends, every process of the sandbox is killed.
//
// Needs mount and pid namespaces (as root, or as anyone where user namespaces are allowed) and seccomp;
// without them run() is an Error. Everything else that this kernel lacks is listed in Outcome::degraded.
//
// Limits of the method: the kernel is shared, so a kernel exploit escapes; disk use and, without cgroups,
// memory and cpu use are sampled, so that they can be exceeded by what fits between two samples; a socket
// file inside a bind can be spoken to when LocalSockets::kAny is given.
//
// Thread rule: any number of threads may call run(); each call blocks its thread until the command's whole
// tree is gone.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/digest.h"
#include "core/json.h"
#include "core/result.h"

namespace sallyport::services::sandbox {

enum class Access : std::uint8_t { kRead, kWrite };

// A file or directory of the host, with all that is mounted below it, as the command sees it.
struct Bind {
  std::filesystem::path host;
  std::string inside;  // absolute; parents are made
  Access access = Access::kRead;
};

// Code that was not there when the command started.
enum class NewCode : std::uint8_t {
  kDeny,  // no memory that is or was writable becomes executable, no written file is executed
  // Just-in-time compilers and callbacks from C into Python work: LibTorch, OpenVINO and scikit-learn need
  // it.
  kInMemory,
  kAnywhere,  // files that it wrote may be executed too: compile and run
};

enum class LocalSockets : std::uint8_t {
  kPairs,  // socketpair alone
  kAny,    // AF_UNIX sockets with names, for programs of several processes
};

enum class Network : std::uint8_t {
  kNone,
  kBroker,  // a loopback of its own, where one TCP port is answered by the caller, from outside (Watch)
};
inline constexpr std::uint16_t kBrokerPort = 3128;

struct Limits {
  double wall_s = 3600;
  double cpu_s = 3600;  // of all processes together
  std::uint64_t memory_bytes = 4ULL << 30U;
  int processes = 256;                        // threads count
  std::uint64_t disk_bytes = 16ULL << 30U;    // in the writable binds together, and of any one file
  std::uint64_t scratch_bytes = 1ULL << 30U;  // in /tmp, and again in /dev/shm
  std::uint64_t output_bytes = 16ULL << 20U;  // of standard output, and again of standard error
  int open_files = 1024;
};

// A descriptor of the caller's that the command gets under the number `inside`.
struct Inherited {
  int host = -1;
  int inside = -1;
};

struct Confinement {
  // The program is looked up in PATH of `environment`, or in /usr/bin and /bin.
  std::vector<std::string> command = {};
  std::vector<std::pair<std::string, std::string>> environment = {};
  // Names of variables whose values are attested in no form: whoever has a digest of a value can try guesses
  // at it.
  std::vector<std::string> secrets = {};
  std::string cwd = "/tmp";
  std::vector<Bind> binds = {};
  // The programs that may be executed beside the command's own and the interpreters that first lines name:
  // each a name that is looked up as the command is, or an absolute path inside. Nothing else is then
  // executed, and of the system's files no program but those is mapped as code. Absent: every program in
  // sight.
  std::optional<std::vector<std::string>> executes = {};
  // Paths inside the binds that are covered by something empty: /project/.sallyport. They may be absent.
  std::vector<std::string> hidden = {};
  Limits limits = {};
  Network network = Network::kNone;
  NewCode new_code = NewCode::kDeny;
  LocalSockets local_sockets = LocalSockets::kPairs;
  std::vector<Inherited> inherited = {};  // standard input is /dev/null unless one of these is number 0
  // Host files that receive the streams; empty: only the callback sees them. They are created or emptied.
  std::filesystem::path stdout_file = {};
  std::filesystem::path stderr_file = {};
};

enum class Stream : std::uint8_t { kOut, kErr };

// What the caller may watch while the command runs. `on_start` is called once the sandbox has its own copies
// of all descriptors, with what is lacking as far as it is known by then. `on_line` is called on the thread
// that called run(), without the newline and for at most the first limits.output_bytes of a stream; a line is
// cut at 64 KiB.
struct Watch {
  std::function<void(const std::vector<std::string>& degraded)> on_start = {};
  std::function<void(Stream, std::string_view)> on_line = {};
  // Called before the command starts, with the socket that listens at kBrokerPort of Network::kBroker, which
  // the callee then owns. Its Error ends the run.
  std::function<Result<void>(int listening)> on_listening = {};
  int cancel = -1;  // a descriptor; when it becomes readable the tree is killed
  // About ten times a second and before lines, with the processor time of all processes so far; false kills
  // the tree (Limit::kBand).
  std::function<bool(double cpu_s)> on_use = {};
};

enum class Limit : std::uint8_t {
  kNone,
  kWall,
  kCpu,
  kMemory,
  kProcesses,
  kDisk,
  kDenials,
  kCancelled,
  kBand
};
std::string_view name_of(Limit limit);

// What the command tried and was refused: "socket(AF_INET)", "ptrace", "open /etc/shadow", "execute
// /usr/bin/id". The C library asks
// a name-service daemon for users by itself, so that "socket(AF_UNIX)" is seen in honest runs.
struct Denial {
  std::string what;
  std::uint64_t count = 0;
};

// A program that Confinement::executes allows, as it was on this host when the command started.
struct Executable {
  std::string path;  // inside, links followed
  Digest digest = {};
  bool executed = false;  // always false where refusals cannot be notified
};

struct Outcome {
  int exit_status = -1;  // -1 when a signal or a limit ended it
  int signal = 0;
  Limit limit = Limit::kNone;
  double wall_s = 0;
  double cpu_s = 0;
  std::uint64_t memory_peak_bytes = 0;    // 0 when this kernel could not say
  std::vector<Denial> denials = {};       // sorted by name
  std::vector<Executable> programs = {};  // sorted by path
  // Sorted: each mechanism that this kernel lacked, and what that loosens.
  std::vector<std::string> degraded = {};
  bool output_cut = false;  // more than limits.output_bytes was written to a stream
  Digest confinement = {};  // digest_of the confinement

  bool succeeded() const { return exit_status == 0; }
};

// Runs the command to its end. Error when the confinement is malformed, a path of the host is missing, or the
// sandbox cannot be built as promised: then nothing ran. A command that cannot be executed is an Error too.
Result<Outcome> run(const Confinement& confinement, const Watch& watch = {});

// What is attested: everything that decides what the command can do, without the places on the host where
// binds and streams live, so that the same step has the same digest on every machine. Values of environment
// variables are replaced by their digests, and those of secrets left out.
Json to_json(const Confinement& confinement);
Digest digest_of(const Confinement& confinement);

// {"exit_status","signal","limit","denials":[{"what","count"}],"programs":[{"path","sha256","executed"}],
// "degraded","confinement"}: the part of an outcome that does not depend on the clock. No member "programs"
// where the confinement lists none.
Json to_json(const Outcome& outcome);

}  // namespace sallyport::services::sandbox
