// The model_signing tool of PyPI beside ours: each verifies what the other signed, by key and by certificate,
// and a list of what the tool lets through and ours does not.
//
// The tool is installed once, below the build folder. Where it cannot be, the test says so and is skipped.
#include <gtest/gtest.h>

#include <iostream>

#include "tests/paths.h"
#include "tests/peer.h"
#include "tests/shell.h"

namespace sallyport {
namespace {

using testing_shell::Shell;
using testing_shell::write_text;
namespace fs = std::filesystem;

const std::string kData = tests::source_dir() + "/trust/testdata/model_signature";

class ModelSigning : public testing::Test {
 protected:
  static const fs::path& folder() {
    static const fs::path kFolder = tests::peer("model-signing", "model-signing==1.1.1 pyOpenSSL");
    return kFolder;
  }
  void SetUp() override {
    if (folder().empty()) {
      std::cerr << "SKIPPED LOUDLY: model_signing could not be installed from PyPI; nothing was compared\n";
      GTEST_SKIP() << "model_signing could not be installed from PyPI";
    }
    fs::copy(kData + "/model", shell_.here() / "m", fs::copy_options::recursive);
  }
  int run(const std::string& command) const {
    const auto ran = shell_.run(command);
    last_ = command + "\n" + ran.out + ran.err;
    return ran.exit;
  }
  int tool(const std::string& words) const {
    return run("'" + (folder() / "bin" / "model_signing").string() + "' " + words);
  }
  int tool_verifies(const std::string& signature) const {
    return tool("verify key --public_key '" + kData + "/p256.pub' --signature " + signature + " m");
  }
  int ours_verifies(const std::string& signature) const {
    return run("sallyport verify-signature m --public-key '" + kData + "/p256.pub' --signature " + signature);
  }

  Shell shell_;
  mutable std::string last_ = {};
};

TEST_F(ModelSigning, TheToolVerifiesWhatWeSign) {
  for (const char* name : {"p256", "p384", "p521"}) {
    const std::string key = kData + "/" + name;
    ASSERT_EQ(run("sallyport sign m --key '" + key + ".key' --out our.sig"), 0) << last_;
    EXPECT_EQ(tool("verify key --public_key '" + key + ".pub' --signature our.sig m"), 0) << last_;
  }
  ASSERT_EQ(run("sallyport sign m --key '" + kData + "/signer.key' --certificate '" + kData +
                "/signer.crt' --out our.sig"),
            0)
      << last_;
  const std::string verify =
      "verify certificate --certificate_chain '" + kData + "/authority.crt' --signature our.sig m";
  EXPECT_EQ(tool(verify), 0) << last_;
  write_text(shell_.here() / "m/config.json", "{}");
  EXPECT_NE(tool(verify), 0);
}

TEST_F(ModelSigning, TheToolVerifiesWhatWeSignWithModesHiddenFilesAndTheSignatureInside) {
  ASSERT_EQ(run("mkdir -p m/.git m/room; echo x >m/.git/HEAD; echo y >m/.gitattributes; echo z >m/a-b; "
                "mkdir m/a; echo w >m/a/c; chmod +x m/a-b"),
            0);
  ASSERT_EQ(run("sallyport sign m --key '" + kData + "/p256.key' --out m/model.sig"), 0) << last_;
  EXPECT_EQ(tool_verifies("m/model.sig"), 0) << last_;
  EXPECT_EQ(ours_verifies("m/model.sig"), 0) << last_;
}

TEST_F(ModelSigning, WeVerifyWhatTheToolSigns) {
  ASSERT_EQ(tool("sign key --private_key '" + kData + "/p256.key' --signature m/their.sig m"), 0) << last_;
  EXPECT_EQ(ours_verifies("m/their.sig"), 0) << last_;
  write_text(shell_.here() / "m/empty.txt", "full");
  EXPECT_EQ(ours_verifies("m/their.sig"), 1) << last_;
  EXPECT_EQ(ours_verifies("absent.sig"), 2) << last_;
}

// Its command line knows SHA-256 alone; its interface for Python signs and verifies by BLAKE3 too.
TEST_F(ModelSigning, EachVerifiesTheOthersBlake3) {
  write_text(shell_.here() / "by_blake3.py", R"(import pathlib, sys
from model_signing import hashing, signing, verifying
act, key, signature = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
how = hashing.Config().use_file_serialization(hashing_algorithm='blake3', ignore_paths=[signature])
if act == 'sign':
    config = signing.Config().use_elliptic_key_signer(private_key=key).set_hashing_config(how)
    config.sign(pathlib.Path('m'), signature)
else:
    config = verifying.Config().use_elliptic_key_verifier(public_key=key).set_hashing_config(how)
    config.verify(pathlib.Path('m'), signature)
)");
  const std::string python = "'" + (folder() / "bin" / "python3").string() + "' by_blake3.py ";
  const std::string key = "'" + kData + "/p256";
  ASSERT_EQ(run("sallyport sign m --hash blake3 --key " + key + ".key' --out our.sig"), 0) << last_;
  EXPECT_EQ(run(python + "verify " + key + ".pub' our.sig"), 0) << last_;
  ASSERT_EQ(run(python + "sign " + key + ".key' their.sig"), 0) << last_;
  EXPECT_EQ(ours_verifies("their.sig"), 0) << last_;
  EXPECT_EQ(ours_verifies("our.sig"), 0) << last_;
  write_text(shell_.here() / "m/config.json", "{}");
  EXPECT_NE(run(python + "verify " + key + ".pub' our.sig"), 0);
  EXPECT_EQ(ours_verifies("our.sig"), 1) << last_;
  EXPECT_EQ(ours_verifies("their.sig"), 1) << last_;
}

// What 1.1.1 accepts, each on a directory of its own; were one of these to fail, the tool has learned.
TEST_F(ModelSigning, WeRefuseWhatTheToolAccepts) {
  ASSERT_EQ(tool("sign key --private_key '" + kData + "/p256.key' --signature their.sig m"), 0) << last_;
  ASSERT_EQ(run("cp -r m original"), 0);
  for (const char* change :
       {"mkdir -p m/.git/hooks; echo id >m/.git/hooks/pre-commit",
        "mkdir m/.github; echo on: push >m/.github/ci.yml", "chmod +x m/config.json", "mkdir m/room"}) {
    ASSERT_EQ(run(std::string("rm -rf m; cp -r original m; ") + change), 0);
    EXPECT_EQ(tool_verifies("their.sig"), 0) << change << "\n" << last_;
    EXPECT_EQ(ours_verifies("their.sig"), 1) << change << "\n" << last_;
  }
  ASSERT_EQ(run("rm -rf m; cp -r original m"), 0);
  EXPECT_EQ(run("mv m model"), 0);
  const std::string chain = "'" + kData + "/authority.crt' --signature '" + kData + "/expired.sig' model";
  EXPECT_EQ(tool("verify certificate --certificate_chain " + chain), 0) << last_;
  EXPECT_EQ(run("sallyport verify-signature --certificate-chain " + chain), 1) << last_;
}

}  // namespace
}  // namespace sallyport
