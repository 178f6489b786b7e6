#include "trust/vault.h"

#include <gtest/gtest.h>

namespace sallyport::trust {
namespace {

Bytes plain(std::size_t size) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(i * 31 >> 3);
  return out;
}

TEST(Vault, WhatWasSealedOpensAndNothingOfItShows) {
  const VaultKey key = VaultKey::generate(system_env());
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, kVaultPieceBytes - 1, kVaultPieceBytes,
                                 kVaultPieceBytes + 1, 3 * kVaultPieceBytes}) {
    const Bytes sealed = seal_object(system_env(), key, "m/weights", plain(size));
    const auto opened = open_object(key, "m/weights", sealed);
    ASSERT_TRUE(opened) << size << ": " << opened.error().message;
    EXPECT_EQ(*opened, plain(size));
    EXPECT_NE(seal_object(system_env(), key, "m/weights", plain(size)), sealed) << "a salt of its own";
  }
  const Bytes text = to_bytes(std::string(1000, 'w') + "secret weights");
  const Bytes sealed = seal_object(system_env(), key, "m", text);
  EXPECT_EQ(as_text(sealed).find("secret"), std::string_view::npos);
}

TEST(Vault, AnotherKeyAnotherNameAndEveryChangeAreRefused) {
  const VaultKey key = VaultKey::generate(system_env());
  const Bytes sealed = seal_object(system_env(), key, "m/a", plain(2 * kVaultPieceBytes + 5));
  EXPECT_FALSE(open_object(VaultKey::generate(system_env()), "m/a", sealed));
  EXPECT_FALSE(open_object(key.derive("version 2"), "m/a", sealed));
  EXPECT_FALSE(open_object(key, "m/b", sealed));
  for (std::size_t at = 0; at < sealed.size(); at += 997) {
    Bytes changed = sealed;
    changed[at] ^= 1;
    EXPECT_FALSE(open_object(key, "m/a", changed)) << at;
  }
  const std::size_t piece = kVaultPieceBytes + 16;
  for (const std::size_t size : {sealed.size() - 1, std::size_t{36} + 2 * piece, std::size_t{36} + piece,
                                 std::size_t{36}, std::size_t{0}}) {
    EXPECT_FALSE(open_object(key, "m/a", BytesView(sealed).first(size))) << "cut to " << size;
  }
  // The first two pieces in each other's place.
  Bytes swapped = sealed;
  std::swap_ranges(swapped.begin() + 36, swapped.begin() + 36 + static_cast<std::ptrdiff_t>(piece),
                   swapped.begin() + 36 + static_cast<std::ptrdiff_t>(piece));
  EXPECT_FALSE(open_object(key, "m/a", swapped));
}

TEST(Vault, AKeyIsItsOwnersAlone) {
  const fs::path file = fs::path(testing::TempDir()) / "sallyport-vault.key";
  fs::remove(file);
  const VaultKey key = VaultKey::generate(system_env());
  ASSERT_TRUE(key.save(system_env(), file));
  EXPECT_FALSE(key.save(system_env(), file)) << "a key is never replaced";
  EXPECT_EQ(VaultKey::load(system_env(), file)->bytes(), key.bytes());
  fs::permissions(file, fs::perms::group_read, fs::perm_options::add);
  EXPECT_FALSE(VaultKey::load(system_env(), file));
  fs::remove(file);
}

}  // namespace
}  // namespace sallyport::trust
