#include "core/hasher_beside.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "core/limits.h"
#include "core/parallel.h"

namespace sallyport {
namespace {

// Up to here a thread costs more than it saves.
constexpr std::size_t kHereBytesMax = 4 * limits::kMiB;
constexpr std::size_t kPieceBytes = 512 * limits::kKiB;
constexpr std::size_t kPiecesMax = 4;

}  // namespace

class HasherBeside::Worker {
 public:
  explicit Worker(Hasher hasher) : hasher_(std::move(hasher)), thread_([this] { run(); }) {}
  ~Worker() { end(); }

  void add(BytesView bytes) {
    while (!bytes.empty()) {
      const BytesView part = bytes.first(std::min(bytes.size(), kPieceBytes - piece_.size()));
      piece_.insert(piece_.end(), part.begin(), part.end());
      bytes = bytes.subspan(part.size());
      if (piece_.size() == kPieceBytes) hand_over();
    }
  }
  Digest finish() {
    hand_over();
    end();
    return hasher_.finish();
  }

 private:
  void hand_over() {
    std::unique_lock hold(mutex_);
    changed_.wait(hold, [this] { return waiting_.size() < kPiecesMax; });
    waiting_.push_back(std::move(piece_));
    piece_ = {};
    if (!spare_.empty()) {
      piece_ = std::move(spare_.back());
      spare_.pop_back();
    }
    piece_.clear();
    changed_.notify_all();
  }
  void end() {
    {
      const std::lock_guard hold(mutex_);
      ended_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
  }
  void run() {
    std::unique_lock hold(mutex_);
    while (true) {
      changed_.wait(hold, [this] { return ended_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      Bytes piece = std::move(waiting_.front());
      hold.unlock();
      hasher_.add(piece);
      hold.lock();
      waiting_.pop_front();
      spare_.push_back(std::move(piece));
      changed_.notify_all();
    }
  }

  Hasher hasher_;  // the thread's, until it has ended
  Bytes piece_;
  std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  std::deque<Bytes> waiting_;
  std::vector<Bytes> spare_;
  bool ended_ = false;
  std::thread thread_;
};

HasherBeside::HasherBeside() = default;
HasherBeside::~HasherBeside() = default;
HasherBeside::HasherBeside(HasherBeside&&) noexcept = default;
HasherBeside& HasherBeside::operator=(HasherBeside&&) noexcept = default;

void HasherBeside::add(BytesView bytes) {
  if (worker_ == nullptr) {
    if (core_count() == 1 || here_ + bytes.size() <= kHereBytesMax) {
      here_ += std::min(bytes.size(), kHereBytesMax);
      return hasher_.add(bytes);
    }
    worker_ = std::make_unique<Worker>(std::move(hasher_));
  }
  worker_->add(bytes);
}

Digest HasherBeside::finish() { return worker_ == nullptr ? hasher_.finish() : worker_->finish(); }

}  // namespace sallyport
