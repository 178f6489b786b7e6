#include "services/server/budget.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace sallyport::services::server {
namespace {

BudgetOptions one_slot() {
  BudgetOptions options;
  options.slots = 1;
  options.unknown = {.tenant = "anonymous", .units_per_s = 100, .burst_units = 50, .in_flight_max = 64};
  return options;
}

// Runs `ticket` to its end at once.
void serve(Budget& budget, std::uint64_t ticket, double units) {
  budget.finish(ticket, units, 0);
  budget.deliver(ticket);
}

TEST(budget, a_bucket_empties_and_fills_with_time) {
  Budget budget(one_slot());
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(budget.enqueue("ana", 10, 0));
    serve(budget, budget.next().value(), 10);
  }
  const auto refused = budget.enqueue("ana", 10, 0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kLimit);
  EXPECT_EQ(refused.error().hint, "try again in 1 s");
  EXPECT_TRUE(budget.enqueue("bo", 10, 0)) << "one identity's use is not another's";
  EXPECT_FALSE(budget.enqueue("ana", 10, 90'000));
  EXPECT_TRUE(budget.enqueue("ana", 10, 110'000));
}

TEST(budget, what_a_request_cost_beyond_its_prediction_is_paid_for_by_the_next) {
  Budget budget(one_slot());
  ASSERT_TRUE(budget.enqueue("ana", 1, 0));
  const std::uint64_t ticket = budget.next().value();
  EXPECT_EQ(budget.allowed_units(ticket), 4);
  serve(budget, ticket, 99);
  EXPECT_FALSE(budget.enqueue("ana", 1, 0));
  EXPECT_FALSE(budget.enqueue("ana", 1, 400'000));
  EXPECT_TRUE(budget.enqueue("ana", 1, 600'000));
}

TEST(budget, a_request_above_the_cap_never_waits) {
  Budget budget(one_slot());
  EXPECT_FALSE(budget.enqueue("ana", 51, 0));
  EXPECT_EQ(budget.waiting(), 0U);
}

// Two tenants with endless queues get units by weight, however many identities each has and however large its
// requests.
TEST(budget, tenants_share_units_by_weight) {
  BudgetOptions options = one_slot();
  options.queue_length_max = 10'000;
  options.weights["paying"] = 3;
  const auto generous = [](const char* tenant) {
    return UsageContract{.tenant = tenant, .units_per_s = 1e9, .burst_units = 1e9, .in_flight_max = 100'000};
  };
  options.contracts["p"] = generous("paying");
  for (int i = 0; i < 50; ++i) options.contracts["a" + std::to_string(i)] = generous("crowd");
  Budget budget(options);
  std::map<std::uint64_t, std::pair<std::string, double>> waiting;
  for (int i = 0; i < 4000; ++i) {
    const double large = 1 + i % 37, small = 1 + i % 3;
    waiting[budget.enqueue("a" + std::to_string(i % 50), large, 0).value()] = {"crowd", large};
    waiting[budget.enqueue("p", small, 0).value()] = {"paying", small};
  }
  std::map<std::string, double> used;
  while (used["paying"] < 6000) {
    const std::uint64_t ticket = budget.next().value();
    const auto& [tenant, units] = waiting.at(ticket);
    used[tenant] += units;
    serve(budget, ticket, units);
  }
  EXPECT_NEAR(used["paying"] / used["crowd"], 3.0, 0.1);
}

TEST(budget, waiting_ends_and_costs_nothing) {
  Budget budget(one_slot());
  ASSERT_TRUE(budget.enqueue("ana", 10, 0));
  const std::uint64_t running = budget.next().value();
  const std::uint64_t late = budget.enqueue("ana", 40, 0).value();
  EXPECT_FALSE(budget.next()) << "there is one slot";
  EXPECT_TRUE(budget.take_expired(1'999'999).empty());
  EXPECT_EQ(budget.take_expired(2'000'000), std::vector<std::uint64_t>{late});
  serve(budget, running, 10);
  EXPECT_TRUE(budget.enqueue("ana", 40, 2'000'000));
}

TEST(budget, an_answer_that_is_not_taken_counts_as_in_flight_and_holds_no_slot) {
  BudgetOptions options = one_slot();
  options.unknown.in_flight_max = 1;
  Budget budget(options);
  ASSERT_TRUE(budget.enqueue("slow", 1, 0));
  const std::uint64_t ticket = budget.next().value();
  budget.finish(ticket, 1, 0);
  EXPECT_FALSE(budget.enqueue("slow", 1, 0));
  ASSERT_TRUE(budget.enqueue("ana", 1, 0));
  EXPECT_TRUE(budget.next());
  budget.deliver(ticket);
  EXPECT_TRUE(budget.enqueue("slow", 1, 0));
}

TEST(budget, a_million_identities_share_a_bounded_number_of_accounts) {
  BudgetOptions options = one_slot();
  options.queue_length_max = 1'000'000;
  Budget budget(options);
  std::uint64_t admitted = 0;
  for (int i = 0; i < 50'000; ++i)
    admitted += budget.enqueue("id" + std::to_string(i), 1, 0).has_value() ? 1 : 0;
  EXPECT_LE(admitted, kIdentitiesMax + 64);
}

TEST(turnstile, gives_no_more_turns_than_slots_and_loses_nobody) {
  BudgetOptions options;
  options.unknown.in_flight_max = 1000;
  options.unknown.burst_units = 1e6;
  options.wait_us_max = 60'000'000;
  Turnstile turnstile(options);
  std::atomic<int> inside = 0, served = 0, most = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 16; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        auto turn = turnstile.enter("ana", 1);
        ASSERT_TRUE(turn);
        int now = ++inside, seen = most;
        while (now > seen && !most.compare_exchange_weak(seen, now)) {
        }
        --inside;
        turn->finished();
        ++served;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(served, 800);
  EXPECT_LE(most, 2);
  EXPECT_EQ(turnstile.load().running, 0);
  EXPECT_EQ(turnstile.load().waiting, 0U);
}

}  // namespace
}  // namespace sallyport::services::server
