#include "formats/version_order.h"

#include <gtest/gtest.h>

#include "formats/advisories.h"
#include "formats/locked_packages.h"

namespace sallyport::formats {
namespace {

void expect_sorted(VersionScheme scheme, const std::vector<const char*>& versions) {
  for (std::size_t i = 0; i < versions.size(); ++i) {
    for (std::size_t k = 0; k < versions.size(); ++k) {
      EXPECT_TRUE(compare_versions(scheme, versions[i], versions[k]) == (i <=> k))
          << versions[i] << " " << versions[k];
    }
  }
}

// The order of PEP 440's own appendix, and what is spelt otherwise.
TEST(VersionOrder, OfPython) {
  expect_sorted(VersionScheme::kPep440, {"0.9",           "1.dev0",
                                         "1.0.dev456",    "1.0a1",
                                         "1.0a2.dev456",  "1.0a12.dev456",
                                         "1.0a12",        "1.0b1.dev456",
                                         "1.0b2",         "1.0b2.post345.dev456",
                                         "1.0b2.post345", "1.0rc1.dev456",
                                         "1.0rc1",        "1.0",
                                         "1.0+abc.5",     "1.0+abc.7",
                                         "1.0+5",         "1.0.post456.dev34",
                                         "1.0.post456",   "1.0.15",
                                         "1.1.dev1",      "1.10",
                                         "1!0.1"});
  for (const auto& [a, b] :
       {std::pair{"1.0", "1.0.0"}, {"v1.0", "1"}, {"1.0RC1", "1.0-rc.1"}, {"1.0-1", "1.0.post1"}})
    EXPECT_TRUE(compare_versions(VersionScheme::kPep440, a, b) == 0) << a << " " << b;
}

// Section 11 of Semantic Versioning 2.0.
TEST(VersionOrder, OfNpm) {
  expect_sorted(VersionScheme::kSemver,
                {"0.9.9", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2",
                 "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.10", "2.0.0"});
  EXPECT_TRUE(compare_versions(VersionScheme::kSemver, "1.0.0+a", "v1.0.0+b") == 0);
}

TEST(VersionOrder, OfDistributions) {
  expect_sorted(VersionScheme::kDebian,
                {"1.0~~", "1.0~rc1-1", "1.0-1", "1.0-1+b1", "1.0-1.1", "1.0a-1", "1.0+dfsg-1",
                 "1.1.1n-0+deb11u4", "1.1.1n-0+deb11u5", "1.1.1n-0+deb11u10", "1:0.1-1"});
  expect_sorted(VersionScheme::kAlpine, {"1.2.3_alpha1-r0", "1.2.3_rc2-r5", "1.2.3-r0", "1.2.3-r10",
                                         "1.2.3_p1-r0", "1.2.3a-r0", "1.2.10-r0"});
}

TEST(Advisories, ARangeMayOpenAgain) {
  const auto advisory = read_advisory(
      R"({"id": "X-1", "affected": [{"package": {"ecosystem": "PyPI", "name": "A_b"},
          "ranges": [{"type": "ECOSYSTEM",
                      "events": [{"fixed": "1.5"}, {"introduced": "1.0"},
                                 {"introduced": "2.0"}, {"last_affected": "2.4"}]}]}]})");
  ASSERT_TRUE(advisory) << advisory.error().message;
  const auto is = [&](const char* version) {
    return affects(*advisory, {"PyPI", "a-b", version, 0}).affected;
  };
  EXPECT_FALSE(is("0.9"));
  EXPECT_TRUE(is("1.0"));
  EXPECT_TRUE(is("1.5rc1"));
  EXPECT_FALSE(is("1.5"));
  EXPECT_FALSE(is("1.9"));
  EXPECT_TRUE(is("2.4"));
  EXPECT_FALSE(is("2.4.1"));
  EXPECT_FALSE(affects(*advisory, {"npm", "a-b", "1.0", 0}).affected);
  EXPECT_FALSE(read_advisory("[]"));
  EXPECT_FALSE(read_advisory("{}"));
}

TEST(LockedPackages, BannersAreReadWhereNoDatabaseSaysAnything) {
  const std::string program = std::string(
                                  "\x7F"
                                  "ELF") +
                              std::string(9, '\0') + "OpenSSL 1.1.1k  25 Mar 2021" + std::string(1, '\0') +
                              "deflate 1.2.11 Copyright 1995" + std::string(1, '\0') + "OpenSSL error queue";
  ASSERT_TRUE(is_program(as_bytes(program)));
  const auto found = read_banners(as_bytes(program));
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].name + found[0].version, "openssl1.1.1k");
  EXPECT_EQ(found[1].name + found[1].version, "zlib1.2.11");
}

}  // namespace
}  // namespace sallyport::formats
