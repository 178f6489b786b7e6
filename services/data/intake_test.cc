#include "services/data/intake.h"

#include <gtest/gtest.h>

namespace sallyport::services::data {
namespace {

constexpr std::int64_t kYear = 365LL * 24 * 3600;

class Intake : public testing::Test {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::path(testing::TempDir()) / ("sallyport-intake-" + std::string(test->name()));
    fs::remove_all(folder_);
    write("rows.csv", "x,y\n1,a\n2,b\n");
    lock_.pins["set"] = {.publisher = publisher_.public_key().pem(), .version = 3, .manifest = manifest()};
  }
  void TearDown() override { fs::remove_all(folder_); }

  void write(const std::string& path, const std::string& text) {
    fs::create_directories(folder_);
    ASSERT_TRUE(write_durably(system_env(), folder_ / path, as_bytes(text)));
  }
  Digest manifest() const {
    return trust::digest_of(trust::released_part(trust::scan_directory(system_env(), folder_).value()));
  }
  void release(const trust::PrivateKey& key, std::int64_t version, std::int64_t valid_s = kYear,
               const std::string& name = "set") {
    const trust::DataRelease said{.name = name,
                                  .version = version,
                                  .expires_unix_s = system_env().now_unix_s() + valid_s,
                                  .manifest = manifest()};
    write("release.json", trust::serialize(trust::sign_statement(trust::statement_of(said), {&key, 1})));
  }
  Result<Taken> taken(const std::string& name = "set", const IntakeOptions& options = {}) {
    return take(system_env(), folder_, name, lock_, options, parse_policy("", "default policy").value());
  }
  std::string refusal(const std::string& name = "set", const IntakeOptions& options = {}) {
    const auto got = taken(name, options);
    if (got) return "";
    EXPECT_EQ(got.error().kind, ErrorKind::kDenied) << got.error().message;
    return got.error().message;
  }

  fs::path folder_;
  trust::PrivateKey publisher_ = trust::PrivateKey::generate(system_env()).value();
  trust::PrivateKey stranger_ = trust::PrivateKey::generate(system_env()).value();
  trust::DataLock lock_;
};

TEST_F(Intake, TheSameBytesAreTakenWhereverTheyLie) {
  const auto same = taken();
  ASSERT_TRUE(same) << same.error().message;
  EXPECT_FALSE(same->first || same->advanced);
  EXPECT_EQ(same->pin, lock_.pins["set"]);
  write("rows.csv", "x,y\n1,a\n2,a\n");
  EXPECT_NE(refusal(), "");
  write("more.csv", "x,y\n");
  EXPECT_NE(refusal(), "");
}

TEST_F(Intake, ANewerReleaseOfThePinnedPublisherMovesThePin) {
  write("rows.csv", "x,y\n1,a\n2,b\n3,a\n");
  release(publisher_, 4);
  const auto next = taken();
  ASSERT_TRUE(next) << next.error().message;
  EXPECT_TRUE(next->advanced);
  EXPECT_EQ(next->pin.version, 4);
  EXPECT_EQ(next->pin.manifest, manifest());
  EXPECT_EQ(next->pin.publisher, publisher_.public_key().pem());
  lock_.pins["set"] = next->pin;
  EXPECT_EQ(refusal(), "");
}

TEST_F(Intake, RollbackFreezeSubstitutionAndStrangersAreRefused) {
  write("rows.csv", "x,y\n1,a\n");
  release(publisher_, 2);
  EXPECT_NE(refusal().find("older than version 3"), std::string::npos) << refusal();
  release(publisher_, 3);
  EXPECT_NE(refusal().find("two contents"), std::string::npos) << refusal();
  release(publisher_, 4, -1);
  EXPECT_NE(refusal().find("expired"), std::string::npos) << refusal();
  release(publisher_, 4, kYear, "other");
  EXPECT_NE(refusal().find("is of 'other'"), std::string::npos) << refusal();
  release(stranger_, 4);
  EXPECT_NE(refusal().find("not the pinned publisher's"), std::string::npos) << refusal();
  release(publisher_, 4);
  write("rows.csv", "x,y\n2,b\n");
  EXPECT_NE(refusal().find("not those that the publisher signed"), std::string::npos) << refusal();
  EXPECT_NE(refusal("set", {.publisher = stranger_.public_key().pem()}).find("pins another publisher"),
            std::string::npos);
}

TEST_F(Intake, WhatIsNewIsJudgedByItsLabels) {
  EXPECT_NE(refusal("fresh").find("nothing to judge it by"), std::string::npos);
  const IntakeOptions options{.roles = {.label = "y"}, .publisher = publisher_.public_key().pem()};
  EXPECT_NE(refusal("set2", options).find("no release.json"), std::string::npos);
}

TEST_F(Intake, TheLockIsReadStrictly) {
  const auto again = trust::parse_data_lock(as_bytes(trust::serialize(lock_)));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, lock_);
  Json json = parse_json(trust::serialize(lock_)).value();
  for (const auto& [pointer, value] :
       std::vector<std::pair<std::string, Json>>{{"/format", "x"},
                                                 {"/more", 1},
                                                 {"/datasets/set/version", -1},
                                                 {"/datasets/set/manifest", "00"},
                                                 {"/datasets/set/publisher", "no key"},
                                                 {"/datasets/set/extra", 1},
                                                 {"/datasets/..", Json::object()}}) {
    Json changed = json;
    changed[Json::json_pointer(pointer)] = value;
    EXPECT_FALSE(trust::parse_data_lock(as_bytes(changed.dump()))) << changed;
  }
}

}  // namespace
}  // namespace sallyport::services::data
