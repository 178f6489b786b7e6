#include "services/worker/worker_host.h"

#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "learn/worker.h"
#include "services/sandbox/fd.h"

namespace sallyport::services::worker {
namespace {

using Clock = std::chrono::steady_clock;
using sandbox::detail::Fd;

// Of what a worker wrote before its end, in messages.
constexpr std::size_t kQuotedLines = 6;
constexpr std::size_t kQuotedBytes = 200;

int left_ms(Clock::time_point until) {
  return static_cast<int>(
      std::max<std::int64_t>(0, std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count()));
}

std::string how_it_ended(const std::optional<Result<sandbox::Outcome>>& end) {
  if (!end) return "";
  if (!*end) return "; " + end->error().message;
  const sandbox::Outcome& outcome = **end;
  std::string text;
  if (outcome.limit == sandbox::Limit::kCancelled) {
    text = "; it was killed";
  } else if (outcome.limit != sandbox::Limit::kNone) {
    text = "; it hit its limit of " + std::string(sandbox::name_of(outcome.limit));
  } else if (outcome.signal != 0) {
    text = "; it died of signal " + std::to_string(outcome.signal);
  } else {
    text = "; it ended with status " + std::to_string(outcome.exit_status);
  }
  for (const sandbox::Denial& denial : outcome.denials) {
    text += ", was refused " + denial.what + " " + std::to_string(denial.count) + " times";
  }
  return text;
}

// One running worker: the thread that confines it, and our end of its socket.
class Running {
 public:
  static Result<std::unique_ptr<Running>> start(const sandbox::Confinement& confinement) {
    std::array<int, 2> pair{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0) {
      return fail(ErrorKind::kIo, "cannot make a socket: " + std::string(std::strerror(errno)));
    }
    auto running = std::make_unique<Running>();
    running->socket_ = Fd(pair[0]);
    running->theirs_ = Fd(pair[1]);
    running->cancel_ = Fd(::eventfd(0, EFD_CLOEXEC));
    if (!running->cancel_) return fail(ErrorKind::kIo, "cannot make an event");
    running->thread_ = std::thread([self = running.get(), confinement] { self->confine(confinement); });
    return running;
  }
  ~Running() { end(); }
  Running() = default;
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  int socket() const { return socket_.get(); }

  std::vector<std::string> degraded() {
    const std::lock_guard lock(mutex_);
    return degraded_;
  }

  bool ended() {
    const std::lock_guard lock(mutex_);
    return end_.has_value();
  }

  // The last lines that it wrote to its streams, each after a line break and blanks.
  std::string last_lines() {
    const std::lock_guard lock(mutex_);
    std::string text;
    for (const std::string& line : lines_) text += "\n    " + line;
    return text;
  }

  // Kills the worker unless it has ended by itself within a moment, so that its own end is what is told.
  std::optional<Result<sandbox::Outcome>> end() {
    if (!thread_.joinable()) return end_;
    {
      std::unique_lock lock(mutex_);
      ended_.wait_for(lock, std::chrono::milliseconds(20), [this] { return end_.has_value(); });
    }
    const std::uint64_t one = 1;
    while (::write(cancel_.get(), &one, sizeof(one)) < 0 && errno == EINTR) {
    }
    thread_.join();
    return end_;
  }

 private:
  void confine(sandbox::Confinement confinement) {
    confinement.inherited.push_back({.host = theirs_.get(), .inside = learn::worker::kDescriptor});
    const sandbox::Watch watch{.on_start =
                                   [this](const std::vector<std::string>& degraded) {
                                     const std::lock_guard lock(mutex_);
                                     degraded_ = degraded;
                                     // Ours alone may be open now, or the worker's end would go unnoticed.
                                     theirs_.reset();
                                   },
                               .on_line =
                                   [this](sandbox::Stream, std::string_view line) {
                                     const std::lock_guard lock(mutex_);
                                     lines_.emplace_back(line.substr(0, kQuotedBytes));
                                     if (lines_.size() > kQuotedLines) lines_.pop_front();
                                   },
                               .cancel = cancel_.get()};
    Result<sandbox::Outcome> end = sandbox::run(confinement, watch);
    const std::lock_guard lock(mutex_);
    theirs_.reset();
    end_ = std::move(end);
    ended_.notify_all();
  }

  Fd socket_;
  Fd theirs_;
  Fd cancel_;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable ended_;
  std::vector<std::string> degraded_;
  std::deque<std::string> lines_;
  std::optional<Result<sandbox::Outcome>> end_;
};

}  // namespace

class WorkerHost::Impl {
 public:
  explicit Impl(Plan plan) : plan_(std::move(plan)) {}

  Result<void> warm() {
    TRY(take_turn(Clock::now() + std::chrono::milliseconds(plan_.start_timeout_ms)));
    const Result<void> done = started();
    give_turn();
    return done;
  }

  Result<Reply> call(const Json& header, BytesView payload, int timeout_ms) {
    const auto until = Clock::now() + std::chrono::milliseconds(timeout_ms);
    TRY(take_turn(until));
    Result<Reply> reply = answered(header, payload, until);
    give_turn();
    return reply;
  }

  int starts() {
    const std::lock_guard lock(mutex_);
    return starts_;
  }

  Json confinement() {
    const std::lock_guard lock(mutex_);
    return {{"worker", plan_.name},
            {"confinement", sandbox::digest_of(plan_.confinement).hex()},
            {"degraded", worker_ ? worker_->degraded() : std::vector<std::string>{}}};
  }

 private:
  Result<void> take_turn(Clock::time_point until) {
    std::unique_lock lock(mutex_);
    if (!free_.wait_until(lock, until, [this] { return !busy_; })) {
      return fail(ErrorKind::kLimit, plan_.name + ": busy with other requests until the time was up");
    }
    busy_ = true;
    return {};
  }
  void give_turn() {
    const std::lock_guard lock(mutex_);
    busy_ = false;
    free_.notify_one();
  }

  // What follows runs in the turn of one caller; `mutex_` is taken only to let others look.
  Result<void> started() {
    if (worker_ && !worker_->ended()) return {};
    drop();
    Result<std::unique_ptr<Running>> made = Running::start(plan_.confinement);
    if (!made) return within(plan_.name, made.error());
    {
      const std::lock_guard lock(mutex_);
      worker_ = std::move(*made);
      ++starts_;
    }
    if (plan_.hello.is_null()) return {};
    const auto until = Clock::now() + std::chrono::milliseconds(plan_.start_timeout_ms);
    const Result<Reply> reply = exchanged(plan_.hello, plan_.hello_payload, until);
    if (reply) return {};
    drop();
    return std::unexpected(reply.error());
  }

  Result<Reply> answered(const Json& header, BytesView payload, Clock::time_point until) {
    TRY(started());
    return exchanged(header, payload, until);
  }

  Result<Reply> exchanged(const Json& header, BytesView payload, Clock::time_point until) {
    namespace frames = learn::worker;
    // What is wrong with the request itself is found before a byte of it is sent.
    const std::string text = header.dump();
    if (!header.is_object() || text.size() > limits::kWorkerHeaderBytesMax) {
      return invalid(plan_.name + ": the header of a request is not an object within kWorkerHeaderBytesMax");
    }
    if (payload.size() > limits::kWorkerPayloadBytesMax) {
      return fail(ErrorKind::kLimit,
                  plan_.name + ": the payload of a request is over kWorkerPayloadBytesMax");
    }
    const Result<void> sent = frames::write_frame(worker_->socket(), header, payload, left_ms(until));
    if (!sent) return broken(sent.error());
    Result<frames::Frame> reply = frames::read_frame(worker_->socket(), left_ms(until));
    if (!reply) return broken(reply.error());
    if (const Result<void> refused = frames::error_of(reply->header); !refused) {
      return within(plan_.name, refused.error());
    }
    return Reply{.header = std::move(reply->header), .payload = std::move(reply->payload)};
  }

  // There is no way back into step with a worker that missed one: it is killed, and the next call gets a new
  // one.
  std::unexpected<Error> broken(const Error& error) {
    const std::unique_ptr<Running> worker = drop();
    const std::string end = how_it_ended(worker->end()) + worker->last_lines();
    const std::string what =
        error.kind == ErrorKind::kNotFound ? "worker: gone without an answer" : error.message;
    return fail(ErrorKind::kIo, plan_.name + ": " + what + end, error.hint);
  }

  std::unique_ptr<Running> drop() {
    const std::lock_guard lock(mutex_);
    return std::move(worker_);
  }

  const Plan plan_;
  std::mutex mutex_;
  std::condition_variable free_;
  bool busy_ = false;
  std::unique_ptr<Running> worker_;
  int starts_ = 0;
};

WorkerHost::WorkerHost(Plan plan) : impl_(std::make_unique<Impl>(std::move(plan))) {}
WorkerHost::~WorkerHost() = default;

Result<void> WorkerHost::warm() { return impl_->warm(); }
Result<Reply> WorkerHost::call(const Json& header, BytesView payload, int timeout_ms) {
  return impl_->call(header, payload, timeout_ms);
}
int WorkerHost::starts() const { return impl_->starts(); }
Json WorkerHost::confinement() const { return impl_->confinement(); }

}  // namespace sallyport::services::worker
