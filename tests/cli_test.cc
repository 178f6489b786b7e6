// The command line as scripts see it: the real binary, whole outputs, exit codes.
#include <gtest/gtest.h>

#include "cli/command.h"
#include "cli/pages.h"
#include "core/json.h"
#include "tests/paths.h"
#include "tests/shell.h"
#include "trust/workspace.h"

namespace sallyport {
namespace {

using testing_shell::Ran;
using testing_shell::Shell;

const std::filesystem::path kSnapshots = std::filesystem::path(tests::source_dir()) / "tests/snapshots";

std::string quoted(const std::filesystem::path& path) { return "'" + path.string() + "'"; }

class Transcript : public testing::TestWithParam<const char*> {};

TEST_P(Transcript, IsWhatThePersonSees) {
  const Shell shell;
  shell.expect_transcript(kSnapshots / (std::string(GetParam()) + ".txt"));
}

INSTANTIATE_TEST_SUITE_P(Cli, Transcript, testing::Values("errors", "keygen", "one_threat", "help_drill"),
                         [](const auto& parameter) { return std::string(parameter.param); });

TEST(Cli, EveryCommandHasHelpAsTextAndAsJson) {
  const Shell shell;
  for (const cli::Command* command : cli::commands()) {
    const std::string name(command->name);
    const Ran text = shell.run("sallyport " + name + " --help");
    EXPECT_EQ(text.exit, 0) << name;
    EXPECT_EQ(text.out, cli::help_page(*command));
    EXPECT_EQ(text.err, "");
    const Ran json = shell.run("sallyport " + name + " --help --format json");
    const auto page = parse_json(json.out);
    ASSERT_TRUE(page) << name;
    EXPECT_EQ((*page)["command"], name);
    EXPECT_EQ(shell.run("sallyport " + name + " --no-such-option").exit, 64) << name;
  }
}

TEST(Cli, VersionAndOverview) {
  const Shell shell;
  EXPECT_EQ(shell.run("sallyport --version").out, cli::version_text() + "\n");
  EXPECT_EQ(shell.run("sallyport").out, cli::overview_page());
  EXPECT_EQ(shell.run("sallyport --help").out, cli::overview_page());
  EXPECT_EQ(shell.run("sallyport help").out, cli::overview_page());
}

TEST(Cli, ThreatsAreAHundredObjectsOfTheStatedShape) {
  const Shell shell;
  const Ran ran = shell.run("sallyport threats --format json");
  EXPECT_EQ(ran.exit, 0);
  EXPECT_EQ(ran.err, "");
  const auto table = parse_json(ran.out);
  ASSERT_TRUE(table) << table.error().message;
  ASSERT_EQ(table->size(), 100u);
  for (const Json& row : *table) {
    EXPECT_TRUE(only_members(row, {"id", "stage", "title", "state", "guards", "drill", "reason"})) << row;
    EXPECT_TRUE(row["guards"].is_array() && row["drill"].is_boolean()) << row;
    const std::string state = row["state"];
    EXPECT_EQ(row["drill"], state != "open") << row;
    EXPECT_EQ(!row["guards"].empty(), state == "guarded") << row;
    EXPECT_TRUE(state == "guarded" || row["reason"] != "") << row;
  }
}

TEST(Cli, DrillSpeaksTheStatedJsonAndNothingElseOnStdout) {
  const Shell shell;
  const Ran ran = shell.run("sallyport drill input-schema-smuggling --format json --trials 2");
  EXPECT_EQ(ran.exit, 0) << ran.err;
  const auto rows = parse_json(ran.out);
  ASSERT_TRUE(rows) << rows.error().message;
  ASSERT_EQ(rows->size(), 1u);
  const Json& row = rows->front();
  EXPECT_TRUE(only_members(row, {"id", "undefended_harm", "defended_refused", "twin_passes", "trials", "rate",
                                 "rate_low", "rate_high", "false_positive_rate"}));
  EXPECT_EQ(row.size(), 9u);
  EXPECT_EQ(row["id"], "input-schema-smuggling");
  EXPECT_EQ(row["trials"], 2);
  // Progress is one JSON event a line on stderr.
  std::istringstream lines(ran.err);
  for (std::string line; std::getline(lines, line);) EXPECT_TRUE(parse_json(line)) << line;
  EXPECT_EQ(shell.run("sallyport drill input-schema-smuggling --format json --trials 2 --quiet").err, "");
}

TEST(Cli, AReaderThatLeavesEndsItQuietlyAndAFullDiskDoesNot) {
  const Shell shell;
  const Ran left = shell.run("(sallyport threats; echo exit $? >&2) | head -n 1");
  EXPECT_EQ(left.err, "exit 0\n");
  const Ran full = shell.run("sallyport threats >/dev/full");
  EXPECT_EQ(full.exit, 2);
  EXPECT_NE(full.err.find("stdout: cannot write"), std::string::npos) << full.err;
}

TEST(Cli, NoColourOffATerminal) {
  const Shell shell;
  for (const char* command :
       {"sallyport threats", "TERM=xterm sallyport threats", "sallyport threats split-leakage"}) {
    EXPECT_EQ(shell.run(command).out.find('\x1b'), std::string::npos) << command;
  }
}

// util-linux's script gives the command a terminal of its own.
TEST(Cli, ColourOnATerminalUnlessNoColorIsSet) {
  const Shell shell;
  if (shell.run("command -v script").exit != 0) GTEST_SKIP() << "no script(1) on this machine";
  const std::string line = "script -qec 'sallyport threats split-leakage' /dev/null";
  EXPECT_NE(shell.run("export TERM=xterm; " + line).out.find("\x1b[1m"), std::string::npos);
  EXPECT_EQ(shell.run("export TERM=xterm NO_COLOR=1; " + line).out.find("\x1b[1m"), std::string::npos);
  EXPECT_EQ(shell.run("export TERM=dumb; " + line).out.find("\x1b[1m"), std::string::npos);
}

TEST(Cli, CompletionsAreCompleteAndLoad) {
  const Shell shell;
  for (const char* name : {"bash", "zsh", "fish"}) {
    const Ran script = shell.run(std::string("sallyport completions ") + name);
    EXPECT_EQ(script.exit, 0);
    for (const cli::Command* command : cli::commands()) {
      for (const cli::Flag& flag : command->flags) {
        EXPECT_NE(script.out.find(flag.name), std::string::npos) << name << ": " << flag.name;
      }
    }
  }
  const std::string complete =
      "bash -c 'source <(sallyport completions bash); COMP_WORDS=(sallyport WORDS); COMP_CWORD=AT; "
      "_sallyport; "
      "echo ${COMPREPLY[*]}'";
  const auto completed = [&](const std::string& words, const std::string& at) {
    std::string line = complete;
    line.replace(line.find("WORDS)"), 5, words);
    line.replace(line.find("COMP_CWORD=AT") + 11, 2, at);
    return shell.run(line).out;
  };
  EXPECT_EQ(completed("thr", "1"), "threats\n");
  EXPECT_EQ(completed("drill --tri", "2"), "--trials\n");
  EXPECT_EQ(completed("log f", "2"), "fsck\n");
  EXPECT_EQ(completed("threats --format j", "3"), "json\n");
}

TEST(Cli, TheManualPageFormats) {
  const Shell shell;
  EXPECT_EQ(shell.run("sallyport man").exit, 0);
  if (shell.run("command -v man").exit != 0) GTEST_SKIP() << "no man(1) on this machine";
  const Ran page = shell.run("sallyport man >page.1 && MANWIDTH=100 man --warnings -l page.1");
  EXPECT_EQ(page.exit, 0);
  EXPECT_EQ(page.err, "");
}

// Each mutant of each guard and mechanism is noticed, and the tool that says so would see one that is not.
TEST(Mutate, NoMutantSurvives) {
  const Shell shell;
  const Ran ran = shell.run("cd '" + tests::source_dir() + "' && sallyport-mutate");
  EXPECT_EQ(ran.exit, 0) << ran.out << ran.err;
}

TEST(Mutate, APlantedFaultIsSeen) {
  const Shell shell;
  const Ran ran = shell.run("sallyport-mutate --plant");
  EXPECT_EQ(ran.exit, 0) << ran.out;
  EXPECT_NE(ran.out.find("every planted fault was seen"), std::string::npos) << ran.out;
}

// A project's ledger, on disk and then changed on disk.
class CliLedger : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(trust::create_workspace(system_env(), shell_.here())); }

  Json json_of(const std::string& command, int exit) {
    const Ran ran = shell_.run(command + " --format json");
    EXPECT_EQ(ran.exit, exit) << command << "\n" << ran.out << ran.err;
    const auto value = parse_json(ran.out);
    EXPECT_TRUE(value) << ran.out;
    return value ? *value : Json();
  }

  Shell shell_;
};

TEST_F(CliLedger, FsckTellsSoundFromChangedAndFromAbsent) {
  EXPECT_EQ(json_of("sallyport log fsck", 0)["verdict"], "sound");
  EXPECT_EQ(json_of("sallyport log fsck " + quoted(shell_.here()), 0)["verdict"], "sound");
  EXPECT_EQ(shell_.run("mkdir sub && cd sub && sallyport log fsck").exit, 0) << "found upwards";
  EXPECT_EQ(shell_.run("sallyport -C /nowhere log fsck").exit, 2);
  ASSERT_EQ(shell_.run("sed -i 's/^0$/7/' .sallyport/log/checkpoint").exit, 0);
  EXPECT_EQ(json_of("sallyport log fsck", 1)["verdict"], "not-sound");
}

TEST_F(CliLedger, VerifyAnswersInTheStatedShapeWhateverItIsAsked) {
  ASSERT_EQ(shell_.run("echo 1 >model.bin").exit, 0);
  const std::string nobody = "sha256:" + std::string(64, 'a');
  for (const std::string& name : {std::string("model.bin"), std::string("digits@champion"), nobody}) {
    const Json answer = json_of("sallyport verify " + name, 1);
    EXPECT_TRUE(only_members(answer, {"verdict", "chain", "reason"})) << answer;
    EXPECT_EQ(answer["verdict"], "refused") << name;
    EXPECT_TRUE(answer["chain"].is_array());
    EXPECT_NE(answer["reason"], "") << name;
  }
  EXPECT_EQ(json_of("sallyport -C /nowhere verify model.bin", 2)["verdict"], "error");
}

TEST_F(CliLedger, AnEmptyLogIsShownAndAnEntryBeyondItIsNot) {
  EXPECT_EQ(json_of("sallyport log show", 0).size(), 0u);
  const Ran beyond = shell_.run("sallyport log show 0");
  EXPECT_EQ(beyond.exit, 2);
  EXPECT_EQ(beyond.err, "sallyport: log: no entry #0\n  do   the log has 0 entries, from #0\n");
}

}  // namespace
}  // namespace sallyport
