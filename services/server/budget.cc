#include "services/server/budget.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace sallyport::services::server {
namespace {

constexpr const char* kEverybodyElse = "(everybody else)";

std::int64_t steady_us() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

}  // namespace

Error Budget::refusal(std::string reason, double wait_s) {
  ++refused_;
  const auto whole_s = static_cast<std::int64_t>(std::ceil(std::clamp(wait_s, 1.0, 3600.0)));
  return {ErrorKind::kLimit, "budget: " + std::move(reason),
          "try again in " + std::to_string(whole_s) + " s"};
}

// An identity that nobody has a contract for gets an account of its own while there is room.
std::string Budget::account_name(const std::string& identity) {
  const bool known = options_.contracts.contains(identity) || accounts_.contains(identity);
  return known || accounts_.size() < kIdentitiesMax ? identity : kEverybodyElse;
}

Budget::Account& Budget::account_of(const std::string& name, std::int64_t now_us) {
  auto found = accounts_.find(name);
  if (found == accounts_.end()) {
    const auto contract = options_.contracts.find(name);
    Account account{.contract = contract == options_.contracts.end() ? options_.unknown : contract->second};
    account.tokens = account.contract.burst_units;
    account.filled_us = now_us;
    found = accounts_.emplace(name, std::move(account)).first;
  }
  Account& account = found->second;
  const double elapsed_s = static_cast<double>(std::max<std::int64_t>(now_us - account.filled_us, 0)) * 1e-6;
  account.tokens =
      std::min(account.tokens + elapsed_s * account.contract.units_per_s, account.contract.burst_units);
  account.filled_us = std::max(account.filled_us, now_us);
  return account;
}

// An account that is full again and has nothing in flight is as good as a new one.
void Budget::evict_idle(std::int64_t now_us) {
  if (now_us - evicted_us_ < 1'000'000) return;
  evicted_us_ = now_us;
  for (auto entry = accounts_.begin(); entry != accounts_.end();) {
    const Account& account = account_of(entry->first, now_us);
    const bool idle = account.in_flight == 0 && account.tokens >= account.contract.burst_units;
    entry = idle ? accounts_.erase(entry) : std::next(entry);
  }
}

double Budget::weight_of(const std::string& tenant) const {
  const auto weight = options_.weights.find(tenant);
  return weight == options_.weights.end() ? 1.0 : std::max(weight->second, 0.01);
}

Result<std::uint64_t> Budget::enqueue(const std::string& identity, double predicted_units,
                                      std::int64_t now_us) {
  if (accounts_.size() >= kIdentitiesMax) evict_idle(now_us);
  const std::string name = account_name(identity);
  Account& account = account_of(name, now_us);
  const double units = std::max(predicted_units, 0.0);
  if (units > options_.units_max)
    return std::unexpected(refusal("the request is larger than any that we run", 3600));
  if (account.in_flight >= account.contract.in_flight_max) {
    return std::unexpected(refusal("too many requests in flight", 1));
  }
  if (account.tokens < units) {
    return std::unexpected(refusal("used up", (units - account.tokens) / account.contract.units_per_s));
  }
  Queue& queue = queues_[account.contract.tenant];
  if (queue.tickets.size() >= options_.queue_length_max)
    return std::unexpected(refusal("the queue is full", 1));
  account.tokens -= units;
  ++account.in_flight;
  const std::uint64_t ticket = next_ticket_++;
  tickets_[ticket] = {
      .account = name, .tenant = account.contract.tenant, .predicted = units, .enqueued_us = now_us};
  queue.tickets.push_back(ticket);
  if (!queue.active) round_.push_back(account.contract.tenant);
  queue.active = true;
  return ticket;
}

std::optional<std::uint64_t> Budget::next() {
  if (running_ >= options_.slots) return std::nullopt;
  while (!round_.empty()) {
    Queue& queue = queues_[round_.front()];
    if (queue.tickets.empty()) {
      queue = {};
      round_.pop_front();
      continue;
    }
    Ticket& ticket = tickets_[queue.tickets.front()];
    if (queue.deficit >= ticket.predicted) {
      const std::uint64_t id = queue.tickets.front();
      queue.deficit -= ticket.predicted;
      queue.tickets.pop_front();
      ticket.running = true;
      ++running_;
      return id;
    }
    queue.deficit += options_.quantum_units * weight_of(round_.front());
    std::rotate(round_.begin(), round_.begin() + 1, round_.end());
  }
  return std::nullopt;
}

std::vector<std::uint64_t> Budget::take_expired(std::int64_t now_us) {
  std::vector<std::uint64_t> out;
  for (auto& [tenant, queue] : queues_) {
    while (!queue.tickets.empty()) {
      const auto ticket = tickets_.find(queue.tickets.front());
      if (now_us - ticket->second.enqueued_us < options_.wait_us_max) break;
      out.push_back(ticket->first);
      give_back(ticket->second);
      tickets_.erase(ticket);
      queue.tickets.pop_front();
      ++refused_;
    }
  }
  return out;
}

// What did not run costs nothing.
void Budget::give_back(const Ticket& ticket) {
  Account& account = accounts_[ticket.account];
  --account.in_flight;
  account.tokens = std::min(account.tokens + ticket.predicted, account.contract.burst_units);
}

void Budget::abandon(std::uint64_t id) {
  const auto ticket = tickets_.find(id);
  if (ticket == tickets_.end() || ticket->second.running || ticket->second.finished) return;
  std::erase(queues_[ticket->second.tenant].tickets, id);
  give_back(ticket->second);
  tickets_.erase(ticket);
}

void Budget::finish(std::uint64_t id, double used_units, std::int64_t now_us) {
  const auto found = tickets_.find(id);
  if (found == tickets_.end() || !found->second.running) return;
  Ticket& ticket = found->second;
  ticket.running = false;
  ticket.finished = true;
  --running_;
  // The bucket may go below nothing: then its owner waits until it has paid.
  const double overrun = std::max(used_units, 0.0) - ticket.predicted;
  account_of(ticket.account, now_us).tokens -= overrun;
  if (overrun > 0) queues_[ticket.tenant].deficit -= overrun;
}

void Budget::deliver(std::uint64_t id) {
  const auto ticket = tickets_.find(id);
  if (ticket == tickets_.end() || !ticket->second.finished) return;
  --accounts_[ticket->second.account].in_flight;
  tickets_.erase(ticket);
}

double Budget::allowed_units(std::uint64_t id) const {
  const auto ticket = tickets_.find(id);
  if (ticket == tickets_.end()) return 0;
  // Below a unit a prediction is too coarse to be held against a request.
  return std::min(options_.units_max, std::max(ticket->second.predicted, 1.0) * options_.overrun_max);
}

std::uint64_t Budget::waiting() const {
  std::uint64_t count = 0;
  for (const auto& [tenant, queue] : queues_) count += queue.tickets.size();
  return count;
}

double CostModel::predict(std::size_t bytes) const {
  constexpr double kRequestUnits = 0.1;
  return kRequestUnits + units_per_byte_.load(std::memory_order_relaxed) * static_cast<double>(bytes);
}

// A slow average, and never below what reading alone costs: one cheap request does not make the next ones
// free.
void CostModel::learn(std::size_t bytes, double units) {
  constexpr double kShare = 0.05, kReadingUnitsPerByte = 1e-5, kMostUnitsPerByte = 1e-1;
  const double seen = std::clamp(units / static_cast<double>(std::max<std::size_t>(bytes, 1)),
                                 kReadingUnitsPerByte, kMostUnitsPerByte);
  const double old = units_per_byte_.load(std::memory_order_relaxed);
  units_per_byte_.store(old + kShare * (seen - old), std::memory_order_relaxed);
}

Turn::Turn(Turn&& other) noexcept
    : turnstile_(std::exchange(other.turnstile_, nullptr)),
      ticket_(other.ticket_),
      allowed_ms_(other.allowed_ms_),
      started_us_(other.started_us_),
      finished_(other.finished_) {}

Turn::~Turn() {
  if (turnstile_ == nullptr) return;
  finished();
  turnstile_->deliver(ticket_);
}

void Turn::finished() {
  if (!finished_) turnstile_->finish(ticket_, started_us_);
  finished_ = true;
}

Result<Turn> Turnstile::enter(const std::string& identity, double predicted_units) {
  std::unique_lock lock(mutex_);
  const std::uint64_t ticket = TRY(budget_.enqueue(identity, predicted_units, steady_us()));
  while (!called_.contains(ticket)) {
    call_next(steady_us());
    if (called_.contains(ticket)) break;
    // Waking now and then is how a request that nobody calls finds that it waited too long.
    called_changed_.wait_for(lock, std::chrono::milliseconds(50));
  }
  const bool called = called_.at(ticket);
  called_.erase(ticket);
  if (!called) return fail(ErrorKind::kLimit, "budget: waited too long for a turn", "try again in 1 s");
  const auto allowed_ms = static_cast<std::int64_t>(std::ceil(budget_.allowed_units(ticket)));
  return Turn(this, ticket, allowed_ms, steady_us());
}

void Turnstile::call_next(std::int64_t now_us) {
  bool changed = false;
  for (const std::uint64_t expired : budget_.take_expired(now_us)) {
    called_[expired] = false;
    changed = true;
  }
  while (const auto ticket = budget_.next()) {
    called_[*ticket] = true;
    changed = true;
  }
  // Only then: waiting threads come here too, and would wake one another for ever.
  if (changed) called_changed_.notify_all();
}

void Turnstile::finish(std::uint64_t ticket, std::int64_t started_us) {
  const std::lock_guard lock(mutex_);
  const std::int64_t now_us = steady_us();
  budget_.finish(ticket, static_cast<double>(now_us - started_us) * 1e-3, now_us);
  call_next(now_us);
}

void Turnstile::deliver(std::uint64_t ticket) {
  const std::lock_guard lock(mutex_);
  budget_.deliver(ticket);
}

Turnstile::Load Turnstile::load() const {
  const std::lock_guard lock(mutex_);
  return {.running = budget_.running(), .waiting = budget_.waiting(), .refused = budget_.refused()};
}

}  // namespace sallyport::services::server
