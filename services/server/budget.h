// Who may use how much of the machine: budgets in predicted compute units, hard caps, fair turns between
// tenants.
//
// A unit is one millisecond of one slot, as the model's cost predicts it. Every identity has a token bucket;
// a request is charged what it is predicted to cost when it is admitted and the rest when it has run, so a
// request that was cheaper to ask than to answer is paid for by the next ones. Tenants take turns by deficit
// round robin (Shreedhar and Varghese, 1996), weighted, in units: fifty identities of one tenant have that
// tenant's share. A request that runs over its cap is to be cancelled: allowed_units() says where. Identities
// that are not known share one contract and one tenant; beyond kIdentitiesMax of them, one bucket.
//
// Budget takes its time from the caller and is for one thread at a time. Turnstile is Budget with a lock and
// the machine's clock: a request's thread waits in it for its turn. It is safe from any thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"

namespace sallyport::services::server {

struct UsageContract {
  std::string tenant = "anonymous";
  double units_per_s = 200;
  double burst_units = 100;
  int in_flight_max = 8;
};

struct BudgetOptions {
  int slots = 2;  // requests that run at once
  // Of one request. What is predicted above it is refused, what runs above it is cancelled.
  double units_max = 50;
  double overrun_max = 4;  // a request may cost this many times what was predicted
  std::int64_t wait_us_max = 2'000'000;
  std::size_t queue_length_max = 256;  // of one tenant
  double quantum_units = 5;
  UsageContract unknown = {};
  std::map<std::string, UsageContract> contracts = {};  // by identity
  std::map<std::string, double> weights = {};           // by tenant; 1 when absent
};

inline constexpr std::size_t kIdentitiesMax = 10'000;

class Budget {
 public:
  explicit Budget(BudgetOptions options) : options_(std::move(options)) {}

  // A place in the queue, or kLimit with the reason and, as the hint, when to try again.
  Result<std::uint64_t> enqueue(const std::string& identity, double predicted_units, std::int64_t now_us);
  // The request that runs next, when a slot is free; nothing otherwise.
  std::optional<std::uint64_t> next();
  // Requests that waited too long; they are gone from the queue and need no finish.
  std::vector<std::uint64_t> take_expired(std::int64_t now_us);
  // A running request ended, or was cancelled, after `used_units`: its slot is free, its bucket settled.
  void finish(std::uint64_t ticket, double used_units, std::int64_t now_us);
  // Its answer was taken, or its client is gone. Until then it counts as in flight, but holds no slot.
  void deliver(std::uint64_t ticket);
  // Gives up a place in the queue, for a client that went away.
  void abandon(std::uint64_t ticket);

  // Where a running request is to be cancelled.
  double allowed_units(std::uint64_t ticket) const;
  int running() const { return running_; }
  std::uint64_t refused() const { return refused_; }
  std::uint64_t waiting() const;

 private:
  struct Account {
    UsageContract contract;
    double tokens = 0;
    std::int64_t filled_us = 0;
    int in_flight = 0;
  };
  struct Ticket {
    std::string account;
    std::string tenant;
    double predicted = 0;
    std::int64_t enqueued_us = 0;
    bool running = false;
    bool finished = false;
  };
  struct Queue {
    std::deque<std::uint64_t> tickets;
    double deficit = 0;
    bool active = false;
  };

  std::string account_name(const std::string& identity);
  Account& account_of(const std::string& name, std::int64_t now_us);
  void evict_idle(std::int64_t now_us);
  double weight_of(const std::string& tenant) const;
  void give_back(const Ticket& ticket);
  Error refusal(std::string reason, double wait_s);

  BudgetOptions options_;
  std::map<std::string, Account> accounts_;
  std::map<std::uint64_t, Ticket> tickets_;
  std::map<std::string, Queue> queues_;
  std::deque<std::string> round_;  // tenants with somebody waiting, in the order of their turns
  std::uint64_t next_ticket_ = 1;
  std::uint64_t refused_ = 0;
  std::int64_t evicted_us_ = 0;
  int running_ = 0;
};

// What a request will cost, from its size: the model's measured cost per byte, with a floor for the request
// itself. Safe from any thread; an update may be lost to another, which the next one makes good.
class CostModel {
 public:
  double predict(std::size_t bytes) const;
  // What a request of that size did cost.
  void learn(std::size_t bytes, double units);

 private:
  std::atomic<double> units_per_byte_{1e-4};
};

class Turnstile;

// A turn that was given. Destroying it ends the request as delivered.
class Turn {
 public:
  Turn(Turn&& other) noexcept;
  Turn& operator=(Turn&&) = delete;
  ~Turn();
  // The work is done; the slot goes to the next request while the answer is still being sent.
  void finished();
  // How long the work may take: a unit is a millisecond.
  std::int64_t allowed_ms() const { return allowed_ms_; }

 private:
  friend class Turnstile;
  Turn(Turnstile* turnstile, std::uint64_t ticket, std::int64_t allowed_ms, std::int64_t started_us)
      : turnstile_(turnstile), ticket_(ticket), allowed_ms_(allowed_ms), started_us_(started_us) {}

  Turnstile* turnstile_;
  std::uint64_t ticket_;
  std::int64_t allowed_ms_;
  std::int64_t started_us_;
  bool finished_ = false;
};

class Turnstile {
 public:
  explicit Turnstile(BudgetOptions options) : budget_(std::move(options)) {}

  // Waits for its turn; kLimit when there is none for it.
  Result<Turn> enter(const std::string& identity, double predicted_units);

  struct Load {
    int running = 0;
    std::uint64_t waiting = 0;
    std::uint64_t refused = 0;
  };
  Load load() const;

 private:
  friend class Turn;
  void call_next(std::int64_t now_us);
  void finish(std::uint64_t ticket, std::int64_t started_us);
  void deliver(std::uint64_t ticket);

  mutable std::mutex mutex_;
  std::condition_variable called_changed_;
  Budget budget_;
  std::map<std::uint64_t, bool> called_;  // false: it waited too long
};

}  // namespace sallyport::services::server
