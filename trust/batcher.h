// Many who commit at once share one wait for the disk.
//
// Whoever comes while a commit is under way goes into the next batch; the first of a batch carries it out for
// all that are in it. A batch that is refused for what is in it is tried again one by one, so that nobody
// fails for what somebody else asked. Safe from any number of threads; `commit` is called by one at a time.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "core/result.h"

namespace sallyport::trust {

template <class Item, class Done>
class Batcher {
 public:
  // As many results as items, in their order; all of them are durable when it returns.
  using Commit = std::function<Result<std::vector<Done>>(std::span<const Item>)>;
  // Where it makes them not much shorter, batches end at a multiple of `boundary` items, the `before` counted
  // that there are already: a log writes fewer files where its tiles end.
  Batcher(Commit commit, std::size_t batch_max, std::size_t boundary = 1, std::size_t before = 0)
      : commit_(std::move(commit)), batch_max_(batch_max), boundary_(boundary), taken_(before) {}

  // Durable when it returns.
  Result<Done> submit(Item item) {
    std::unique_lock lock(mutex_);
    if (open_.empty() || open_.back()->items.size() >= open_.back()->items_max) {
      open_.push_back(std::make_shared<Batch>(next_items_max()));
    }
    const std::shared_ptr<Batch> batch = open_.back();
    const std::size_t place = batch->items.size();
    batch->items.push_back(std::move(item));
    ++taken_;
    if (place == 0) return lead(lock, *batch);
    if (batch->awaited != 0 && batch->items.size() >= batch->awaited) full_.notify_one();
    lock.unlock();
    batch->done.wait(0);
    return std::move(batch->results[place]);
  }

 private:
  struct Batch {
    explicit Batch(std::size_t max) : items_max(max) {}
    const std::size_t items_max;
    std::vector<Item> items;
    std::vector<Result<Done>> results;  // written before `done` is
    std::size_t awaited = 0;            // how many its leader waits for; 0: it does not wait yet
    std::atomic<int> done = 0;          // an int is what the kernel can wait for
  };

  std::size_t next_items_max() const {
    const std::size_t room = boundary_ - taken_ % boundary_;
    if (room > batch_max_) return batch_max_;
    const std::size_t aligned = room + (batch_max_ - room) / boundary_ * boundary_;
    return aligned < batch_max_ / 4 ? batch_max_ : aligned;
  }

  // Those whose last item was just committed come back soon, and a batch without them would be half as large;
  // whoever is alone waits for nobody.
  void gather(std::unique_lock<std::mutex>& lock, Batch& batch) {
    if (last_batch_ > 1) {
      batch.awaited = std::min(batch.items_max, last_batch_ + batch.items.size() - 1);
      full_.wait_for(lock, kLinger, [&] { return batch.items.size() >= batch.awaited; });
    }
    last_batch_ = batch.items.size();
  }

  Result<Done> lead(std::unique_lock<std::mutex>& lock, Batch& batch) {
    turn_.wait(lock, [&] { return !busy_ && open_.front().get() == &batch; });
    busy_ = true;
    gather(lock, batch);
    open_.pop_front();
    lock.unlock();
    carry_out(batch);
    Result<Done> own = std::move(batch.results.front());
    batch.done = 1;
    batch.done.notify_all();
    lock.lock();
    busy_ = false;
    turn_.notify_all();  // no more wait than there are batches
    return own;
  }

  void carry_out(Batch& batch) {
    const std::span<const Item> items = batch.items;
    batch.results.reserve(items.size());
    const Result<std::vector<Done>> done = commit_(items);
    const bool alone = !done && done.error().kind != ErrorKind::kIo && items.size() > 1;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (alone) {
        batch.results.push_back(only(commit_(items.subspan(i, 1))));
      } else if (done) {
        batch.results.push_back((*done)[i]);
      } else {
        batch.results.push_back(std::unexpected(done.error()));
      }
    }
  }

  static Result<Done> only(Result<std::vector<Done>> done) {
    if (!done) return std::unexpected(done.error());
    return std::move(done->front());
  }

  static constexpr std::chrono::microseconds kLinger{2'000};

  Commit commit_;
  std::size_t batch_max_;
  std::size_t boundary_;
  std::mutex mutex_;
  std::deque<std::shared_ptr<Batch>> open_;  // the last may take more; the others are full
  std::size_t taken_;                        // with those of the past
  std::size_t last_batch_ = 0;
  bool busy_ = false;
  std::condition_variable turn_;
  std::condition_variable full_;
};

}  // namespace sallyport::trust
