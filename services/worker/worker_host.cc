#include "services/worker/worker_host.h"

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "learn/worker.h"

namespace sallyport::services::worker {
namespace {

namespace frames = learn::worker;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kQuotedLines = 6;

int milliseconds_left(Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::max<std::int64_t>(left, 0));
}

// One life of the worker: the thread that is inside sandbox::run, the socket and the way to end it.
class Life {
 public:
  static Result<std::unique_ptr<Life>> start(const Plan& plan) {
    int sockets[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
      return fail(ErrorKind::kIo, plan.name + ": cannot make a socket: " + std::strerror(errno));
    }
    const int cancel = ::eventfd(0, EFD_CLOEXEC);
    if (cancel < 0) {
      ::close(sockets[0]);
      ::close(sockets[1]);
      return fail(ErrorKind::kIo, plan.name + ": cannot make an event: " + std::strerror(errno));
    }
    return std::unique_ptr<Life>(new Life(plan, sockets[0], sockets[1], cancel));
  }
  ~Life() {
    kill();
    ::close(socket_);
    ::close(cancel_);
  }
  Life(const Life&) = delete;
  Life& operator=(const Life&) = delete;

  int socket() const { return socket_; }
  bool ended() const { return ended_; }

  // Ends the tree, waits for it and says how it ended.
  std::string kill() {
    const std::uint64_t one = 1;
    std::ignore = ::write(cancel_, &one, sizeof one);
    if (thread_.joinable()) thread_.join();
    const std::lock_guard lock(mutex_);
    std::string out = end_;
    for (const std::string& line : lines_) out += "\n    " + line;
    return out;
  }

 private:
  Life(const Plan& plan, int socket, int far, int cancel) : socket_(socket), cancel_(cancel) {
    sandbox::Confinement confinement = plan.confinement;
    confinement.inherited.push_back({.host = far, .inside = kWorkerDescriptor});
    thread_ = std::thread([this, far, box = std::move(confinement)] { live(box, far); });
  }

  void live(const sandbox::Confinement& confinement, int far) {
    const sandbox::Watch watch{.on_line = [this](sandbox::Stream, std::string_view line) {
                                 const std::lock_guard lock(mutex_);
                                 lines_.emplace_back(line);
                                 if (lines_.size() > kQuotedLines) lines_.pop_front();
                               },
                               .cancel = cancel_};
    const auto outcome = sandbox::run(confinement, watch);
    {
      const std::lock_guard lock(mutex_);
      if (!outcome) {
        end_ = outcome.error().message;
      } else if (outcome->limit != sandbox::Limit::kNone && outcome->limit != sandbox::Limit::kCancelled) {
        end_ = "it hit its limit of " + std::string(name_of(outcome->limit));
      } else if (outcome->signal != 0 && outcome->limit == sandbox::Limit::kNone) {
        end_ = "it was ended by signal " + std::to_string(outcome->signal);
      } else if (outcome->limit == sandbox::Limit::kNone) {
        end_ = "it ended with status " + std::to_string(outcome->exit_status);
      }
    }
    ended_ = true;
    // Ours until now, since only the command's end may close the connection: a reader then sees its end.
    ::close(far);
  }

  int socket_;
  int cancel_;
  std::mutex mutex_;
  std::string end_;
  std::deque<std::string> lines_;
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

}  // namespace

class WorkerHost::Impl {
 public:
  explicit Impl(Plan plan) : plan_(std::move(plan)) {}

  Result<Reply> call(const Json* header, BytesView payload, int timeout_ms) {
    const Clock::time_point deadline = Clock::now() + std::chrono::milliseconds(timeout_ms);
    const std::unique_lock turn(turn_, deadline);
    if (!turn.owns_lock()) return fail(ErrorKind::kIo, plan_.name + ": busy for " + std::to_string(timeout_ms) + " ms");
    TRY(ensure_started());
    if (header == nullptr) return Reply{};
    return exchange(*header, payload, deadline);
  }
  int starts() const { return starts_; }
  const Plan& plan() const { return plan_; }

 private:
  Result<void> ensure_started() {
    if (life_ && !life_->ended()) return {};
    life_.reset();
    life_ = TRY(Life::start(plan_));
    ++starts_;
    if (plan_.hello.is_null()) return {};
    const Clock::time_point deadline = Clock::now() + std::chrono::milliseconds(plan_.start_timeout_ms);
    auto reply = exchange(plan_.hello, plan_.hello_payload, deadline);
    if (reply) return {};
    life_.reset();
    return std::unexpected(reply.error());
  }

  Result<Reply> exchange(const Json& header, BytesView payload, Clock::time_point deadline) {
    auto sent = frames::write_frame(life_->socket(), header, payload, milliseconds_left(deadline));
    if (!sent) return broken(sent.error());
    auto frame = frames::read_frame(life_->socket(), milliseconds_left(deadline));
    if (!frame) return broken(frame.error());
    if (auto failed = frames::error_of(frame->header); !failed) {
      Error error = failed.error();
      error.kind = ErrorKind::kDenied;
      return within(plan_.name, error);
    }
    return Reply{std::move(frame->header), std::move(frame->payload)};
  }

  // After a broken exchange there is no way back into step: the worker is killed, the next call starts another.
  std::unexpected<Error> broken(const Error& error) {
    const std::string end = life_->kill();
    life_.reset();
    return fail(ErrorKind::kIo, plan_.name + ": " + error.message + (end.empty() ? "" : "; " + end));
  }

  Plan plan_;
  std::timed_mutex turn_;
  std::unique_ptr<Life> life_;
  std::atomic<int> starts_{0};
};

WorkerHost::WorkerHost(Plan plan) : impl_(std::make_unique<Impl>(std::move(plan))) {}
WorkerHost::~WorkerHost() = default;

Result<void> WorkerHost::warm() {
  TRY(impl_->call(nullptr, {}, impl_->plan().start_timeout_ms));
  return {};
}

Result<Reply> WorkerHost::call(const Json& header, BytesView payload, int timeout_ms) {
  return impl_->call(&header, payload, timeout_ms);
}

int WorkerHost::starts() const { return impl_->starts(); }

Json WorkerHost::confinement() const {
  return Json{{"worker", impl_->plan().name},
              {"confinement", sandbox::digest_of(impl_->plan().confinement).hex()}};
}

}  // namespace sallyport::services::worker
