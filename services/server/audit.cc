#include "services/server/audit.h"

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "trust/forward_chain.h"

namespace sallyport::services::server {
namespace {

using trust::ForwardChain;

constexpr const char* kStateFile = "state.json";

// What a restart needs: the chain behind the last synced record, and where that record ends.
struct State {
  ForwardChain chain;
  std::uint64_t answered = 0;
  std::uint64_t segment = 1;
  std::uint64_t offset = 0;
};

std::string spell(const State& state) {
  return pretty({{"sequence", state.chain.sequence},
                 {"key", state.chain.key.hex()},
                 {"previous", state.chain.previous.hex()},
                 {"answered", state.answered},
                 {"segment", state.segment},
                 {"offset", state.offset}});
}

Result<std::uint64_t> get_count(const Json& object, const char* name) {
  const std::int64_t value = TRY(get_int(object, name));
  if (value < 0) return invalid(std::string(name) + " is negative");
  return static_cast<std::uint64_t>(value);
}

Result<State> read_state(Env& env, const fs::path& directory) {
  const Bytes bytes = TRY(env.read_file(directory / kStateFile, limits::kKeyFileBytesMax));
  const Json json = TRY(parse_json(as_text(bytes)));
  TRY(only_members(json, {"sequence", "key", "previous", "answered", "segment", "offset"}));
  return State{.chain = {.sequence = TRY(get_count(json, "sequence")),
                         .key = TRY(Digest::parse(TRY(get_string(json, "key")))),
                         .previous = TRY(Digest::parse(TRY(get_string(json, "previous"))))},
               .answered = TRY(get_count(json, "answered")),
               .segment = TRY(get_count(json, "segment")),
               .offset = TRY(get_count(json, "offset"))};
}

fs::path segment_path(const fs::path& directory, std::uint64_t number) {
  std::string digits = std::to_string(number);
  digits.insert(0, digits.size() < 6 ? 6 - digits.size() : 0, '0');
  return directory / (digits + ".jsonl");
}

// Follows the records that were written after the last sync. What does not verify there was torn by a power
// cut: it is cut off, and `dropped` says how many bytes that were.
Result<std::uint64_t> catch_up(Env& env, const fs::path& directory, State& state) {
  std::uint64_t dropped = 0;
  for (fs::path path = segment_path(directory, state.segment); env.exists(path) || state.offset > 0;) {
    const Bytes bytes = env.exists(path) ? TRY(env.read_file(path, limits::kAuditSegmentBytesMax)) : Bytes{};
    if (bytes.size() < state.offset) {
      return fail(ErrorKind::kDenied,
                  "audit: " + path.filename().string() + " ends before record " +
                      std::to_string(state.chain.sequence) + ", where the key stands: records are missing",
                  "keep the folder as evidence and start a new log elsewhere");
    }
    std::string_view rest = as_text(bytes).substr(state.offset);
    for (std::size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
      const auto record = state.chain.open(rest.substr(0, end));
      if (!record) break;
      if (record->value("kind", "") == "answer") ++state.answered;
      state.offset += end + 1;
      rest.remove_prefix(end + 1);
    }
    if (!rest.empty()) {
      dropped += rest.size();
      TRY(write_durably(env, path, BytesView(bytes).first(state.offset), 0640));
    }
    path = segment_path(directory, state.segment + 1);
    if (!rest.empty() || !env.exists(path)) break;
    ++state.segment;
    state.offset = 0;
  }
  return dropped;
}

}  // namespace

Json to_json(const AuditHead& head) {
  return {{"sequence", head.sequence}, {"chain", head.chain.hex()}, {"answered", head.answered}};
}

class Audit::Impl {
 public:
  Impl(Env& env, fs::path directory, AuditOptions options, std::unique_ptr<FileLock> lock, State state)
      : env_(env), directory_(std::move(directory)), options_(std::move(options)), lock_(std::move(lock)),
        state_(std::move(state)), answered_(state_.answered), start_(std::chrono::steady_clock::now()) {}

  ~Impl() {
    static_cast<void>(stop());
    if (thread_.joinable()) thread_.join();
  }

  Result<void> start(std::uint64_t dropped_bytes) {
    std::array<std::uint8_t, 8> session{};
    env_.random(session);
    TRY(write({{"kind", "start"},
               {"heartbeat_ms", options_.heartbeat_ms},
               {"session", to_hex(session)},
               {"dropped_bytes", dropped_bytes}}));
    TRY(sync());
    if (options_.thread == AuditThread::kOwn) thread_ = std::thread([this] { run(); });
    return {};
  }

  Result<void> append(Json answer) {
    const std::uint64_t mine = TRY(write({{"kind", "answer"}, {"answer", std::move(answer)}}));
    return options_.durability == AuditDurability::kSynced ? sync_past(mine) : Result<void>{};
  }

  void count_answer() { answered_.fetch_add(1, std::memory_order_relaxed); }
  std::uint64_t answered() const { return answered_.load(std::memory_order_relaxed); }

  Result<void> heartbeat() {
    // The count is read first: a record written meanwhile can only put the log ahead of it.
    const std::uint64_t count = answered();
    TRY(write({{"kind", "heartbeat"}, {"answered", count}}));
    return {};
  }

  Result<void> sync() {
    std::uint64_t last = 0;
    {
      const std::lock_guard lock(mutex_);
      last = state_.chain.sequence;
    }
    return sync_past(last);
  }

  Result<void> rotate() {
    TRY(sync());
    const std::lock_guard lock(mutex_);
    return rotate_locked();
  }

  Result<void> stop() {
    {
      const std::lock_guard lock(mutex_);
      if (stopped_) return {};
    }
    TRY(heartbeat());
    TRY(write({{"kind", "stop"}}));
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    changed_.notify_all();
    return sync();
  }

  AuditHead head() const {
    const std::lock_guard lock(mutex_);
    return {.sequence = state_.chain.sequence - 1, .chain = state_.chain.previous, .answered = answered()};
  }

 private:
  std::int64_t uptime_ms() const {
    if (options_.uptime_ms) return options_.uptime_ms();
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start_)
        .count();
  }

  // Hands one record to the operating system; returns the number of records that are written then.
  Result<std::uint64_t> write(Json fields) {
    const std::lock_guard lock(mutex_);
    if (stopped_) return fail(ErrorKind::kDenied, "audit: the log is stopped");
    if (failure_) return std::unexpected(*failure_);
    if (state_.offset >= options_.segment_bytes_max) TRY(rotate_locked());
    return write_locked(std::move(fields));
  }

  Result<std::uint64_t> write_locked(Json fields) {
    fields["time"] = format_time(env_.now_unix_s());
    fields["uptime_ms"] = uptime_ms();
    ForwardChain next = state_.chain;
    const std::string line = next.seal(std::move(fields)) + "\n";
    if (auto written = env_.append(segment_path(directory_, state_.segment), as_bytes(line)); !written) {
      // Half a line may stand there now; the next open() cuts it off. Until then nothing may follow it.
      failure_ = written.error();
      return std::unexpected(written.error());
    }
    state_.chain = next;
    state_.offset += line.size();
    last_write_ms_ = uptime_ms();
    return state_.chain.sequence;
  }

  Result<void> rotate_locked() {
    TRY(env_.sync_file(segment_path(directory_, state_.segment)));
    ++state_.segment;
    state_.offset = 0;
    TRY(write_locked({{"kind", "rotate"}}));
    return {};
  }

  // Returns when `count` records are on disk. One thread syncs for all that wait.
  Result<void> sync_past(std::uint64_t count) {
    std::unique_lock lock(mutex_);
    while (synced_ < count) {
      if (failure_) return std::unexpected(*failure_);
      if (syncing_) {
        changed_.wait(lock);
        continue;
      }
      syncing_ = true;
      State state = state_;
      state.answered = answered();
      lock.unlock();
      const Result<void> done = make_durable(state);
      lock.lock();
      syncing_ = false;
      if (done) synced_ = state.chain.sequence;
      if (!done) failure_ = done.error();
      changed_.notify_all();
    }
    return {};
  }

  // First the records, then the key that follows them: a key without its records would look like a cut tail.
  Result<void> make_durable(const State& state) {
    TRY(env_.sync_file(segment_path(directory_, state.segment)));
    TRY(env_.sync_directory(directory_));
    return write_durably(env_, directory_ / kStateFile, as_bytes(spell(state)), 0600);
  }

  void run() {
    std::unique_lock lock(mutex_);
    while (!stopped_ && !failure_) {
      changed_.wait_for(lock, std::chrono::milliseconds(options_.sync_interval_ms));
      if (stopped_ || failure_) break;
      const bool silent = uptime_ms() - last_write_ms_ >= options_.heartbeat_ms;
      const bool beat = silent || uptime_ms() - last_heartbeat_ms_ >= options_.heartbeat_ms;
      const bool dirty = synced_ < state_.chain.sequence;
      lock.unlock();
      if (beat && heartbeat()) last_heartbeat_ms_ = uptime_ms();
      if (beat || dirty) static_cast<void>(sync());
      lock.lock();
    }
  }

  Env& env_;
  const fs::path directory_;
  const AuditOptions options_;
  const std::unique_ptr<FileLock> lock_;

  mutable std::mutex mutex_;  // guards what follows, but for the atomic
  std::condition_variable changed_;
  State state_;
  std::uint64_t synced_ = 0;
  bool syncing_ = false;
  bool stopped_ = false;
  std::optional<Error> failure_;  // after a failed write or sync nothing more is believed to be durable
  std::int64_t last_write_ms_ = 0;
  std::int64_t last_heartbeat_ms_ = 0;  // of the log's own thread alone

  std::atomic<std::uint64_t> answered_;
  const std::chrono::steady_clock::time_point start_;
  std::thread thread_;
};

Result<Digest> Audit::create(Env& env, const fs::path& directory) {
  TRY(env.make_directories(directory));
  if (env.exists(directory / kStateFile)) {
    return fail(ErrorKind::kDenied, "audit: " + directory.string() + " already holds a log");
  }
  State state;
  env.random(state.chain.key.bytes);
  TRY(write_durably(env, directory / kStateFile, as_bytes(spell(state)), 0600));
  return state.chain.key;
}

Result<std::unique_ptr<Audit>> Audit::open(Env& env, fs::path directory, AuditOptions options) {
  auto lock = TRY(env.lock(directory / "lock"));
  auto state = read_state(env, directory);
  if (!state) return within("audit: " + std::string(kStateFile), state.error());
  const std::uint64_t dropped = TRY(catch_up(env, directory, *state));
  auto impl = std::make_unique<Impl>(env, std::move(directory), std::move(options), std::move(lock), *state);
  TRY(impl->start(dropped));
  return std::unique_ptr<Audit>(new Audit(std::move(impl)));
}

Audit::Audit(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Audit::~Audit() = default;

Result<void> Audit::append(Json fields) { return impl_->append(std::move(fields)); }
void Audit::count_answer() { impl_->count_answer(); }
std::uint64_t Audit::answered() const { return impl_->answered(); }
Result<void> Audit::heartbeat() { return impl_->heartbeat(); }
Result<void> Audit::sync() { return impl_->sync(); }
Result<void> Audit::rotate() { return impl_->rotate(); }
Result<void> Audit::stop() { return impl_->stop(); }
AuditHead Audit::head() const { return impl_->head(); }

}  // namespace sallyport::services::server
