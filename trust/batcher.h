// Many who commit at once share one wait for the disk.
//
// Whoever comes while a commit is under way waits for it and goes into the next; the first of them carries
// that one out for all. A batch that is refused for what is in it is tried again one by one, so that nobody
// fails for what somebody else asked. Safe from any number of threads; `commit` is called by one at a time.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
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
  Batcher(Commit commit, std::size_t batch_max) : commit_(std::move(commit)), batch_max_(batch_max) {}

  // Durable when it returns.
  Result<Done> submit(Item item) {
    Waiter self(std::move(item));
    {
      std::unique_lock lock(mutex_);
      waiting_.push_back(&self);
      if (!busy_) {
        busy_ = true;
        self.leads = true;
      } else if (expected_ != 0 && waiting_.size() >= expected_) {
        full_.notify_one();
      }
      self.woken.wait(lock, [&] { return self.leads || self.done; });
    }
    if (self.leads) lead();
    return std::move(self.result);
  }

 private:
  struct Waiter {
    explicit Waiter(Item of) : item(std::move(of)) {}
    Item item;
    Result<Done> result = fail(ErrorKind::kIo, "batch: not carried out");
    bool leads = false;  // its turn to carry out a batch, its own item in it
    bool done = false;
    std::condition_variable woken;
  };

  // The leader's own item is the first of the batch. Those whose last item was just committed come back soon,
  // and a batch without them would be half as large; whoever is alone waits for nobody.
  void lead() {
    std::vector<Waiter*> batch;
    {
      std::unique_lock lock(mutex_);
      if (last_batch_ > 1) {
        expected_ = std::min(batch_max_, last_batch_ + waiting_.size() - 1);
        full_.wait_for(lock, kLinger, [&] { return waiting_.size() >= expected_; });
        expected_ = 0;
      }
      last_batch_ = std::min(batch_max_, waiting_.size());
      const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(last_batch_);
      batch.assign(waiting_.begin(), end);
      waiting_.erase(waiting_.begin(), end);
    }
    carry_out(batch);
    // Under the lock: a waiter that is told goes, and its memory with it.
    const std::scoped_lock lock(mutex_);
    for (Waiter* waiter : std::span(batch).subspan(1)) {
      waiter->done = true;
      waiter->woken.notify_one();
    }
    busy_ = !waiting_.empty();
    if (!busy_) return;
    waiting_.front()->leads = true;
    waiting_.front()->woken.notify_one();
  }

  void carry_out(std::span<Waiter* const> batch) {
    std::vector<Item> items;
    items.reserve(batch.size());
    for (Waiter* waiter : batch) items.push_back(std::move(waiter->item));
    const Result<std::vector<Done>> done = commit_(items);
    const bool alone = !done && done.error().kind != ErrorKind::kIo && items.size() > 1;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (alone) {
        batch[i]->result = only(commit_(std::span(items).subspan(i, 1)));
      } else if (done) {
        batch[i]->result = (*done)[i];
      } else {
        batch[i]->result = std::unexpected(done.error());
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
  std::mutex mutex_;
  std::deque<Waiter*> waiting_;
  bool busy_ = false;
  std::size_t last_batch_ = 0;
  std::size_t expected_ = 0;  // how many a leader waits for; 0: none does
  std::condition_variable full_;
};

}  // namespace sallyport::trust
