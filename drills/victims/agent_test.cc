#include "drills/victims/agent.h"

#include <gtest/gtest.h>

#include <random>

#include "catalog/coverage.h"
#include "core/guard.h"

namespace sallyport::drills {
namespace {

TEST(agent, the_three_parsers_differ_over_the_same_bytes) {
  const char* const text = R"({"a":1,"a":2,"A":3} trailing)";
  EXPECT_EQ(read_leniently(text, Dialect::kFirstWins)["a"], 1);
  EXPECT_EQ(read_leniently(text, Dialect::kLastWins)["a"], 2);
  EXPECT_EQ(read_leniently(text, Dialect::kAnyCase)["a"], 3);
}

// Whatever the guard lets through means the same to every parser: one reading, whoever reads.
TEST(agent, no_two_parsers_disagree_over_what_the_guard_lets_through) {
  const Guard* guard = catalog::find_guard("closed_schema");
  ASSERT_NE(guard, nullptr);
  const Json model = *parse_json(
      R"({"name":"m","inputs":[{"name":"x","datatype":"INT32","shape":[2],"minimum":0,"maximum":16}]})");
  const std::string base =
      R"({"inputs":[{"name":"x","datatype":"INT32","shape":[2],"data":[1,12]}],"id":"i"})";
  std::mt19937_64 random(7);
  int passed = 0, disagreed_outside = 0;
  for (int trial = 0; trial < 20'000; ++trial) {
    std::string body = base;
    for (int edit = 0; edit < 1 + trial % 3; ++edit) {
      const std::size_t from = random() % body.size(), length = random() % 40, to = random() % body.size();
      if (random() % 2 == 0) {
        body.insert(to, body.substr(from, length));
      } else {
        body[to] = static_cast<char>("{}[]\",:0123456789eE+-. idxIDX\\u"[random() % 31]);
      }
    }
    const Json first = read_leniently(body, Dialect::kFirstWins);
    const bool agree = first == read_leniently(body, Dialect::kLastWins) &&
                       first == read_leniently(body, Dialect::kAnyCase);
    const RequestSubject subject{.principal = "", .content_type = "", .body = as_bytes(body), .model = model};
    const auto got = guard->request(subject, Parameters(guard->parameters));
    ASSERT_TRUE(got);
    disagreed_outside += agree ? 0 : 1;
    if (!got->findings.empty()) continue;
    ++passed;
    EXPECT_TRUE(agree) << body;
    EXPECT_TRUE(agent_acts(body, Dialect::kLastWins).empty()) << body;
  }
  EXPECT_GT(passed, 100);
  EXPECT_GT(disagreed_outside, 100);
}

}  // namespace
}  // namespace sallyport::drills
