// sallyport-scan is one file that needs nothing of the machine, small, and answers as `sallyport scan` does.
#include <gtest/gtest.h>

#include "tests/paths.h"
#include "tests/shell.h"

namespace sallyport {
namespace {

namespace fs = std::filesystem;

const std::string kEdition = "'" + tests::build_dir() + "/sallyport-scan' ";
const std::string kSamples = tests::source_dir() + "/production/model_export/testdata";

class ScanEdition : public testing::Test {
 protected:
  testing_shell::Shell shell_;
};

TEST_F(ScanEdition, IsOneSmallStaticFile) {
  constexpr std::uintmax_t kBytesMax = 15'000'000;
  const testing_shell::Ran linked = shell_.run("ldd " + kEdition + "2>&1");
  EXPECT_NE(linked.out.find("not a dynamic executable"), std::string::npos) << linked.out;
#ifdef NDEBUG
  EXPECT_LE(fs::file_size(tests::build_dir() + "/sallyport-scan"), kBytesMax);
#endif
}

// Times differ, everything else may not.
TEST_F(ScanEdition, AnswersAsTheCommandDoes) {
  const std::string where = " --format json '" + kSamples + "'";
  const testing_shell::Ran ours = shell_.run("sallyport scan" + where);
  const testing_shell::Ran edition = shell_.run(kEdition + where);
  EXPECT_EQ(ours.exit, 1);
  EXPECT_EQ(edition.exit, ours.exit);
  EXPECT_EQ(edition.out, ours.out);
}

// Its matcher of credentials is linked in another way than everybody else's.
TEST_F(ScanEdition, FindsACredentialInARepository) {
  const std::string key = std::string("AKIA") + "Z3MZJQ7XK2LQWB5T";
  testing_shell::write_text(shell_.here() / "settings.py", "key = '" + key + "'\n");
  ASSERT_EQ(shell_.run("git init -q . && git add . && git -c user.name=a -c user.email=a@example.com "
                       "commit -qm one")
                .exit,
            0);
  const testing_shell::Ran edition = shell_.run(kEdition + ".");
  EXPECT_EQ(edition.exit, 1);
  EXPECT_NE(edition.out.find("repo-credential-leak"), std::string::npos) << edition.out;
  EXPECT_EQ(edition.out.find(key), std::string::npos);
}

}  // namespace
}  // namespace sallyport
