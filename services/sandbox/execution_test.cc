// A command executes its own program, the interpreter of its first line, and what its confinement lists.
#include "services/sandbox/testdata/fixture.h"

namespace sallyport::services::sandbox::testing {
namespace {

using Names = std::vector<std::string>;

class Execution : public ::testing::Test {
 protected:
  Folder folder_;

  Confinement listing(Names command, Names executes) {
    Confinement confinement = probe_confinement(folder_, "");
    confinement.command = std::move(command);
    confinement.executes = std::move(executes);
    return confinement;
  }
  Result<Outcome> ran(Names command, Names executes) {
    return run(listing(std::move(command), std::move(executes)));
  }
  static Names executed(const Outcome& outcome) {
    Names out;
    for (const Executable& program : outcome.programs) {
      if (program.executed) out.push_back(fs::path(program.path).filename());
    }
    return out;
  }
  static Names refused(const Outcome& outcome) {
    Names out;
    for (const Denial& denial : outcome.denials) {
      if (denial.what.starts_with("execute ")) out.push_back(fs::path(denial.what.substr(8)).filename());
    }
    return out;
  }
  void script(const std::string& name, const std::string& text) {
    write_text(folder_.in() / name, text);
    fs::permissions(folder_.in() / name,
                    fs::perms::owner_all | fs::perms::others_read | fs::perms::others_exec);
  }
};

TEST_F(Execution, OfWhatIsListedIsAttestedWithItsDigest) {
  const auto outcome = ran({"sh", "-c", "sort /in/input.txt && cat /in/input.txt"}, {"sort", "cat", "ls"});
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->exit_status, 0) << read_text(folder_.root() / "stderr");
  EXPECT_EQ(refused(*outcome), Names{});
  EXPECT_EQ(outcome->programs.size(), 4U);
  Names ran_here = executed(*outcome);
  EXPECT_EQ(std::count(ran_here.begin(), ran_here.end(), "ls"), 0);
  EXPECT_EQ(std::count(ran_here.begin(), ran_here.end(), "sort"), 1);
  EXPECT_EQ(ran_here.size(), 3U);
  for (const Executable& program : outcome->programs) {
    EXPECT_EQ(program.digest, sha256(read_text(program.path))) << program.path;
  }
}

TEST_F(Execution, OfAnythingElseIsRefusedAndCounted) {
  const auto outcome =
      ran({"sh", "-c", "sort /in/input.txt; /usr/bin/id; cd /usr/bin && ./whoami; exit 0"}, {"sort"});
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->exit_status, 0);
  EXPECT_EQ(refused(*outcome), (Names{"id", "whoami"}));
  EXPECT_EQ(read_text(folder_.root() / "stdout"), "input\n");
}

TEST_F(Execution, OfTheCommandItselfNeedsNoList) {
  EXPECT_EQ(ran({"python3", "-I", "-S", "-c", "print(1)"}, {})->exit_status, 0);
  // The same program by another name, and itself again.
  const auto again = ran({"python3", "-I", "-S", "-c",
                          "import subprocess, sys\n"
                          "subprocess.run([sys.executable, '-I', '-S', '-c', 'print(2)'], check=True)\n"
                          "subprocess.run(['/proc/self/exe', '-I', '-S', '-c', 'print(3)'], check=True)\n"},
                         {});
  ASSERT_TRUE(again);
  EXPECT_EQ(again->exit_status, 0) << read_text(folder_.root() / "stderr");
  EXPECT_TRUE(again->denials.empty()) << to_json(*again).dump();
}

TEST_F(Execution, OfAScriptIncludesItsInterpreter) {
  script("plain.sh", "#!/bin/sh\necho plain\n");
  script("named.py", "#!/usr/bin/env -S python3 -I\nprint('named')\n");
  const auto plain = ran({"/in/plain.sh"}, {});
  ASSERT_TRUE(plain) << plain.error().message;
  EXPECT_EQ(read_text(folder_.root() / "stdout"), "plain\n");
  const auto named = ran({"/in/named.py"}, {});
  ASSERT_TRUE(named) << named.error().message;
  EXPECT_EQ(read_text(folder_.root() / "stdout"), "named\n") << read_text(folder_.root() / "stderr");
  // A listed script too; one that is not listed is refused whatever its interpreter.
  script("other.sh", "#!/bin/sh\necho other\n");
  const auto both = ran({"sh", "-c", "/in/plain.sh; /in/other.sh; exit 0"}, {"/in/plain.sh"});
  ASSERT_TRUE(both) << both.error().message;
  EXPECT_EQ(read_text(folder_.root() / "stdout"), "plain\n");
  EXPECT_EQ(refused(*both), Names{"other.sh"});
}

TEST_F(Execution, NamesOfProgramsThatAreNotThereAreErrors) {
  const auto absent = ran({"sh", "-c", "true"}, {"no-such-program"});
  ASSERT_FALSE(absent);
  EXPECT_NE(absent.error().message.find("no-such-program: not found"), std::string::npos)
      << absent.error().message;
  script("../out/mine.sh", "#!/bin/sh\necho mine\n");
  const auto written = ran({"sh", "-c", "true"}, {"/out/mine.sh"});
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().message.find("may write"), std::string::npos) << written.error().message;
  fs::create_symlink(folder_.root() / "secret", folder_.in() / "away");
  const auto away = ran({"sh", "-c", "true"}, {"/in/away"});
  ASSERT_FALSE(away);
  EXPECT_NE(away.error().message.find("not inside"), std::string::npos) << away.error().message;
  Confinement anywhere = listing({"sh", "-c", "true"}, {});
  anywhere.new_code = NewCode::kAnywhere;
  EXPECT_FALSE(run(anywhere));
}

// Odd names reach the attestation in one plain line.
TEST_F(Execution, OddNamesAreToldPlainly) {
  script("a\nb\x1b[2J", "#!/bin/sh\n");
  const auto outcome = ran({"sh", "-c", "/in/a*; exit 0"}, {});
  ASSERT_TRUE(outcome);
  EXPECT_EQ(refused(*outcome), Names{"a?b?[2J"});
}

TEST_F(Execution, IsPartOfWhatIsAttested) {
  const Confinement with = listing({"sh", "-c", "true"}, {"sort"});
  Confinement without = with;
  without.executes = Names{};
  EXPECT_NE(digest_of(with), digest_of(without));
  EXPECT_EQ(to_json(with)["executes"], Json::array({"sort"}));
}

}  // namespace
}  // namespace sallyport::services::sandbox::testing
