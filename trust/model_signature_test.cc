#include "trust/model_signature.h"
#include "tests/paths.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "trust/blake3.h"
#include "trust/dsse.h"

namespace sallyport::trust {
namespace {

// What the model_signing tool of PyPI wrote: tools/fixtures/model_signatures.
const fs::path kData = fs::path(tests::source_dir()) / "trust/testdata/model_signature";
constexpr std::int64_t kSigningTime = 1'790'000'000;  // in 2026

std::string text_of(const std::string& name) {
  return std::string(as_text(*system_env().read_file(kData / name)));
}
EcdsaPublicKey public_key(const std::string& name) {
  return *EcdsaPublicKey::from_pem(text_of(name + ".pub"));
}
EcdsaPrivateKey private_key(const std::string& name) {
  return *EcdsaPrivateKey::from_pem(text_of(name + ".key"));
}
std::vector<Certificate> certificates(const std::string& name) {
  return *Certificate::all_from_pem(text_of(name + ".crt"));
}
ModelTrust authority(std::int64_t at = kSigningTime) {
  return TrustedCertificates{certificates("authority"), at};
}

Result<SignedModel> open(const std::string& text, const ModelTrust& trust) {
  return open_model_bundle(as_bytes(text), trust);
}
std::string message(const Result<SignedModel>& result) { return result ? "" : result.error().message; }

class ModelSignatures : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(testing::TempDir()) / ("model_signature_" + std::to_string(::getpid()));
    fs::remove_all(root_);
    fs::create_directories(root_);
    fs::copy(kData / "model", model(), fs::copy_options::recursive);
  }
  void TearDown() override { fs::remove_all(root_); }

  fs::path model() const { return root_ / "model"; }
  void write(const std::string& path, const std::string& text) const {
    fs::create_directories((model() / path).parent_path());
    fs::remove(model() / path);
    ASSERT_TRUE(system_env().write_new(model() / path, as_bytes(text), 0644));
  }
  std::string sign(const std::string& signature_path = "") const {
    const Manifest manifest = *scan_directory(system_env(), model());
    return *sign_model(model_statement("model", manifest, signature_path), {private_key("p256"), {}},
                       kSigningTime);
  }
  std::vector<std::string> differences(const std::string& bundle, const std::set<std::string>& allowed = {},
                                       const fs::path& signature = {}) const {
    const SignedModel read = *open(bundle, public_key("p256"));
    return *check_model(system_env(), model(), read, signature, allowed);
  }

  fs::path root_;
};

using Lines = std::vector<std::string>;

TEST_F(ModelSignatures, WhatTheToolSignedVerifiesOnEveryCurve) {
  for (const char* name : {"p256", "p384", "p521"}) {
    const auto read = open(text_of(std::string(name) + ".sig"), public_key(name));
    ASSERT_TRUE(read) << name << ": " << read.error().message;
    EXPECT_EQ(read->name, "model");
    EXPECT_EQ(read->files.size(), 3U);
    EXPECT_FALSE(read->tree);
    EXPECT_EQ(*check_model(system_env(), model(), *read, {}), Lines{});
  }
  EXPECT_NE(message(open(text_of("p256.sig"), public_key("p384"))).find("another key"), std::string::npos);
}

TEST_F(ModelSignatures, OursReadBackOnEveryCurve) {
  const Manifest manifest = *scan_directory(system_env(), model());
  for (const char* name : {"p256", "p384", "p521"}) {
    const auto bundle = sign_model(model_statement("m", manifest, ""), {private_key(name), {}}, kSigningTime);
    ASSERT_TRUE(bundle);
    const auto read = open(*bundle, public_key(name));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->files.size(), 3U);
    EXPECT_TRUE(read->tree);
  }
}

// From the test vectors of its specification: bytes that count up to 250 and begin again.
TEST(Blake3Digest, IsWhatItsSpecificationSays) {
  const std::pair<std::size_t, const char*> expected[] = {
      {0, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"},
      {1, "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"},
      {1024, "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7"},
      {102400, "bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085"}};
  for (const auto& [size, digest] : expected) {
    Bytes bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i % 251);
    for (const std::size_t piece : {std::size_t{7}, std::size_t{4096}, std::size_t{102400}}) {
      Blake3 hasher;
      for (std::size_t at = 0; at < size; at += piece) {
        hasher.add(BytesView(bytes).subspan(at, std::min(piece, size - at)));
      }
      EXPECT_EQ(hasher.finish().hex(), digest) << size << " by " << piece;
    }
  }
}

TEST_F(ModelSignatures, ByBlake3ReadBackAndHeldAgainstTheFiles) {
  const ModelFiles files = *list_model(system_env(), model(), FileHash::kBlake3);
  const auto bundle = sign_model(model_statement("m", files, ""), {private_key("p256"), {}}, kSigningTime);
  ASSERT_TRUE(bundle);
  const auto read = open(*bundle, public_key("p256"));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->hash, FileHash::kBlake3);
  EXPECT_EQ(*check_model(system_env(), model(), *read, {}), Lines{});
  EXPECT_EQ(compare_model(*read, *list_model(system_env(), model(), FileHash::kSha256), "").size(), 3U)
      << "digests by another hash are others";
}

TEST_F(ModelSignatures, CertificatesVouchWhileTheyAreValid) {
  const auto good = open(text_of("signer.sig"), authority());
  ASSERT_TRUE(good) << good.error().message;
  EXPECT_NE(message(open(text_of("expired.sig"), authority())).find("has expired"), std::string::npos);
  EXPECT_TRUE(open(text_of("expired.sig"), authority(1'590'000'000)));  // known to have existed in 2020
  EXPECT_NE(message(open(text_of("signer.sig"), authority(1'590'000'000))).find("not valid yet"),
            std::string::npos);
  EXPECT_NE(message(open(text_of("encipher.sig"), authority())).find("lets it sign"), std::string::npos);
  const ModelTrust stranger = TrustedCertificates{certificates("encipher"), kSigningTime};
  EXPECT_NE(message(open(text_of("signer.sig"), stranger)).find("no chain"), std::string::npos);
  EXPECT_NE(message(open(text_of("p256.sig"), authority())).find("without a certificate"), std::string::npos);
}

TEST_F(ModelSignatures, ACertificateThatWouldBeRefusedDoesNotSign) {
  const Json statement = model_statement("m", *scan_directory(system_env(), model()), "");
  const auto sign_by = [&](const std::string& key, const std::string& certificate) {
    return sign_model(statement, {private_key(key), certificates(certificate)}, kSigningTime);
  };
  const auto good = sign_by("signer", "signer");
  ASSERT_TRUE(good);
  EXPECT_TRUE(open(*good, authority()));
  EXPECT_NE(sign_by("signer", "expired").error().message.find("has expired"), std::string::npos);
  EXPECT_NE(sign_by("signer", "encipher").error().message.find("lets it sign"), std::string::npos);
  EXPECT_NE(sign_by("p256", "signer").error().message.find("not that of the key"), std::string::npos);
}

TEST_F(ModelSignatures, EveryChangeOfTheDirectoryShows) {
  const std::string bundle = sign();
  EXPECT_EQ(differences(bundle), Lines{});
  write("config.json", "{\"layers\": 3}\n");
  write("helper.py", "import os\n");
  write(".git/hooks/post-checkout", "#!/bin/sh\n");
  fs::rename(model() / "empty.txt", model() / "other.txt");
  fs::permissions(model() / "sub/weights.bin", fs::perms::owner_exec, fs::perm_options::add);
  fs::create_directories(model() / "room");
  const Lines expected{".git/hooks/post-checkout: was not signed",
                       "config.json: is not what was signed",
                       "empty.txt: is missing",
                       "helper.py: was not signed",
                       "other.txt: was not signed",
                       "room: an empty directory that was not signed",
                       "sub/weights.bin: is executable, and was not signed as such"};
  EXPECT_EQ(differences(bundle), expected);
  fs::create_symlink("config.json", model() / "link");
  const SignedModel read = *open(bundle, public_key("p256"));
  EXPECT_FALSE(check_model(system_env(), model(), read, {}));
}

TEST_F(ModelSignatures, OursCoverWhatTheFormatLeavesOut) {
  write(".gitattributes", "*.bin filter=lfs\n");
  write("run.sh", "#!/bin/sh\n");
  fs::permissions(model() / "run.sh", fs::perms::owner_exec, fs::perm_options::add);
  fs::create_directories(model() / "room");
  const std::string bundle = sign();
  EXPECT_EQ(differences(bundle), Lines{});
  write(".gitattributes", "*.bin filter=evil\n");
  fs::permissions(model() / "run.sh", fs::perms::owner_exec, fs::perm_options::remove);
  fs::remove(model() / "room");
  const Lines expected{".gitattributes: is not what was signed", "room: the empty directory is missing",
                       "run.sh: was signed as executable, and is not"};
  EXPECT_EQ(differences(bundle), expected);
  // The format's own list stays as every other reader expects it.
  EXPECT_FALSE(open(bundle, public_key("p256"))->files.contains(".gitattributes"));
}

TEST_F(ModelSignatures, WhatIsNotRecordedMustBeAllowedByName) {
  write(".git/HEAD", "ref: refs/heads/main\n");
  write("run.sh", "#!/bin/sh\n");
  const std::string tools = text_of("p256.sig");
  EXPECT_EQ(differences(tools).size(), 2U);
  EXPECT_EQ(differences(tools, {".git", "run.sh"}), Lines{});
  EXPECT_EQ(differences(tools, {".gi", "run"}).size(), 2U) << "a path is whole parts";
  fs::permissions(model() / "config.json", fs::perms::owner_exec, fs::perm_options::add);
  EXPECT_EQ(differences(tools, {".git", "run.sh"}),
            Lines{"config.json: is executable, and was not signed as such"});
  EXPECT_EQ(differences(tools, {".git", "run.sh", "config.json"}), Lines{});
}

TEST_F(ModelSignatures, ASignatureMayLieInTheDirectory) {
  const std::string bundle = sign("model.sig");
  write("model.sig", bundle);
  EXPECT_EQ(differences(bundle, {}, model() / "model.sig"), Lines{});
  EXPECT_EQ(path_within(model(), model() / "sub/../model.sig"), "model.sig");
  EXPECT_EQ(path_within(model(), root_ / "model.sig"), "");
}

// The signature holds, but what is signed must not be acted on.
std::string message_of_signed(const Json& statement) {
  const EcdsaPrivateKey key = private_key("p256");
  const Bytes payload = to_bytes(canonical(statement));
  Json bundle = *parse_json(text_of("p256.sig"));
  bundle["dsseEnvelope"]["payload"] = to_base64(payload);
  bundle["dsseEnvelope"]["signatures"][0]["sig"] = to_base64(key.sign(pae(kInTotoPayloadType, payload)));
  return message(open(canonical(bundle), public_key("p256")));
}

TEST_F(ModelSignatures, AStatementThatLiesIsRefused) {
  const Json good = model_statement("m", *scan_directory(system_env(), model()), "");
  EXPECT_EQ(message_of_signed(good), "");
  const auto edited = [&](const auto& edit) {
    Json copy = good;
    edit(copy);
    return message_of_signed(copy);
  };
  const auto resources = [](Json& s) -> Json& { return s["predicate"]["resources"]; };
  EXPECT_NE(edited([&](Json& s) { resources(s)[0]["name"] = "../secret"; }), "");
  EXPECT_NE(edited([&](Json& s) { resources(s)[0]["name"] = "/etc/passwd"; }), "");
  EXPECT_NE(edited([&](Json& s) { resources(s)[1]["name"] = resources(s)[0]["name"]; }), "");
  EXPECT_NE(edited([&](Json& s) { resources(s)[0]["algorithm"] = "md5"; }), "");
  EXPECT_NE(edited([&](Json& s) { resources(s).erase(0); }), "");
  EXPECT_NE(edited([&](Json& s) { resources(s) = Json::array(); }), "");
  EXPECT_NE(edited([](Json& s) { s["subject"].push_back(s["subject"][0]); }), "");
  EXPECT_NE(edited([](Json& s) { s["predicateType"] = "https://slsa.dev/provenance/v1"; }), "");
  EXPECT_NE(edited([](Json& s) { s["predicate"]["serialization"]["method"] = "shards"; }), "");
  EXPECT_NE(edited([](Json& s) { s["predicate"]["serialization"]["hash_type"] = "blake3"; }), "");
  EXPECT_NE(edited([](Json& s) { s["predicate"]["serialization"]["allow_symlinks"] = true; }), "");
  EXPECT_NE(edited([](Json& s) { s["predicate"]["extra"] = 1; }), "");
  EXPECT_NE(edited([](Json& s) {
              s["subject"][0]["annotations"][std::string(kModelTreeAnnotation)]["executable"] = {"../x"};
            }),
            "");
}

TEST_F(ModelSignatures, NoByteOfABundleCanChangeUnnoticed) {
  const ModelTrust trust = public_key("p256");
  const std::string bundle = sign();
  const auto honest = open(bundle, trust);
  ASSERT_TRUE(honest);
  for (std::size_t at = 0; at < bundle.size(); ++at) {
    EXPECT_FALSE(open(bundle.substr(0, at), trust)) << "cut at " << at;
    std::string changed = bundle;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    const auto read = open(changed, trust);
    // The key id is not signed and decides nothing; whatever is still read must be what was signed.
    EXPECT_TRUE(!read || read->files == honest->files) << "byte " << at;
  }
}

TEST_F(ModelSignatures, KeysOfOtherKindsAreRefused) {
  EXPECT_FALSE(EcdsaPublicKey::from_pem(text_of("../openssl_ed25519.pub")));
  EXPECT_FALSE(EcdsaPublicKey::from_pem(""));
  EXPECT_FALSE(EcdsaPrivateKey::from_pem(text_of("p256.pub")));
  EXPECT_FALSE(Certificate::all_from_pem(text_of("p256.pub")));
  EXPECT_FALSE(Certificate::all_from_pem(text_of("signer.crt").substr(0, 300)));
  const Bytes der = certificates("signer")[0].der();
  EXPECT_TRUE(Certificate::from_der(der));
  for (std::size_t at = 0; at < der.size(); ++at) {
    EXPECT_FALSE(Certificate::from_der(BytesView(der).first(at)));
  }
}

TEST_F(ModelSignatures, TheParametersBlockOfOpensslIsPassedOver) {
  const std::string parameters =
      "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
  const auto key = EcdsaPrivateKey::from_pem(parameters + text_of("p256.key"));
  ASSERT_TRUE(key) << key.error().message;
  EXPECT_EQ(key->public_key().hint(), public_key("p256").hint());
}

}  // namespace
}  // namespace sallyport::trust
