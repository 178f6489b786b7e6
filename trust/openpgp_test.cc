#include "trust/openpgp.h"
#include "tests/paths.h"

#include <gtest/gtest.h>

#include <array>

#include "core/env.h"
#include "trust/openpgp_packets.h"

namespace sallyport::trust {
namespace {

constexpr std::string_view kSignedText = "signed text\n";

std::string sample(const std::string& name) {
  const auto bytes = system_env().read_file(fs::path(tests::source_dir()) / "trust/testdata/openpgp" / name);
  EXPECT_TRUE(bytes) << name;
  return bytes ? std::string(as_text(*bytes)) : "";
}

std::vector<PgpCertificate> keyring(const std::string& text) {
  auto read = parse_pgp_keyring(as_bytes(text));
  EXPECT_TRUE(read) << read.error().message;
  return read ? std::move(*read) : std::vector<PgpCertificate>{};
}

constexpr std::array<const char*, 6> kPeople{"ana", "bo", "cy", "di", "eve", "flo"};

TEST(OpenPgp, EachKindVerifiesAndNamesItsOwner) {
  std::string all;
  for (const char* name : kPeople) all += sample(std::string(name) + ".asc");
  const auto everybody = keyring(all);
  ASSERT_EQ(everybody.size(), kPeople.size());
  for (const char* name : kPeople) {
    const std::string signature = sample(std::string(name) + ".sig");
    const auto by = verify_pgp_signature(signature, as_bytes(kSignedText), everybody);
    ASSERT_TRUE(by) << name << ": " << by.error().message;
    ASSERT_NE(*by, nullptr) << name;
    EXPECT_EQ((*by)->addresses.front(), std::string(name) + "@plant.example");
    const auto other = verify_pgp_signature(signature, as_bytes("signed text"), everybody);
    ASSERT_FALSE(other) << name;
    EXPECT_EQ(other.error().kind, ErrorKind::kDenied);
  }
  EXPECT_EQ(everybody.back().addresses, (std::vector<std::string>{"flo@plant.example", "flo@home.example"}));
  EXPECT_EQ(everybody.back().signing.size(), 1U) << "the primary key certifies alone";
}

TEST(OpenPgp, StrangersAndOutdatedKeysAreNobody) {
  const auto bo = keyring(sample("bo.asc"));
  EXPECT_EQ(*verify_pgp_signature(sample("ana.sig"), as_bytes(kSignedText), bo), nullptr);
  const auto gil = keyring(sample("gil.asc"));
  ASSERT_EQ(gil.size(), 1U);
  const auto in_time = verify_pgp_signature(sample("gil_in_time.sig"), as_bytes(kSignedText), gil);
  ASSERT_TRUE(in_time) << in_time.error().message;
  EXPECT_NE(*in_time, nullptr);
  auto ended = gil;
  ended[0].signing[0].expires_unix_s = 1'580'000'000;  // before the signature's own time, in 2020
  EXPECT_EQ(*verify_pgp_signature(sample("gil_in_time.sig"), as_bytes(kSignedText), ended), nullptr);
  const auto revoked = parse_pgp_keyring(as_bytes(sample("eve_revoked.asc")));
  ASSERT_FALSE(revoked);
  EXPECT_NE(revoked.error().message.find("may sign"), std::string::npos);
}

TEST(OpenPgp, WhatIsNotCheckedIsNeverGood) {
  const auto ana = keyring(sample("ana.asc")), eve = keyring(sample("eve.asc"));
  for (const auto& [name, ring] :
       {std::pair{"ana_sha1.sig", &ana}, {"eve_expires.sig", &eve}, {"eve_text.sig", &eve}}) {
    const auto by = verify_pgp_signature(sample(name), as_bytes(kSignedText), *ring);
    ASSERT_FALSE(by) << name;
    EXPECT_EQ(by.error().kind, ErrorKind::kUnsupported) << name << ": " << by.error().message;
  }
}

// A changed byte of the signature, and of the keyring, makes no good signature of another text, and a cut one
// none at all.
TEST(OpenPgp, AnotherByteDoesNotVerify) {
  for (const char* name : kPeople) {
    const auto ring = keyring(sample(std::string(name) + ".asc"));
    const auto bytes = openpgp::unarmoured(sample(std::string(name) + ".sig"), "SIGNATURE");
    ASSERT_TRUE(bytes);
    const std::string head = "-----BEGIN PGP SIGNATURE-----\n\n", tail = "\n-----END PGP SIGNATURE-----\n";
    const auto holds = [&](const Bytes& changed) {
      const auto by = verify_pgp_signature(head + to_base64(changed) + tail, as_bytes(kSignedText), ring);
      return by && *by != nullptr;
    };
    EXPECT_TRUE(holds(*bytes));
    const auto body = openpgp::packets_in(*bytes)->front().body;
    const auto packet = openpgp::parse_signature(body);
    ASSERT_TRUE(packet);
    // The unhashed part is nobody's word: it may change, and what it says then decides nothing.
    const std::size_t hashed_end = bytes->size() - body.size() + packet->hashed.size();
    const std::size_t numbers_begin = bytes->size() - packet->numbers.size();
    for (std::size_t at = 0; at < bytes->size(); ++at) {
      if (at >= hashed_end && at < numbers_begin - 2) continue;
      Bytes changed = *bytes;
      changed[at] ^= 0x01U;
      EXPECT_FALSE(holds(changed)) << name << " at " << at;
    }
    for (std::size_t size = 0; size < bytes->size(); ++size) {
      EXPECT_FALSE(holds(Bytes(bytes->begin(), bytes->begin() + static_cast<std::ptrdiff_t>(size)))) << size;
    }
  }
}

// An identity, a subkey or a use that the owner did not sign for counts for nothing.
TEST(OpenPgp, AKeyringSpeaksForItsKeysOnlyByTheirOwnSignatures) {
  const auto ana = openpgp::unarmoured(sample("ana.asc"), "PUBLIC KEY BLOCK");
  const auto flo = openpgp::unarmoured(sample("flo.asc"), "PUBLIC KEY BLOCK");
  ASSERT_TRUE(ana && flo);
  for (std::size_t at = 0; at < flo->size(); ++at) {
    Bytes changed = *flo;
    changed[at] ^= 0x01U;
    const auto read = parse_pgp_keyring(changed);
    if (!read) continue;
    for (const std::string& address : read->front().addresses) {
      EXPECT_TRUE(address == "flo@plant.example" || address == "flo@home.example") << at << ": " << address;
    }
  }
  // Flo's subkey with its binding, behind Ana's key: not Ana's.
  const auto theirs = openpgp::packets_in(*flo);
  ASSERT_TRUE(theirs);
  Bytes joined = *ana;
  bool behind = false;
  for (const openpgp::Packet& packet : *theirs) {
    behind = behind || static_cast<openpgp::Tag>(packet.tag) == openpgp::Tag::kPublicSubkey;
    if (!behind) continue;
    joined.insert(joined.end(), {static_cast<std::uint8_t>(0xc0U | packet.tag), 0xff});
    append_be(joined, packet.body.size(), 4);
    joined.insert(joined.end(), packet.body.begin(), packet.body.end());
  }
  const auto both = parse_pgp_keyring(joined);
  ASSERT_TRUE(both) << both.error().message;
  ASSERT_EQ(both->size(), 1U);
  EXPECT_EQ(both->front().signing.size(), 1U);
  EXPECT_EQ(*verify_pgp_signature(sample("flo.sig"), as_bytes(kSignedText), *both), nullptr);
}

TEST(OpenPgp, ReadsWhatIsStrictAlone) {
  for (const std::string text : {"", "nothing", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQ==\n", "\x99",
                                 "\x9b\x01", "\xc6\xe0\x00", "\x99\x00\x01\x05"}) {
    EXPECT_FALSE(parse_pgp_keyring(as_bytes(text)));
  }
  EXPECT_FALSE(verify_pgp_signature("no armour", as_bytes(kSignedText), {}));
  // Two signatures are one too many.
  const auto one = openpgp::unarmoured(sample("eve.sig"), "SIGNATURE");
  ASSERT_TRUE(one);
  Bytes two = *one;
  two.insert(two.end(), one->begin(), one->end());
  EXPECT_FALSE(verify_pgp_signature(
      "-----BEGIN PGP SIGNATURE-----\n\n" + to_base64(two) + "\n-----END PGP SIGNATURE-----\n",
      as_bytes(kSignedText), keyring(sample("eve.asc"))));
}

}  // namespace
}  // namespace sallyport::trust
