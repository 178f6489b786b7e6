// Who gets in and what for: tokens, roles, budgets, and every cell of the matrix of roles, verbs and things.
#include "services/tracking/grants.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "core/forwarding_env.h"
#include "core/yaml.h"

namespace sallyport::services::tracking {
namespace {

constexpr const char* kPolicy = R"(
roles:
  trainer: [{may: [read, write], experiments: ["digits*"]}, {may: [read], models: ["*"]}]
  approver: [{may: [read, promote], models: [digits]}]
  viewer: [{may: [read], experiments: [digits]}]
  idle: [{may: [write, promote], models: ["*"]}]
principals:
  ana: {roles: [trainer], tokens: [{sha256: TOKEN, expires: 2027-01-31}]}
  bob: {roles: [approver, viewer]}
  eve: {}
budget: {requests-per-minute: 60, megabytes-per-minute: 10}
)";
constexpr const char* kToken = "sp_a";
constexpr std::int64_t kNow = 1'795'000'000;  // in November 2026

class Clock : public ForwardingEnv {
 public:
  Clock() : ForwardingEnv(system_env()) {}
  std::int64_t now_unix_s() override { return now; }
  std::int64_t now = kNow;
};

AccessRules rules() {
  std::string text = kPolicy;
  text.replace(text.find("TOKEN"), 5, "'" + sha256(kToken).hex() + "'");
  return parse_access(parse_yaml(text, "policy").value()).value();
}

http::Request with(const std::string& authorization) {
  http::Request request{.method = "GET", .path = "/", .query = "", .peer = ""};
  if (!authorization.empty()) request.headers = {{"authorization", authorization}};
  return request;
}

TEST(Grants, every_cell_is_what_the_policy_says) {
  const AccessRules said = rules();
  int allowed = 0;
  const Verb verbs[] = {Verb::kRead, Verb::kWrite, Verb::kDelete, Verb::kPromote, Verb::kAdmin};
  for (const char* who : {"ana", "bob", "eve", "nobody", "", "ANA"}) {
    for (const Verb verb : verbs) {
      for (const Kind kind : {Kind::kServer, Kind::kExperiment, Kind::kModel}) {
        for (const char* name : {"digits", "digits-2", "digit", "other", "", "*"}) {
          const std::string role = said.role_that_allows(who, verb, {kind, name});
          const std::string_view named(name);
          std::string expected;
          if (std::string_view(who) == "ana") {
            const bool own = kind == Kind::kExperiment && named.starts_with("digits");
            if ((own && (verb == Verb::kRead || verb == Verb::kWrite)) ||
                (kind == Kind::kModel && verb == Verb::kRead)) {
              expected = "trainer";
            }
          } else if (std::string_view(who) == "bob" && named == "digits") {
            if (kind == Kind::kModel && (verb == Verb::kRead || verb == Verb::kPromote))
              expected = "approver";
            if (kind == Kind::kExperiment && verb == Verb::kRead) expected = "viewer";
          }
          allowed += !expected.empty();
          EXPECT_EQ(role, expected) << who << " " << name_of(verb) << " " << describe({kind, name});
        }
      }
    }
  }
  EXPECT_EQ(allowed, 13);
}

TEST(Grants, credentials) {
  Clock clock;
  const auto access = granted(clock, rules());
  const std::string token = kToken;
  EXPECT_EQ(access->authenticate(with("Bearer " + token)).value().name, "ana");
  EXPECT_EQ(access->authenticate(with("Basic " + to_base64(as_bytes("ana:" + token)))).value().name, "ana");
  for (const std::string& wrong : std::vector<std::string>{
           "", "Bearer", "Bearer ", "Bearer x", "bearer " + token, "Bearer " + token + " ", token,
           "Basic " + token, "Basic " + to_base64(as_bytes("bob:" + token)),
           "Basic " + to_base64(as_bytes(token)), "Bearer " + sha256(kToken).hex(), "Digest " + token}) {
    EXPECT_FALSE(access->authenticate(with(wrong))) << wrong;
  }
  clock.now = kNow + 365LL * 24 * 3600;
  EXPECT_FALSE(access->authenticate(with("Bearer " + token))) << "it has expired";
}

TEST(Grants, who_walks_through_names_is_stopped) {
  Clock clock;
  const auto access = granted(clock, rules());
  int refused = 0;
  while (refused < 100 && access->spend({"eve"}, Outcome::kAsked, 0)) {
    std::ignore = access->spend({"eve"}, Outcome::kRefused, 0);
    ++refused;
  }
  EXPECT_LE(refused, 4) << "look-ups before the budget of a minute was gone";
  EXPECT_TRUE(access->spend({"ana"}, Outcome::kAsked, 0)) << "another principal has a budget of its own";
  EXPECT_TRUE(access->spend({"ana"}, Outcome::kSent, 30'000'000));
  const auto spent = access->spend({"ana"}, Outcome::kAsked, 0);
  ASSERT_FALSE(spent) << "more than was left has been sent";
  EXPECT_EQ(spent.error().hint, kBudgetSpent);
}

TEST(Grants, misspelt_rules_are_errors) {
  for (const char* text :
       {"{roles: {a: [{may: [fly], models: [x]}]}}", "{roles: {a: [{may: [read]}]}}",
        "{roles: {a: [{may: [read], models: [x], experiments: [y]}]}}", "{role: {}}",
        "{principals: {ana: {roles: [none]}}}", "{principals: {ana: {token: []}}}",
        "{principals: {ana: {tokens: [{sha256: abc, expires: 2027-01-31}]}}}",
        "{budget: {requests-per-minute: 0}}", "{roles: {a: [{may: [read], models: ['']}]}}"}) {
    EXPECT_FALSE(parse_access(parse_yaml(text, "policy").value())) << text;
  }
}

TEST(Grants, the_audit_names_what_is_wide_open_and_unused) {
  EXPECT_EQ(audit_access(rules(), kNow),
            (std::vector<std::string>{"principal bob has no credentials", "principal eve has no credentials",
                                      "principal eve has no role", "role idle is held by nobody",
                                      "role idle may both register and promote the same models",
                                      "role idle may more than read on every model"}));
}

TEST(Grants, the_audit_sees_what_two_roles_allow_together) {
  AccessRules said = rules();
  said.principals["bob"].roles = {"approver", "trainer"};
  said.roles["trainer"][1].may = {Verb::kWrite};
  const auto found = audit_access(said, kNow);
  EXPECT_EQ(std::ranges::count(found,
                               "principal bob may register models * as trainer and promote models "
                               "digits as approver"),
            1);
  said.roles["trainer"][1].patterns = {"faces*"};
  for (const std::string& one : audit_access(said, kNow)) EXPECT_FALSE(one.starts_with("principal bob may"));
}

TEST(Grants, what_nobody_uses_is_named_and_outlives_the_server) {
  Clock clock;
  const fs::path file = fs::path(testing::TempDir()) / ("uses_" + std::to_string(::getpid()) + ".jsonl");
  const auto ask = [&](Verb verb, const Resource& resource) {
    const auto access = granted(clock, rules(), {}, *Uses::open(clock, file));
    return access->allows({"ana"}, verb, resource);
  };
  const auto unused = [&] {
    std::vector<std::string> out;
    for (const std::string& one : audit_access(rules(), clock.now, *read_uses(clock, file))) {
      if (one.starts_with("principal ana has made no use")) out.push_back(one);
    }
    return out;
  };
  EXPECT_TRUE(ask(Verb::kRead, {Kind::kExperiment, "digits-2"}));
  EXPECT_FALSE(ask(Verb::kDelete, {Kind::kExperiment, "digits-2"}));
  ASSERT_TRUE(system_env().append(file, as_bytes(R"({"day":1,"kind":"mod)")));
  ASSERT_EQ(unused().size(), 2U);
  EXPECT_EQ(unused()[1].substr(unused()[1].find("of its")),
            "of its leave to write experiments digits*, as trainer");
  EXPECT_TRUE(ask(Verb::kWrite, {Kind::kExperiment, "digits"}));
  EXPECT_TRUE(ask(Verb::kRead, {Kind::kModel, "faces"}));
  EXPECT_TRUE(unused().empty());
  clock.now += 91LL * 24 * 3600;
  EXPECT_EQ(unused().size(), 3U);
  fs::remove(file);
}

TEST(Grants, whoever_goes_through_many_names_is_stopped_and_an_alarm_is_raised) {
  Clock clock;
  AccessRules said = rules();
  said.names_per_hour = 20;
  std::vector<std::string> alarms;
  const auto access =
      granted(clock, said, [&](const std::string& who, const std::string&) { alarms.push_back(who); });
  const Principal ana{"ana"};
  const Principal bob{"bob"};
  int shown_to_ana = 0;
  for (int i = 0; i < 100; ++i) {
    shown_to_ana += access->visit(ana, {Kind::kExperiment, "digits-" + std::to_string(i)}).has_value();
  }
  EXPECT_GE(shown_to_ana, 20);
  EXPECT_LE(shown_to_ana, 22) << "a slow machine refills one or two meanwhile";
  EXPECT_EQ(alarms, std::vector<std::string>{"ana"}) << "one alarm, not eighty";
  EXPECT_TRUE(access->visit(ana, {Kind::kExperiment, "digits-0"})) << "what it reads all day stays open";
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(access->visit(bob, {Kind::kModel, "digits"}));
  EXPECT_TRUE(access->visit(bob, {Kind::kModel, "other"})) << "another's breadth is another's";
}

}  // namespace
}  // namespace sallyport::services::tracking
