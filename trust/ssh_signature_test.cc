#include "trust/ssh_signature.h"

#include <gtest/gtest.h>

#include <array>

namespace sallyport::trust {
namespace {

// Made by OpenSSH 9.2: ssh-keygen -Y sign -n git, over "signed text\n", with keys of each kind that were
// thrown away.
struct Vector {
  std::string_view key;
  std::string_view signature;
};
constexpr std::array<Vector, 4> kVectors{{
    {"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBoePCyYVJTuQ8j7zordUfrQqUw9RTKQMdnZRciwOlcP",
     R"(-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgGh48LJhUlO5DyPvOit1R+tCpTD
1FMpAx2dlFyLA6Vw8AAAADZ2l0AAAAAAAAAAZzaGE1MTIAAABTAAAAC3NzaC1lZDI1NTE5
AAAAQD1RthzZ7o/LCMqkr8IHXGwyVcrbAwtR6s5xHpENeN2OJF5xJ5huk253nWfTRSyn+y
jCZVo74XVj1ELk09VLjwI=
-----END SSH SIGNATURE-----
)"},
    {"ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBA+Lg+at23FVrxYok+"
     "zbQf7PhRdl9Xe1lz3xfZq4ShHqGaiPYQDmFVA4Bk9SJovnidggtQ6yAEEBZ13duW1IJnc=",
     R"(-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAAGgAAAATZWNkc2Etc2hhMi1uaXN0cDI1NgAAAAhuaXN0cDI1NgAAAE
EED4uD5q3bcVWvFiiT7NtB/s+FF2X1d7WXPfF9mrhKEeoZqI9hAOYVUDgGT1Imi+eJ2CC1
DrIAQQFnXd25bUgmdwAAAANnaXQAAAAAAAAABnNoYTUxMgAAAGQAAAATZWNkc2Etc2hhMi
1uaXN0cDI1NgAAAEkAAAAgRjhoKk27oJGuNu/+j/xzb8hp/zzCl+y82tWacXAWYhoAAAAh
AP5EZ895SqMjr1zNlueNVMLmMIq++yCERloWu2M5xWHa
-----END SSH SIGNATURE-----
)"},
    {"ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBIzgV114/37OamcC1M"
     "mhK72afVYwDitNeQOiwXQ0hxaOT2rMjuae6+6ydFu9PswSaqqomwjs/Y0Cv2W9Lxjy+6QeKi9a7Id1ACdukls4hWr1"
     "QHKMpg/GWt+FQtGZFcmqqg==",
     R"(-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAAIgAAAATZWNkc2Etc2hhMi1uaXN0cDM4NAAAAAhuaXN0cDM4NAAAAG
EEjOBXXXj/fs5qZwLUyaErvZp9VjAOK015A6LBdDSHFo5PasyO5p7r7rJ0W70+zBJqqqib
COz9jQK/Zb0vGPL7pB4qL1rsh3UAJ26SWziFavVAcoymD8Za34VC0ZkVyaqqAAAAA2dpdA
AAAAAAAAAGc2hhNTEyAAAAhAAAABNlY2RzYS1zaGEyLW5pc3RwMzg0AAAAaQAAADEAituv
RWKX+sRDhpnodstOM/7C76kDxAfsIUDpo4iBSArMvravHDRG4yjEdZCrK9jZAAAAMDG06I
mrQjXRs4b53XnNepocx7pWrnnuXThF1p5VDHkYLaNYyWGqJE4U+TEuTXfxVQ==
-----END SSH SIGNATURE-----
)"},
    {"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQCyky2Bs9mjBzPuA0sYG3xH46w/vOJvXiCDLMO+FyLqHv7hYwaaFW"
     "H0SrgHlBQVd3gpUGusG4AzLEXbtaAivJG2AIsOM8C2rKdkMWX7+CMdn6fKVEyYHOQz+qlZxRaoZ2vDQ52X3ut5CO8E"
     "BgAxwKHsUsKkSkKSdbfDWfHF4X0bLqfWXUHe4yCcghRC8QGJi2vrJT/NhqmGwD/iQ+JQjF/WgLgRqRLDid7QTjCIK5"
     "D8O51FfVDlf6gveCAmnqvqtU7nAYjvYcMuv07amyWpYvgzoNQj/t37mONT+MKeUEecFkJ/QWL9xxn6s3X8AB7/1ptJ"
     "2yRBdxjFapkEgztOpe0Z",
     R"(-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAARcAAAAHc3NoLXJzYQAAAAMBAAEAAAEBALKTLYGz2aMHM+4DSxgbfE
fjrD+84m9eIIMsw74XIuoe/uFjBpoVYfRKuAeUFBV3eClQa6wbgDMsRdu1oCK8kbYAiw4z
wLasp2QxZfv4Ix2fp8pUTJgc5DP6qVnFFqhna8NDnZfe63kI7wQGADHAoexSwqRKQpJ1t8
NZ8cXhfRsup9ZdQd7jIJyCFELxAYmLa+slP82GqYbAP+JD4lCMX9aAuBGpEsOJ3tBOMIgr
kPw7nUV9UOV/qC94ICaeq+q1TucBiO9hwy6/TtqbJali+DOg1CP+3fuY41P4wp5QR5wWQn
9BYv3HGfqzdfwAHv/Wm0nbJEF3GMVqmQSDO06l7RkAAAADZ2l0AAAAAAAAAAZzaGE1MTIA
AAEUAAAADHJzYS1zaGEyLTUxMgAAAQAtd6ABLKWXmzTipZsI0jgeXMuu9Tcaz92FXAh37B
9zgPiqS/VtPeJImXWKSEPckSjfUAP+o9qq/NhtwA9ldR56Ys2C2zqhgHZtG38JkyFdeuWc
3pdExeCCgG+8N+H1DpMmOpZmb5yMjrpW4LOSuXxTlwXVXGfSUN4+bO3B7EYc3yTZbx1O/a
ahFcf57gbMqqAi+j4/FR6i6sustgroe0LQdkwTO2/SXkWTh5OihU9dgCtsCfVRrjG/6tJF
czUHIZxz4+2nrGh2Gvle/U5aazqwu6grODvOeOXX182Po/ZFyrb6Nf+opvg8SuxCOEcOJi
l8/kBWs0lz13YsOvPsSLrY
-----END SSH SIGNATURE-----
)"},
}};
constexpr std::string_view kMessage = "signed text\n";

TEST(SshSignature, EachKindVerifiesAndNamesItsKey) {
  for (const Vector& vector : kVectors) {
    const auto signers = parse_allowed_signers("ana@plant.example " + std::string(vector.key) + " comment\n");
    ASSERT_TRUE(signers) << signers.error().message;
    const auto key = verify_ssh_signature(vector.signature, as_bytes(kMessage), "git");
    ASSERT_TRUE(key) << vector.key << ": " << key.error().message;
    const SshSigner* signer = signer_of(*signers, *key, "git", 0);
    ASSERT_NE(signer, nullptr);
    EXPECT_TRUE(is_principal(*signer, "ana@plant.example"));
    EXPECT_FALSE(is_principal(*signer, "bo@plant.example"));
  }
}

TEST(SshSignature, AnotherTextPurposeOrByteDoesNotVerify) {
  for (const Vector& vector : kVectors) {
    EXPECT_FALSE(verify_ssh_signature(vector.signature, as_bytes("signed text"), "git"));
    EXPECT_FALSE(verify_ssh_signature(vector.signature, as_bytes(kMessage), "file"));
    std::string body(vector.signature);
    for (std::size_t at = body.find('\n') + 1; at + 40 < body.size(); at += 7) {
      std::string changed = body;
      if (changed[at] == '\n') continue;
      changed[at] = changed[at] == 'A' ? 'B' : 'A';
      EXPECT_FALSE(verify_ssh_signature(changed, as_bytes(kMessage), "git")) << at;
    }
    for (std::size_t size = 0; size < body.size(); size += 11)
      EXPECT_FALSE(verify_ssh_signature(body.substr(0, size), as_bytes(kMessage), "git"));
  }
}

TEST(SshSignature, SignersHavePurposesAndTimes) {
  const std::string key(kVectors[0].key);
  const auto signers = parse_allowed_signers(
      "# who may sign\n\n*@plant.example,!eve@plant.example namespaces=\"git,file\",valid-after=\"20260101\","
      "valid-before=20270101 " +
      key + "\n");
  ASSERT_TRUE(signers) << signers.error().message;
  const SshSigner& signer = signers->front();
  EXPECT_TRUE(is_principal(signer, "ana@plant.example"));
  EXPECT_FALSE(is_principal(signer, "eve@plant.example"));
  constexpr std::int64_t kIn2025 = 1'750'000'000, kIn2026 = 1'780'000'000, kIn2027 = 1'800'000'000;
  EXPECT_NE(signer_of(*signers, signer.key, "git", kIn2026), nullptr);
  EXPECT_NE(signer_of(*signers, signer.key, "file", kIn2026), nullptr);
  EXPECT_EQ(signer_of(*signers, signer.key, "mail", kIn2026), nullptr);
  EXPECT_EQ(signer_of(*signers, signer.key, "git", kIn2025), nullptr);
  EXPECT_EQ(signer_of(*signers, signer.key, "git", kIn2027), nullptr);
  EXPECT_FALSE(parse_allowed_signers("ana cert-authority " + key));
  EXPECT_FALSE(parse_allowed_signers("ana namespaces=git,cert-authority " + key));
  EXPECT_FALSE(parse_allowed_signers("ana ssh-ed25519"));
}

}  // namespace
}  // namespace sallyport::trust
