#include "formats/secrets.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <random>
#include <set>

#include "core/bytes.h"
#include "formats/git.h"

namespace sallyport::formats {
namespace {

std::string kinds(std::string_view text) {
  const auto found = find_secrets(text);
  if (!found) return found.error().message;
  std::string out;
  for (const Secret& secret : *found) out += std::string(secret.rule->id) + (secret.encoded ? "!" : "") + " ";
  return out;
}

TEST(Secrets, EveryRuleFindsItsExamplesAndPassesOverTheOthers) {
  std::set<std::string_view> ids;
  for (const SecretRule& rule : secret_rules()) {
    EXPECT_TRUE(ids.insert(rule.id).second) << rule.id;
    for (const std::string_view text : rule.found) {
      EXPECT_NE((" " + kinds("x = 1\n" + std::string(text) + "\n")).find(" " + std::string(rule.id) + " "),
                std::string::npos)
          << rule.id << " found " << kinds(text) << "in " << text;
    }
    for (const std::string_view text : rule.passed_over) {
      EXPECT_EQ(kinds("x = 1\n" + std::string(text) + "\n"), "") << rule.id << " " << text;
    }
  }
  EXPECT_GE(ids.size(), 250u);
}

TEST(Secrets, WhatIsNone) {
  for (const char* text :
       {"password = os.environ['PASSWORD']", "password: str = field()", "token = get_token(client_id)",
        "secret_name = \"training-database\"", "https://user:pass@example.com/", "api_key: <your-api-key>",
        "integrity=\"sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K/uxy9rx7HNQlGYl1kPzQho1wx4JwY8wC\"",
        "the token is passed on to the next stage", "password = \"changeme123\"",
        "-----BEGIN PUBLIC KEY-----", "next_token=abcdefghijklmnop"}) {
    EXPECT_EQ(kinds(text), "") << text;
  }
}

TEST(Secrets, Base64IsDecodedOnce) {
  const std::string inner = "url = https://trainer:vK7rTq2ZpX94mLsw@storage.internal/features\n";
  EXPECT_EQ(kinds("data: " + to_base64(as_bytes(inner)) + "\n"), "url-password! ");
  EXPECT_EQ(kinds("data: " + to_base64(as_bytes(to_base64(as_bytes(inner)))) + "\n"), "");
}

// How the threshold for assignments tells random values from names, at a fixed seed.
TEST(Secrets, RandomnessTellsRandomTextFromNames) {
  std::mt19937_64 random(7);
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  constexpr int kTrials = 2000;
  int found = 0;
  for (int i = 0; i < kTrials; ++i) {
    std::string value;
    for (std::size_t k = 0; k < 16 + random() % 25; ++k)
      value.push_back(kAlphabet[random() % kAlphabet.size()]);
    found += kinds("api_key = \"" + value + "\"") != "";
  }
  constexpr std::string_view kWords[] = {"training", "Database", "user",   "Account", "default", "Prod",
                                         "feature",  "store",    "access", "Manager", "client",  "Service",
                                         "model",    "v2",       "eu1",    "Primary"};
  int wrong = 0;
  for (int i = 0; i < kTrials; ++i) {
    std::string value;
    while (value.size() < 16)
      value +=
          std::string(value.empty() || random() % 2 == 0 ? "" : "-") + std::string(kWords[random() % 16]);
    wrong += kinds("api_key = \"" + value + "\"") != "";
  }
  std::printf("  random values found %d of %d, names taken for one %d of %d\n", found, kTrials, wrong,
              kTrials);
  EXPECT_GE(found, kTrials * 95 / 100);
  EXPECT_LE(wrong, kTrials * 2 / 100);
}

TEST(Git, DeltasStayInsideTheirBase) {
  const Bytes base = to_bytes("hello world");
  // 11 bytes of base, 5 of result: copy 5 from offset 6.
  EXPECT_EQ(as_text(*git::apply_delta(base, Bytes{11, 5, 0x91, 6, 5}, 100)), "world");
  EXPECT_EQ(as_text(*git::apply_delta(base, Bytes{11, 2, 2, 'h', 'i'}, 100)), "hi");
  for (const Bytes& bad : {Bytes{11, 5, 0x91, 7, 5}, Bytes{10, 5, 0x91, 6, 5}, Bytes{11, 4, 0x91, 6, 5},
                           Bytes{11, 6, 0x91, 6, 5}, Bytes{11, 2, 0}, Bytes{11, 2, 5, 'a'}, Bytes{}}) {
    EXPECT_FALSE(git::apply_delta(base, bad, 100));
  }
  EXPECT_FALSE(git::apply_delta(base, Bytes{11, 0xFF, 0xFF, 0x7F, 0x91, 0, 5}, 100));
  EXPECT_EQ(to_hex(git::object_id(git::ObjectType::kBlob, to_bytes("hello\n"))),
            "ce013625030ba8dba906f756967f9e9ca394464a");
}

}  // namespace
}  // namespace sallyport::formats
