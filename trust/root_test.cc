#include "trust/root.h"

#include <gtest/gtest.h>

#include "core/json.h"
#include "tests/fault_env.h"

namespace sallyport::trust {
namespace {

struct Keys {
  tests::FaultEnv env;
  std::vector<PrivateKey> list;
  explicit Keys(int count) {
    for (int i = 0; i < count; ++i) list.push_back(*PrivateKey::generate(env));
  }
};

RootContent content_of(const Keys& keys, std::size_t root_threshold = 1) {
  RootContent out{.version = 1, .expires_unix_s = 2'000'000'000, .log_origin = "example.org/log"};
  for (std::size_t i = 0; i < keys.list.size(); ++i) {
    out.keys.emplace(keys.list[i].keyid(), RootKey{"key" + std::to_string(i), keys.list[i].public_key()});
  }
  out.roles["root"] = {{keys.list[0].keyid(), keys.list[1].keyid()}, root_threshold};
  out.roles["log"] = {{keys.list[2].keyid()}, 1};
  out.roles["approver"] = {{keys.list[0].keyid(), keys.list[1].keyid()}, 2};
  return out;
}

Result<Root> parse(const Result<std::string>& file) { return Root::parse(as_bytes(*file)); }

TEST(Root, LoadsAndAnswersByRole) {
  const Keys keys(3);
  const auto root = parse(sign_root(content_of(keys), std::span(keys.list).first(1)));
  ASSERT_TRUE(root) << root.error().message;
  EXPECT_EQ(root->roles_of(keys.list[0].keyid()), (std::vector<std::string>{"approver", "root"}));
  EXPECT_EQ(root->keys_of("log").size(), 1U);
  EXPECT_EQ(root->name_of_key(keys.list[2].keyid()), "key2");
  EXPECT_TRUE(root->check_unexpired(1'999'999'999));
  EXPECT_FALSE(root->check_unexpired(2'000'000'000));
}

TEST(Root, AKeyCountsOnceTowardsAThreshold) {
  const Keys keys(3);
  const auto root = parse(sign_root(content_of(keys), std::span(keys.list).first(1)));
  ASSERT_TRUE(root);
  EXPECT_FALSE(root->check_threshold("approver", {keys.list[0].keyid()}));
  EXPECT_FALSE(root->check_threshold("approver", {keys.list[0].keyid(), keys.list[2].keyid()}));
  EXPECT_TRUE(root->check_threshold("approver", {keys.list[0].keyid(), keys.list[1].keyid()}));
  EXPECT_FALSE(root->check_threshold("unheard-of", {keys.list[0].keyid()}));
}

TEST(Root, EveryChangedByteAndEveryTruncationIsRefused) {
  const Keys keys(3);
  const auto file = sign_root(content_of(keys), std::span(keys.list).first(1));
  ASSERT_TRUE(parse(file));
  for (std::size_t i = 0; i < file->size(); ++i) {
    for (const int change : {1, 0x20, 0x80}) {
      std::string bad = *file;
      bad[i] = static_cast<char>(bad[i] ^ change);
      EXPECT_FALSE(Root::parse(as_bytes(bad))) << "byte " << i << " by " << change;
    }
    EXPECT_FALSE(Root::parse(as_bytes(file->substr(0, i))));
  }
}

TEST(Root, RefusesWhatNoRootMaySay) {
  const Keys keys(3);
  const auto refused = [&](const std::function<void(RootContent&)>& change) {
    RootContent content = content_of(keys);
    change(content);
    const auto file = sign_root(content, keys.list);
    return !file || !Root::parse(as_bytes(*file));
  };
  EXPECT_FALSE(refused([](RootContent&) {}));
  EXPECT_TRUE(refused([](RootContent& c) { c.roles.erase("root"); }));
  EXPECT_TRUE(refused([](RootContent& c) { c.roles.erase("log"); }));
  EXPECT_TRUE(refused([](RootContent& c) { c.roles["approver"].threshold = 3; }));
  EXPECT_TRUE(refused([](RootContent& c) { c.roles["approver"].threshold = 0; }));
  EXPECT_TRUE(refused([](RootContent& c) { c.roles["runner"] = {{"unknown"}, 1}; }));
  EXPECT_TRUE(refused([](RootContent& c) { c.version = 0; }));
  EXPECT_TRUE(
      refused([](RootContent& c) { c.keys.begin()->second.name = std::next(c.keys.begin())->second.name; }));
  EXPECT_TRUE(refused([&](RootContent& c) {
    c.roles["lead"] = {{keys.list[0].keyid()}, 1};
    c.roles["audit"] = {{keys.list[0].keyid(), keys.list[1].keyid()}, 1};
  })) << "one person must not be both of two";
}

TEST(Root, ItsOwnThresholdHolds) {
  const Keys keys(3);
  const RootContent content = content_of(keys, 2);
  EXPECT_FALSE(parse(sign_root(content, std::span(keys.list).first(1))));
  EXPECT_TRUE(parse(sign_root(content, std::span(keys.list).first(2))));
  // The same key twice is one signature, and the log's key has no say.
  const std::vector<PrivateKey> twice{keys.list[0], keys.list[0], keys.list[2]};
  EXPECT_FALSE(parse(sign_root(content, twice)));
}

TEST(Root, ASuccessorIsSignedByTheOldRootAndTheNew) {
  const Keys keys(5);
  RootContent first = content_of(keys);
  const auto root = parse(sign_root(first, std::span(keys.list).first(1)));
  ASSERT_TRUE(root) << root.error().message;
  RootContent next = first;
  next.version = 2;
  next.roles["root"] = {{keys.list[3].keyid()}, 1};
  const auto advance = [&](const std::vector<PrivateKey>& signers, std::int64_t version) {
    next.version = version;
    return root->advance(as_bytes(*sign_root(next, signers)));
  };
  EXPECT_TRUE(advance({keys.list[0], keys.list[3]}, 2))
      << advance({keys.list[0], keys.list[3]}, 2).error().message;
  EXPECT_FALSE(advance({keys.list[0]}, 2)) << "the new root role has not signed";
  EXPECT_FALSE(advance({keys.list[3]}, 2)) << "the old root role has not signed";
  EXPECT_FALSE(advance({keys.list[0], keys.list[3]}, 3)) << "a version was left out";
  EXPECT_FALSE(advance({keys.list[0], keys.list[3]}, 1)) << "no rollback";
}

}  // namespace
}  // namespace sallyport::trust
