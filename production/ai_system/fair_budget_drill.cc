// serve-resource-exhaustion enacted: fifty identities send maximal requests, sponges that cost far more than
// they look, and requests whose answers they do not take, while one user asks what it always asks.
//
// The work is real, matrices are multiplied, but time is counted in work: a unit is one product and one
// virtual millisecond of a slot. So the figures are the same on a busy machine. The defence is the gateway's
// own Budget.
#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <queue>
#include <random>

#include "drills/drill.h"
#include "services/server/budget.h"

namespace sallyport::production::ai_system {
namespace {

using drills::World;
using services::server::Budget;
using services::server::BudgetOptions;

constexpr std::int64_t kUnitUs = 1000;
constexpr std::int64_t kHorizonUs = 4'000'000;
constexpr int kSlots = 2;
constexpr double kUserUnits = 10;

struct Request {
  std::int64_t at_us = 0;
  std::string identity;
  double predicted = 0;  // units, from its size
  double cost = 0;       // units, as it turns out
  std::int64_t reading_us = 0;
};

struct Load {
  std::vector<Request> requests = {};  // by time
  double p99_ms = 0;
  double baseline_ms = 0;
};

struct Measured {
  std::vector<double> user_ms;
  int refused_user = 0, refused_others = 0, cancelled = 0;
};

// One unit of what a model does.
class Matrices {
 public:
  explicit Matrices(std::uint64_t seed) {
    std::mt19937_64 random(seed);
    for (float& value : a_) value = static_cast<float>(random() % 1000) * 1e-4F;
  }
  void multiply() {
    for (std::size_t i = 0; i < kSide; ++i) {
      for (std::size_t j = 0; j < kSide; ++j) {
        float sum = 0;
        for (std::size_t k = 0; k < kSide; ++k) sum += a_[i * kSide + k] * b_[k * kSide + j];
        c_[i * kSide + j] = sum;
      }
    }
    b_ = c_;
    b_[0] += 1;
  }
  float trace() const { return b_[0]; }

 private:
  static constexpr std::size_t kSide = 24;
  std::array<float, kSide * kSide> a_{}, b_{}, c_{};
};

// A server in virtual time: how it admits and what it runs next is the policy's.
class Server {
 public:
  virtual ~Server() = default;
  virtual bool admit(std::size_t request, const Request& what, std::int64_t now_us) = 0;
  virtual std::optional<std::size_t> next(std::int64_t now_us) = 0;
  virtual double allowed(std::size_t request) = 0;
  // The work is done; `read_us` is when the client will have taken the answer. Returns when the slot is free.
  virtual std::int64_t done(std::size_t request, double units, std::int64_t now_us, std::int64_t read_us) = 0;
  virtual void taken(std::size_t request) = 0;
};

// A thread a request, first come first served, until the answer is read.
class Naive : public Server {
 public:
  bool admit(std::size_t request, const Request&, std::int64_t) override {
    waiting_.push_back(request);
    return true;
  }
  std::optional<std::size_t> next(std::int64_t) override {
    if (waiting_.empty()) return std::nullopt;
    const std::size_t request = waiting_.front();
    waiting_.pop_front();
    return request;
  }
  double allowed(std::size_t) override { return 1e9; }
  std::int64_t done(std::size_t, double, std::int64_t, std::int64_t read_us) override { return read_us; }
  void taken(std::size_t) override {}

 private:
  std::deque<std::size_t> waiting_;
};

class Budgeted : public Server {
 public:
  explicit Budgeted(BudgetOptions options) : budget_(std::move(options)) {}
  bool admit(std::size_t request, const Request& what, std::int64_t now_us) override {
    const auto ticket = budget_.enqueue(what.identity, what.predicted, now_us);
    if (!ticket) return false;
    requests_[*ticket] = request;
    tickets_[request] = *ticket;
    return true;
  }
  std::optional<std::size_t> next(std::int64_t now_us) override {
    budget_.take_expired(now_us);
    const auto ticket = budget_.next();
    return ticket ? std::optional(requests_.at(*ticket)) : std::nullopt;
  }
  double allowed(std::size_t request) override { return budget_.allowed_units(tickets_.at(request)); }
  std::int64_t done(std::size_t request, double units, std::int64_t now_us, std::int64_t) override {
    budget_.finish(tickets_.at(request), units, now_us);
    return now_us;
  }
  void taken(std::size_t request) override { budget_.deliver(tickets_.at(request)); }

 private:
  Budget budget_;
  std::map<std::uint64_t, std::size_t> requests_;
  std::map<std::size_t, std::uint64_t> tickets_;
};

// Runs `requests` against a server until the horizon; what is unanswered then has waited until then.
class Simulation {
 public:
  Simulation(Server& server, const std::vector<Request>& requests, std::uint64_t seed)
      : server_(server), requests_(requests), matrices_(seed), answered_us_(requests.size(), -1) {}

  Measured run() {
    for (std::size_t i = 0; i < requests_.size(); ++i) events_.push({requests_[i].at_us, Kind::kArrives, i});
    while (!events_.empty() && events_.top().at_us <= kHorizonUs) {
      const Event event = events_.top();
      events_.pop();
      handle(event);
      while (free_ > 0) {
        const auto request = server_.next(event.at_us);
        if (!request) break;
        start(*request, event.at_us);
      }
    }
    for (std::size_t i = 0; i < requests_.size(); ++i) {
      if (requests_[i].identity != "user" || refused_.contains(i)) continue;
      const std::int64_t end = answered_us_[i] < 0 ? kHorizonUs : answered_us_[i];
      measured_.user_ms.push_back(static_cast<double>(end - requests_[i].at_us) * 1e-3);
    }
    return measured_;
  }

 private:
  enum class Kind { kArrives, kDone, kSlotFree, kTaken };
  struct Event {
    std::int64_t at_us;
    Kind kind;
    std::size_t request;
    bool operator>(const Event& other) const {
      return std::tie(at_us, kind, request) > std::tie(other.at_us, other.kind, other.request);
    }
  };

  void handle(const Event& event) {
    const Request& request = requests_[event.request];
    if (event.kind == Kind::kArrives && !server_.admit(event.request, request, event.at_us)) {
      refused_[event.request] = true;
      ++(request.identity == "user" ? measured_.refused_user : measured_.refused_others);
    } else if (event.kind == Kind::kDone) {
      answered_us_[event.request] = event.at_us;
      const std::int64_t read_us = event.at_us + request.reading_us;
      events_.push({read_us, Kind::kTaken, event.request});
      events_.push({server_.done(event.request, used_[event.request], event.at_us, read_us), Kind::kSlotFree,
                    event.request});
    } else if (event.kind == Kind::kSlotFree) {
      ++free_;
    } else if (event.kind == Kind::kTaken) {
      server_.taken(event.request);
    }
  }

  // Multiplies until the request is served or has used what it may.
  void start(std::size_t request, std::int64_t now_us) {
    --free_;
    const double allowed = server_.allowed(request);
    double used = 0;
    for (; used < requests_[request].cost && used < allowed; used += 1) matrices_.multiply();
    measured_.cancelled += used < requests_[request].cost ? 1 : 0;
    used_[request] = used;
    events_.push({now_us + static_cast<std::int64_t>(used) * kUnitUs, Kind::kDone, request});
  }

  Server& server_;
  const std::vector<Request>& requests_;
  Matrices matrices_;
  std::vector<std::int64_t> answered_us_;
  std::map<std::size_t, bool> refused_;
  std::map<std::size_t, double> used_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  Measured measured_;
  int free_ = kSlots;
};

double p99(std::vector<double> values) {
  if (values.empty()) return 1e9;
  std::sort(values.begin(), values.end());
  return values[(values.size() - 1) * 99 / 100];
}

std::vector<Request> users_requests() {
  std::vector<Request> out;
  for (std::int64_t at = 5000; at < kHorizonUs - 100'000; at += 25'000) {
    out.push_back({.at_us = at, .identity = "user", .predicted = kUserUnits, .cost = kUserUnits});
  }
  return out;
}

void keep_sorted(World& world, std::vector<Request> requests) {
  std::stable_sort(requests.begin(), requests.end(),
                   [](const Request& a, const Request& b) { return a.at_us < b.at_us; });
  world.state<Load>().requests = std::move(requests);
}

Result<void> attack(World& world) {
  std::mt19937_64 random(world.seed());
  std::vector<Request> requests = users_requests();
  for (int identity = 0; identity < 50; ++identity) {
    const std::string name = "attacker-" + std::to_string(identity);
    for (auto at = static_cast<std::int64_t>(random() % 50'000); at < kHorizonUs;
         at += 20'000 + static_cast<std::int64_t>(random() % 40'000)) {
      switch (identity % 4) {
        case 0: requests.push_back({at, name, 400, 400, 0}); break;       // larger than any honest one
        case 1: requests.push_back({at, name, 20, 20, 0}); break;         // as large as is served
        case 2: requests.push_back({at, name, 1, 300, 0}); break;         // a sponge
        default: requests.push_back({at, name, 2, 2, 3'000'000}); break;  // does not read its answer
      }
    }
  }
  keep_sorted(world, std::move(requests));
  return {};
}

Result<void> honest(World& world) {
  std::mt19937_64 random(world.seed());
  std::vector<Request> requests = users_requests();
  for (std::int64_t at = static_cast<std::int64_t>(random() % 400'000); at < kHorizonUs - 200'000;
       at += 1'000'000) {
    for (int i = 0; i < 10; ++i) requests.push_back({at, "batch-client", 5, 5, 2000});
  }
  keep_sorted(world, std::move(requests));
  return {};
}

// What the user's 99th percentile is without a budget, with the others and alone.
Result<void> victim(World& world) {
  Load& load = world.state<Load>();
  const std::vector<Request> alone = users_requests();
  Naive quiet, busy;
  load.baseline_ms = p99(Simulation(quiet, alone, world.seed()).run().user_ms);
  load.p99_ms = p99(Simulation(busy, load.requests, world.seed()).run().user_ms);
  return {};
}

bool harmed(const World& world) { return world.state<Load>().p99_ms > 5 * world.state<Load>().baseline_ms; }

BudgetOptions contracted() {
  BudgetOptions options;
  options.slots = kSlots;
  options.units_max = 20;
  options.unknown = {.tenant = "anonymous", .units_per_s = 40, .burst_units = 40, .in_flight_max = 4};
  options.contracts["user"] = {
      .tenant = "clinic", .units_per_s = 500, .burst_units = 100, .in_flight_max = 8};
  options.contracts["batch-client"] = {
      .tenant = "lab", .units_per_s = 50, .burst_units = 50, .in_flight_max = 10};
  return options;
}

// The attack counts as refused when attackers were throttled and the user noticed next to nothing; the batch
// client's burst, when any of it was refused or cancelled.
Result<drills::Outcome> defend(World& world) {
  const Load& load = world.state<Load>();
  Naive quiet;
  const double baseline = p99(Simulation(quiet, users_requests(), world.seed()).run().user_ms);
  Budgeted server(contracted());
  const Measured got = Simulation(server, load.requests, world.seed()).run();
  const double user = p99(got.user_ms);
  const int throttled = got.refused_others + got.cancelled;
  const auto whole = [](double value) { return std::to_string(static_cast<int>(value + 0.5)); };
  return drills::Outcome{.refused = throttled > 0 && got.refused_user == 0 && user <= 3.5 * baseline,
                         .why = std::to_string(got.refused_others) + " requests refused and " +
                                std::to_string(got.cancelled) + " cancelled; the user's 99th percentile is " +
                                whole(user) + " ms, alone it is " + whole(baseline) + " ms"};
}

}  // namespace

extern const drills::Drill fair_budget_drill;
const drills::Drill fair_budget_drill{
    .threat = "serve-resource-exhaustion",
    .story =
        "fifty identities flood the server with maximal requests, sponges and answers that they do not read",
    .honest_story = "one client bursts to the peak that its contract names",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .defend = defend,
    .trials = 3,
    .harm = "an honest user waits five times as long as alone, or longer"};

}  // namespace sallyport::production::ai_system
