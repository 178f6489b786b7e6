// The runner on a real project: gates, confinement, resuming, and steps of the user's own.
#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <random>
#include <thread>

#include "services/project/check.h"
#include "tests/paths.h"
#include "tests/project_fixture.h"

namespace sallyport {
namespace {

using services::pipeline::RunReport;

class Pipeline : public testing_support::ProjectFixture {};

TEST_F(Pipeline, UnchangedStagesAreNotRunAgain) {
  const auto first = run(Stage::kPreparation);
  ASSERT_TRUE(first) << first.error().message;
  ASSERT_EQ(first->verdict, Verdict::kPass) << first->reason;
  const auto second = run(Stage::kPreparation);
  ASSERT_TRUE(second) << second.error().message;
  for (std::size_t i = 0; i < second->stages.size(); ++i) {
    EXPECT_FALSE(first->stages[i].unchanged);
    EXPECT_TRUE(second->stages[i].unchanged) << name_of(second->stages[i].stage);
    EXPECT_EQ(first->stages[i].outputs, second->stages[i].outputs);
  }
}

TEST_F(Pipeline, OnlyWhatDependsOnAChangeRunsAgain) {
  ASSERT_TRUE(run(Stage::kVersionedData));
  set_stage("preparation", "{split: {test: 0.3}}");
  const auto again = run(Stage::kVersionedData);
  ASSERT_TRUE(again) << again.error().message;
  for (const auto& stage : again->stages) {
    EXPECT_EQ(stage.unchanged, stage.stage < Stage::kPreparation) << name_of(stage.stage);
  }
}

TEST_F(Pipeline, AnUnsignedDefinitionIsNotExecuted) {
  set_stage("preprocessing",
            "{run: [sh, -c, 'touch /project/mark; cp /in/raw /out/clean'], executes: [touch, cp]}", false);
  const auto refused = run(Stage::kPreprocessing);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kDenied);
  EXPECT_NE(refused.error().message.find("not signed by the lead"), std::string::npos)
      << refused.error().message;
}

TEST_F(Pipeline, ATamperedFeedIsRefusedBeforeItIsParsed) {
  std::string feed = read("feed/digits.csv");
  feed[feed.size() / 2] = feed[feed.size() / 2] == '1' ? '2' : '1';
  fs::remove(folder_ / "feed/digits.csv");
  write("feed/digits.csv", feed);
  const auto report = run(Stage::kPreprocessing);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->verdict, Verdict::kBlock);
  EXPECT_EQ(report->stages.size(), 1U);
}

TEST_F(Pipeline, ACleaningStepThatRelabelsIsBlocked) {
  write("clean.py",
        "import os\n"
        "rows = open(os.environ['SALLYPORT_IN'] + '/raw').read().splitlines()\n"
        "label = rows[0].split(',').index('digit')\n"
        "out = [rows[0]]\n"
        "for row in rows[1:]:\n"
        "    cells = row.split(',')\n"
        "    if cells[label] == '3' and len(out) % 7 == 0: cells[label] = '8'\n"
        "    out.append(','.join(cells))\n"
        "open(os.environ['SALLYPORT_OUT'] + '/clean', 'w').write('\\n'.join(out) + '\\n')\n");
  set_stage("preprocessing", "{run: [python3, clean.py]}");
  const auto report = run(Stage::kPreparation);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->verdict, Verdict::kBlock);
  EXPECT_EQ(report->stages.back().stage, Stage::kPreprocessing);
  EXPECT_NE(report->reason.find("label_transition"), std::string::npos) << report->reason;
}

TEST_F(Pipeline, AStepWritesWhatItDeclaredAndNothingElse) {
  set_stage("preprocessing", "{run: [sh, -c, 'cp /in/raw /out/clean; echo x > /out/extra'], executes: [cp]}");
  const auto extra = run(Stage::kPreprocessing);
  ASSERT_FALSE(extra && extra->verdict < Verdict::kBlock);
  set_stage("preprocessing",
            "{run: [sh, -c, 'cp /in/raw /out/clean; echo x > /project/mark; cat .sallyport/keys/lead.key'], "
            "executes: [cp, cat]}");
  const auto report = run(Stage::kPreprocessing);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->verdict, Verdict::kBlock)
      << "a step that fails to write where it must not is a failed step";
  EXPECT_FALSE(fs::exists(folder_ / "mark"));
}

// A step that starts a program which it does not declare is told so, and its refusal is on record.
TEST_F(Pipeline, AStepExecutesWhatItDeclares) {
  set_stage("preprocessing", "{run: [sh, -c, 'cp /in/raw /out/clean; id; exit 0'], executes: [cp]}");
  const auto refused = run(Stage::kPreprocessing);
  ASSERT_TRUE(refused) << refused.error().message;
  EXPECT_EQ(refused->verdict, Verdict::kBlock);
  EXPECT_NE(refused->reason.find("it tried execute /usr/bin/id"), std::string::npos) << refused->reason;
  set_stage("preprocessing", "{run: [sh, -c, 'cp /in/raw /out/clean; id; exit 0'], executes: [cp, id]}");
  const auto passed = run(Stage::kPreprocessing);
  ASSERT_TRUE(passed) << passed.error().message;
  ASSERT_EQ(passed->verdict, Verdict::kPass) << passed->reason;
  const Json& runs = passed->stages.back().predicate["sandbox"]["runs"];
  ASSERT_EQ(runs.size(), 1U);
  EXPECT_EQ(runs[0]["programs"].size(), 3U) << runs.dump();
  for (const Json& program : runs[0]["programs"]) EXPECT_TRUE(program["executed"]) << program.dump();
}

// A port of the host is reached through the broker by the step that declares it, and by no other.
TEST_F(Pipeline, AStepReachesWhatItDeclares) {
  const int listening = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(at);
  ASSERT_EQ(::bind(listening, reinterpret_cast<const sockaddr*>(&at), size), 0);
  ASSERT_EQ(::listen(listening, 4), 0);
  ASSERT_EQ(::getsockname(listening, reinterpret_cast<sockaddr*>(&at), &size), 0);
  const std::string to = "127.0.0.1:" + std::to_string(ntohs(at.sin_port));
  write("fetch.py",
        "import os, shutil, socket, sys\n"
        "proxy = os.environ.get('HTTPS_PROXY', 'http://127.0.0.1:3128')[7:].split(':')\n"
        "shutil.copy('/in/raw', '/out/clean')\n"
        "s = socket.create_connection((proxy[0], int(proxy[1])))\n"
        "s.sendall(('CONNECT %s HTTP/1.1\\r\\n\\r\\n' % sys.argv[1]).encode())\n"
        "sys.exit(b' 200 ' not in s.recv(4096))\n");
  const std::string command = "run: [python3, fetch.py, '" + to + "']";
  set_stage("preprocessing", "{" + command + "}");
  EXPECT_EQ(run(Stage::kPreprocessing)->verdict, Verdict::kBlock) << "no network at all";
  set_stage("preprocessing", "{" + command + ", network: [{to: 'store.example.org:443'}]}");
  const auto elsewhere = run(Stage::kPreprocessing);
  ASSERT_TRUE(elsewhere) << elsewhere.error().message;
  EXPECT_EQ(elsewhere->verdict, Verdict::kBlock);
  EXPECT_NE(elsewhere->reason.find("connect " + to), std::string::npos) << elsewhere->reason;
  set_stage("preprocessing", "{" + command + ", network: [{to: '" + to + "'}]}");
  EXPECT_EQ(run(Stage::kPreprocessing)->verdict, Verdict::kBlock)
      << "an inside address that is not declared private";
  set_stage("preprocessing", "{" + command + ", network: [{to: '" + to + "', private: true, send: 1K}]}");
  const auto passed = run(Stage::kPreprocessing);
  ASSERT_TRUE(passed) << passed.error().message;
  ASSERT_EQ(passed->verdict, Verdict::kPass) << passed->reason;
  const Json& egress = passed->stages.back().predicate["sandbox"]["runs"][0]["egress"];
  ASSERT_EQ(egress.size(), 1U);
  EXPECT_EQ(egress[0]["to"], to);
  EXPECT_EQ(egress[0]["address"], "127.0.0.1");
  ::close(listening);
}

// The real binary, killed with SIGKILL at moments drawn from a seed; afterwards the ledger is sound and the
// run goes on.
TEST_F(Pipeline, AKilledRunResumes) {
  const std::string binary = tests::sallyport();
  std::mt19937 random(7);
  for (int i = 0; i < 12; ++i) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const int null = ::open("/dev/null", O_WRONLY);
      ::dup2(null, 1);
      ::dup2(null, 2);
      ::execl(binary.c_str(), "sallyport", "-C", folder_.c_str(), "run", "--until", "versioned_data",
              nullptr);
      ::_exit(127);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 400));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_FALSE(WIFEXITED(status) && WEXITSTATUS(status) == 127) << "the binary is missing";
    const auto workspace = trust::Workspace::open(system_env(), folder_);
    ASSERT_TRUE(workspace);
    const auto root = workspace->load_root();
    ASSERT_TRUE(root);
    auto ledger = workspace->open_ledger(*root);
    ASSERT_TRUE(ledger) << ledger.error().message;
    const auto sound = ledger->fsck();
    EXPECT_TRUE(sound) << sound.error().message;
  }
  const auto report = run(Stage::kVersionedData);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->verdict, Verdict::kPass) << report->reason;
  EXPECT_EQ(report->stages.size(), 5U);
}

// The system's Python and no framework: the user's own trainer takes the built-in one's place.
TEST_F(Pipeline, AUsersTrainerReplacesTheBuiltIn) {
  const auto script = system_env().read_file(fs::path(tests::source_dir()) / "tests/data/train_plain.py");
  ASSERT_TRUE(script) << script.error().message;
  write("train.py", std::string(as_text(*script)));
  set_stage("training", "{run: [python3, train.py], seed: 7}");
  set_stage("validation", "{at-least: {accuracy: 0.90}}");
  const auto report = run();
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_LT(report->verdict, Verdict::kBlock) << report->reason;
  EXPECT_EQ(report->stages.size(), 16U);
  const auto workspace = trust::Workspace::open(system_env(), folder_);
  ASSERT_TRUE(workspace);
  const auto project = services::pipeline::load_project(system_env(), folder_);
  const auto verified = services::project::verify_project(*workspace, "digits@champion", project->policy,
                                                          system_env().now_unix_s());
  EXPECT_TRUE(verified.verified()) << verified.reason;
}

}  // namespace
}  // namespace sallyport
