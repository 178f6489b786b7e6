#include "services/sandbox/supervise.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>

#include "core/limits.h"
#include "services/sandbox/disk.h"

namespace sallyport::services::sandbox::detail {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr auto kTick = std::chrono::milliseconds(100);

class Supervisor {
 public:
  explicit Supervisor(const Supervision& given)
      : given_(given), limits_(given.confinement.limits), begin_(Clock::now()) {
    for (const Bind& bind : given.confinement.binds) {
      if (bind.access == Access::kWrite) folders_.push_back(bind.host);
    }
  }

  Result<Outcome> run() {
    watch();
    take(out_open_, given_.out);
    take(err_open_, given_.err);
    given_.out.finish(given_.watch);
    given_.err.finish(given_.watch);
    if (error_) return std::unexpected(*error_);
    TRY(built());
    return outcome();
  }

 private:
  void watch() {
    auto next_tick = begin_ + kTick;
    const auto deadline = begin_ + Seconds(limits_.wall_s);
    while (true) {
      std::array<pollfd, 4> ends{pollfd{given_.process, POLLIN, 0},
                                 pollfd{out_open_ ? given_.out.reading() : -1, POLLIN, 0},
                                 pollfd{err_open_ ? given_.err.reading() : -1, POLLIN, 0},
                                 pollfd{limit_ == Limit::kNone ? given_.watch.cancel : -1, POLLIN, 0}};
      const auto now = Clock::now();
      const auto until = std::min<Clock::time_point>(
          next_tick,
          std::chrono::time_point_cast<Clock::duration>(std::max<decltype(deadline)>(deadline, now)));
      const auto wait = std::chrono::ceil<std::chrono::milliseconds>(until - now);
      ::poll(ends.data(), ends.size(), static_cast<int>(std::max<long>(0, wait.count())));
      if (ends[1].revents != 0) take(out_open_, given_.out);
      if (ends[2].revents != 0) take(err_open_, given_.err);
      if (ends[0].revents != 0 || all_gone()) return;
      if (ends[3].revents != 0) stop(Limit::kCancelled);
      if (Clock::now() >= deadline) stop(Limit::kWall);
      if (Clock::now() >= next_tick) next_tick = Clock::now() + std::max<Clock::duration>(kTick, tick());
    }
  }

  // Init notes the end when it has reaped every other process, and its own descriptors close as it leaves:
  // from then on nothing runs in the sandbox, though the kernel needs milliseconds more to take it apart.
  bool all_gone() const { return given_.report.ended && !out_open_ && !err_open_; }

  // Before a line is handed on too, so that whoever watches knows what was spent when it came.
  void tell_use() {
    const auto& on_use = given_.watch.on_use;
    if (on_use && !on_use(static_cast<double>(cpu_ns(given_.group.usage())) * 1e-9)) stop(Limit::kBand);
  }

  void take(bool& open, Capture& capture) {
    if (!open) return;
    tell_use();
    const Result<bool> more = capture.take(given_.watch);
    if (!more && !error_) {
      error_ = more.error();
      kill();
    }
    open = more && *more;
  }

  void kill() { ::syscall(SYS_pidfd_send_signal, given_.process, SIGKILL, nullptr, 0); }

  // Init's death is the death of every process in its namespace.
  void stop(Limit limit) {
    if (limit_ != Limit::kNone) return;
    limit_ = limit;
    kill();
  }

  // Returns how long to wait before looking at the disk's use again is worth it: a fiftieth of the time at
  // most.
  Clock::duration tick() {
    if (const Limit hit = exceeded(); hit != Limit::kNone) stop(hit);
    const auto begin = Clock::now();
    if (disk_full()) stop(Limit::kDisk);
    tell_use();
    return 50 * (Clock::now() - begin);
  }

  bool disk_full() const {
    return !folders_.empty() && bytes_under(folders_, limits_.disk_bytes) > limits_.disk_bytes;
  }

  Limit exceeded() const {
    const Group::Usage usage = given_.group.usage();
    const Report& report = given_.report;
    if (usage.out_of_memory || report.sampled_bytes_max > limits_.memory_bytes) return Limit::kMemory;
    if (usage.out_of_processes) return Limit::kProcesses;
    if (report.sampled_threads > static_cast<std::uint64_t>(limits_.processes)) return Limit::kProcesses;
    if (static_cast<double>(cpu_ns(usage)) > limits_.cpu_s * 1e9) return Limit::kCpu;
    if (report.denials > limits::kSandboxDenialsMax) return Limit::kDenials;
    return Limit::kNone;
  }

  std::uint64_t cpu_ns(const Group::Usage& usage) const {
    const Report& report = given_.report;
    return std::max({usage.cpu_ns, report.sampled_cpu_ns.load(), report.children_cpu_ns});
  }

  Result<void> built() const {
    const Report& report = given_.report;
    if (report.failed != nullptr) {
      std::string message = "sandbox: cannot " + std::string(report.failed);
      if (report.failed_on != nullptr) message += " " + std::string(report.failed_on);
      return fail(ErrorKind::kUnsupported, message + ": " + std::strerror(report.failed_errno));
    }
    if (report.not_executed != 0) {
      const ErrorKind kind = report.not_executed == ENOENT ? ErrorKind::kNotFound : ErrorKind::kInvalid;
      return fail(kind, "sandbox: cannot run " + given_.confinement.command.front() + ": " +
                            std::strerror(report.not_executed));
    }
    if (!report.started && limit_ == Limit::kNone) {
      return fail(ErrorKind::kUnsupported, "sandbox: init ended before the command began");
    }
    return {};
  }

  Outcome outcome() const {
    const Report& report = given_.report;
    const Group::Usage usage = given_.group.usage();
    Outcome outcome{.limit = limit_};
    const int status = report.wait_status;
    if (outcome.limit == Limit::kNone) outcome.limit = exceeded();
    if (outcome.limit == Limit::kNone && report.ended && WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ) {
      outcome.limit = Limit::kDisk;
    }
    if (outcome.limit == Limit::kNone && disk_full()) outcome.limit = Limit::kDisk;
    if (report.ended && WIFSIGNALED(status)) outcome.signal = WTERMSIG(status);
    if (!report.ended) outcome.signal = SIGKILL;
    if (outcome.limit == Limit::kNone && report.ended && WIFEXITED(status))
      outcome.exit_status = WEXITSTATUS(status);
    outcome.wall_s = report.ended ? static_cast<double>(report.ended_ns - report.started_ns) * 1e-9
                                  : Seconds(Clock::now() - begin_).count();
    outcome.cpu_s = static_cast<double>(cpu_ns(usage)) * 1e-9;
    outcome.memory_peak_bytes = std::max(usage.memory_peak_bytes, report.sampled_bytes_max.load());
    for (std::size_t i = 0; i < report.kinds; ++i) {
      outcome.denials.push_back({.what = report.counts[i].what.data(), .count = report.counts[i].count});
    }
    std::sort(outcome.denials.begin(), outcome.denials.end(),
              [](const Denial& a, const Denial& b) { return a.what < b.what; });
    outcome.output_cut = given_.out.cut() || given_.err.cut();
    return outcome;
  }

  const Supervision& given_;
  const Limits& limits_;
  const Clock::time_point begin_;
  std::vector<std::filesystem::path> folders_;
  std::optional<Error> error_;
  Limit limit_ = Limit::kNone;
  bool out_open_ = true;
  bool err_open_ = true;
};

}  // namespace

Result<Outcome> supervise(const Supervision& supervision) { return Supervisor(supervision).run(); }

}  // namespace sallyport::services::sandbox::detail
