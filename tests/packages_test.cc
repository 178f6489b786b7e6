// A step's packages: laid out from locked wheels alone, read in one way alone, and imported from there alone.
#include "services/packages/packages.h"

#include <gtest/gtest.h>

#include "drills/forges/assembler.h"
#include "drills/forges/wheels.h"
#include "formats/hash_lock.h"
#include "formats/wheel.h"
#include "services/sandbox/sandbox.h"
#include "tests/project_fixture.h"

namespace sallyport {
namespace {

namespace forges = drills::forges;
namespace sandbox = services::sandbox;
using services::packages::lay_out;

const std::string kHash(64, 'a');

TEST(HashLock, ReadsWhatLockersWrite) {
  const auto read = formats::read_hash_lock(
      "# by pip-compile\n--index-url https://packages.example.org/simple\n--require-hashes\n\n"
      "NumPy==2.1.0 \\\n    --hash=sha256:" +
      kHash + " \\\n    --hash=sha256:" + std::string(64, 'b') +
      "\n    # via -r in\nscikit_learn[extra]==1.5.2 ; python_version >= \"3.9\" --hash=sha256:" + kHash +
      "  # x\n");
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->size(), 2U);
  EXPECT_EQ((*read)[0].name, "numpy");
  EXPECT_EQ((*read)[0].digests.size(), 2U);
  EXPECT_FALSE((*read)[0].conditional);
  EXPECT_EQ((*read)[1].name, "scikit-learn");
  EXPECT_TRUE((*read)[1].conditional);
}

TEST(HashLock, RefusesWhatBindsToNoBytes) {
  const std::string hash = " --hash=sha256:" + kHash + "\n";
  const std::vector<std::string> texts{std::string("numpy==2.1.0\n"),
                                       "numpy" + hash,
                                       "numpy>=2" + hash,
                                       "numpy==2.*" + hash,
                                       "numpy==2,==3" + hash,
                                       "numpy @ https://example.org/x.whl" + hash,
                                       "-e ." + hash,
                                       "-r other.txt\n",
                                       "numpy==2 --hash=md5:" + kHash + "\n",
                                       "numpy==2 --hash=sha256:abc\n",
                                       "numpy==2" + hash + "Num.py==2" + hash,
                                       "numpy==2" + hash + "NUMPY==3" + hash,
                                       "--find-links x\n",
                                       "numpy==2 --hash=sha256:" + kHash + " x==1\n"};
  for (const std::string& text : texts) {
    const bool two_names = text.find("Num.py") != std::string::npos;
    EXPECT_EQ(formats::read_hash_lock(text).has_value(), two_names) << text;
  }
}

TEST(Wheel, IsReadInOneWayOrNotAtAll) {
  const std::string good =
      forges::wheel("kit", "1.0", {{"kit/__init__.py", "x = 1\n"}, {"kit/data.txt", ""}});
  const auto read = formats::read_wheel(as_bytes(good));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->size(), 5U);
  EXPECT_FALSE(formats::read_wheel(as_bytes(good + "x")));
  EXPECT_FALSE(formats::read_wheel(as_bytes("x" + good)));
  for (std::size_t at = 0; at < good.size(); at += 3) {
    std::string changed = good;
    changed[at] = static_cast<char>(changed[at] ^ 0x10);
    const auto other = formats::read_wheel(as_bytes(changed));
    if (!other) continue;
    // A date or an attribute: nothing that is laid out.
    for (std::size_t i = 0; i < read->size(); ++i) EXPECT_EQ((*other)[i].digest, (*read)[i].digest) << at;
  }
}

TEST(Wheel, HoldsNothingButWhatItSays) {
  const auto reads = [](const forges::PythonFiles& files) {
    return formats::read_wheel(as_bytes(forges::wheel("kit", "1.0", files))).has_value();
  };
  EXPECT_TRUE(
      reads({{"kit.py", ""}, {"kit-1.0.data/purelib/more.py", ""}, {"kit-1.0.data/scripts/run", ""}}));
  EXPECT_FALSE(reads({{"../kit.py", ""}}));
  EXPECT_FALSE(reads({{"/kit.py", ""}}));
  EXPECT_FALSE(reads({{"a/./kit.py", ""}}));
  EXPECT_FALSE(reads({{"a\\kit.py", ""}}));
  EXPECT_TRUE(reads({{"kit.pth", "import os"}})) << "setuptools has one; it is not laid out";
  EXPECT_TRUE(formats::runs_at_start("sitecustomize.py"));
  EXPECT_FALSE(formats::runs_at_start("kit/paths.pth"));
  EXPECT_FALSE(reads({{"kit.py", "a"}, {"kit-1.0.data/platlib/kit.py", "b"}}));
  // Beside RECORD, and without it.
  EXPECT_FALSE(formats::read_wheel(as_bytes(forges::zipped({{.name = "kit.py", .data = ""}}))));
  EXPECT_FALSE(formats::read_wheel(
      as_bytes(forges::zipped({{.name = "kit.py", .data = ""},
                               {.name = "k-1.dist-info/RECORD", .data = "k-1.dist-info/RECORD,,\n"}}))));
  EXPECT_FALSE(formats::read_wheel(as_bytes(forges::zipped(
      {{.name = "k-1.dist-info/RECORD", .data = "k-1.dist-info/RECORD,,\nkit.py,sha256=,0\n"}}))));
}

class Packages : public testing_support::ProjectFixture {
 protected:
  void serve(const std::string& name, const std::string& version, const forges::PythonFiles& files) {
    const std::string wheel = forges::wheel(name, version, files);
    write("wheels/" + forges::wheel_name(name, version), wheel);
    lock_ += forges::lock_line(name, version, wheel);
  }
  std::string lock_ = "# the project's packages\n";
};

TEST_F(Packages, AreWhatTheLockNames) {
  serve(
      "kit", "1.0",
      {{"kit/__init__.py", "x = 1\n"}, {"kit.pth", "import os"}, {"kit/__pycache__/a.cpython-311.pyc", "x"}});
  serve("tool_box", "2.0", {{"tool_box.py", "y = 2\n"}});
  write("requirements.lock", lock_);
  write("wheels/unasked-1.0-py3-none-any.whl", "not looked at");
  Env& env = system_env();
  const auto laid = lay_out(env, folder_ / "requirements.lock", folder_ / "wheels", folder_ / "laid");
  ASSERT_TRUE(laid) << laid.error().message;
  EXPECT_EQ(laid->packages, 2U);
  EXPECT_EQ(laid->files, 8U);
  EXPECT_EQ(read("laid/site/kit/__init__.py"), "x = 1\n");
  EXPECT_FALSE(fs::exists(folder_ / "laid/site/kit.pth"));
  EXPECT_FALSE(fs::exists(folder_ / "laid/site/kit/__pycache__"));
  EXPECT_EQ(sha256(read("laid/check/files.json")), laid->tree);
  // Other bytes under the same name and version; one that is not there; two of a file.
  fs::remove(folder_ / "wheels" / forges::wheel_name("kit", "1.0"));
  const auto absent = lay_out(env, folder_ / "requirements.lock", folder_ / "wheels", folder_ / "laid2");
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().kind, ErrorKind::kNotFound);
  write("wheels/" + forges::wheel_name("kit", "1.0"),
        forges::wheel("kit", "1.0", {{"kit/__init__.py", "x = 3\n"}}));
  const auto changed = lay_out(env, folder_ / "requirements.lock", folder_ / "wheels", folder_ / "laid3");
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().kind, ErrorKind::kDenied);
  EXPECT_NE(changed.error().message.find("none of the bytes"), std::string::npos) << changed.error().message;
}

// The whole, through the pipeline: what is locked is imported, and nothing else that lies about.
TEST_F(Packages, AreImportedByAStepAndNothingElseIs) {
  serve("kit", "1.0",
        {{"kit/__init__.py", "from kit import more\nx = more.x\n"}, {"kit/more.py", "x = 41\n"}});
  write("requirements.lock", lock_);
  write("own.py", "z = 1\n");
  write("clean.py",
        "import json, kit, own, shutil, sqlite3, sys\n"
        "assert kit.x + own.z == 42\n"
        "assert kit.__file__.startswith('/packages/site/'), kit.__file__\n"
        "open('/tmp/stray.py', 'w').write('raise SystemExit(9)')\n"
        "sys.path.insert(0, '/tmp')\n"
        "try: import stray\n"
        "except ImportError as error: assert 'of no locked package' in str(error), error\n"
        "else: sys.exit(8)\n"
        "shutil.copy('/in/raw', '/out/clean')\n");
  set_stage("preprocessing",
            "{run: [python3, clean.py], packages: {lock: requirements.lock, wheels: wheels}}");
  const auto passed = run(Stage::kPreprocessing);
  ASSERT_TRUE(passed) << passed.error().message;
  ASSERT_EQ(passed->verdict, Verdict::kPass) << passed->reason;
  const Json& step = passed->stages.back().predicate["step"];
  EXPECT_EQ(step["packages"]["packages"], 1);
  EXPECT_EQ(step["packages"]["lock"], sha256(lock_).hex());
  // A new release with its hash in the lock is another run; the old bytes under a new name are none.
  serve("more_kit", "1.0", {{"more_kit.py", ""}});
  fs::remove(folder_ / "requirements.lock");
  write("requirements.lock", lock_);
  const auto again = run(Stage::kPreprocessing);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_FALSE(again->stages.back().unchanged);
  EXPECT_EQ(again->stages.back().predicate["step"]["packages"]["packages"], 2);
  fs::remove(folder_ / "wheels" / forges::wheel_name("kit", "1.0"));
  write("wheels/" + forges::wheel_name("kit", "1.0"),
        forges::wheel("kit", "1.0", {{"kit/__init__.py", "x = 41\n"}}));
  set_stage("preprocessing",
            "{run: [python3, clean.py, again], packages: {lock: requirements.lock, wheels: wheels}}");
  const auto refused = run(Stage::kPreprocessing);
  ASSERT_TRUE(refused) << refused.error().message;
  EXPECT_EQ(refused->verdict, Verdict::kBlock);
  EXPECT_NE(refused->reason.find("none of the bytes"), std::string::npos) << refused->reason;
}

}  // namespace
}  // namespace sallyport
