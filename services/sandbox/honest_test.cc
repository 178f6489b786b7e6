// Honest programs go through unharmed: what they read, write and start works, and nothing of theirs is
// reported.
#include <sys/socket.h>

#include <thread>

#include "services/sandbox/testdata/fixture.h"

namespace sallyport::services::sandbox::testing {
namespace {

class Honest : public ::testing::Test {
 protected:
  Folder folder_;

  Confinement confinement(std::vector<std::string> command) {
    Confinement confinement = probe_confinement(folder_, "");
    confinement.command = std::move(command);
    return confinement;
  }
  Outcome ran(const Confinement& confinement) {
    const Result<Outcome> outcome = run(confinement);
    EXPECT_TRUE(outcome) << outcome.error().message;
    if (!outcome) return {};
    EXPECT_EQ(outcome->limit, Limit::kNone);
    EXPECT_EQ(outcome->exit_status, 0) << read_text(folder_.root() / "stderr");
    return *outcome;
  }
};

TEST_F(Honest, PythonComputesAndWrites) {
  write_text(
      folder_.in() / "train.py",
      "import hashlib, json, math, os, random, subprocess, sys, tempfile, threading\n"
      "random.seed(int(os.environ['SEED']))\n"
      "text = open('/in/input.txt').read()\n"
      "with tempfile.TemporaryFile() as scratch: scratch.write(b'x' * 100000)\n"
      "total = []\n"
      "threads = [threading.Thread(target=lambda: total.append(math.fsum(range(1000)))) for _ in range(4)]\n"
      "for thread in threads: thread.start()\n"
      "for thread in threads: thread.join()\n"
      "said = subprocess.run(['sort'], input='b\\na\\n', text=True, capture_output=True).stdout\n"
      "os.makedirs('/out/model/sub')\n"
      "with open('/out/model/sub/weights.json.tmp', 'w') as file:\n"
      "  json.dump({'text': text, 'sum': sum(total), 'sorted': said, 'cores': os.cpu_count() > 0,\n"
      "             'digest': hashlib.sha256(text.encode()).hexdigest()}, file)\n"
      "os.rename('/out/model/sub/weights.json.tmp', '/out/model/weights.json')\n"
      "os.symlink('weights.json', '/out/model/latest')\n"
      "print('done', file=sys.stderr)\n");
  Confinement training = confinement({"python3", "/in/train.py"});
  training.environment.emplace_back("SEED", "7");
  const Outcome outcome = ran(training);
  EXPECT_TRUE(outcome.denials.empty()) << to_json(outcome).dump();
  const Result<Json> written = parse_json(read_text(folder_.out() / "model/weights.json"));
  ASSERT_TRUE(written);
  EXPECT_EQ((*written)["text"], "input\n");
  EXPECT_EQ((*written)["sum"], 4 * 499500.0);
  EXPECT_EQ((*written)["sorted"], "a\nb\n");
  EXPECT_EQ(read_text(folder_.root() / "stderr"), "done\n");
  EXPECT_GT(outcome.wall_s, 0);
  EXPECT_GT(outcome.memory_peak_bytes, 1U << 20U);
}

// What the command wrote belongs to the caller, and the caller can remove it.
TEST_F(Honest, OutputsBelongToTheCaller) {
  ran(confinement({"/bin/sh", "-c", "umask 077; mkdir /out/d && echo x > /out/d/f"}));
  struct stat status {};
  ASSERT_EQ(::stat((folder_.out() / "d/f").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, ::geteuid());
  EXPECT_GT(fs::remove_all(folder_.out() / "d"), 0U);
}

// A file that only its owner may read is readable where it was declared to be read.
TEST_F(Honest, PrivateInputsAreReadable) {
  fs::permissions(folder_.in() / "input.txt", fs::perms::owner_read);
  fs::permissions(folder_.in(), fs::perms::owner_all);
  ran(confinement({"cat", "/in/input.txt"}));
  EXPECT_EQ(read_text(folder_.root() / "stdout"), "input\n");
}

TEST_F(Honest, ProcessesShareWork) {
  ran(confinement({"python3", "-c",
                   "import multiprocessing\n"
                   "def square(x): return x * x\n"
                   "if __name__ == '__main__':\n"
                   "  with multiprocessing.Pool(2) as pool: print(sum(pool.map(square, range(10))))\n"}));
  EXPECT_EQ(read_text(folder_.root() / "stdout"), "285\n");
}

TEST_F(Honest, CompilerCompiles) {
  write_text(folder_.in() / "hello.c", "#include <stdio.h>\nint main(void) { puts(\"hello\"); return 0; }\n");
  Confinement compile = confinement({"cc", "-O1", "-o", "/out/hello", "/in/hello.c"});
  const Outcome outcome = ran(compile);
  EXPECT_TRUE(outcome.denials.empty()) << to_json(outcome).dump();
  // What was written may be executed only where that was asked for.
  const Result<Outcome> refused = run(confinement({"/out/hello"}));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("cannot run /out/hello"), std::string::npos);
  Confinement anywhere =
      confinement({"/bin/sh", "-c", "/out/hello && cp /out/hello /tmp/again && /tmp/again"});
  anywhere.new_code = NewCode::kAnywhere;
  ran(anywhere);
  EXPECT_EQ(read_text(folder_.root() / "stdout"), "hello\nhello\n");
}

// A callback from C into Python is code made while running; so is what LibTorch and OpenVINO do.
TEST_F(Honest, CodeInMemoryWhereAskedFor) {
  Confinement callback = confinement({"python3", "-c",
                                      "import ctypes\n"
                                      "integer = ctypes.POINTER(ctypes.c_int)\n"
                                      "compare = ctypes.CFUNCTYPE(ctypes.c_int, integer, integer)\n"
                                      "values = (ctypes.c_int * 3)(3, 1, 2)\n"
                                      "ctypes.CDLL(None).qsort(values, 3, ctypes.sizeof(ctypes.c_int), "
                                      "compare(lambda a, b: a[0] - b[0]))\n"
                                      "print(list(values))\n"});
  const Result<Outcome> refused = run(callback);
  ASSERT_TRUE(refused);
  EXPECT_NE(refused->exit_status, 0);
  callback.new_code = NewCode::kInMemory;
  ran(callback);
  EXPECT_EQ(read_text(folder_.root() / "stdout"), "[1, 2, 3]\n");
}

TEST_F(Honest, LocalSocketsWhereAskedFor) {
  Confinement local =
      confinement({"python3", "-c",
                   "import socket\n"
                   "server = socket.socket(socket.AF_UNIX); server.bind('/tmp/s'); server.listen()\n"
                   "client = socket.socket(socket.AF_UNIX); client.connect('/tmp/s')\n"});
  const Result<Outcome> refused = run(local);
  ASSERT_TRUE(refused);
  EXPECT_GE(denied(*refused, "socket(AF_UNIX)"), 1U);
  local.local_sockets = LocalSockets::kAny;
  EXPECT_TRUE(ran(local).denials.empty());
}

TEST_F(Honest, InheritedDescriptorsArrive) {
  std::array<int, 2> pair{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), 0);
  const detail::Fd ours(pair[0]);
  detail::Fd theirs(pair[1]);
  const detail::Fd input(::open((folder_.in() / "input.txt").c_str(), O_RDONLY | O_CLOEXEC));
  Confinement worker = confinement({"/bin/sh", "-c", "read line; echo \"got $line\" >&3"});
  worker.inherited = {{.host = theirs.get(), .inside = 3}, {.host = input.get(), .inside = 0}};
  ran(worker);
  theirs.reset();
  std::string text(100, '\0');
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(0, ::read(ours.get(), text.data(), text.size()))));
  EXPECT_EQ(text, "got input\n");
}

TEST_F(Honest, LinesArriveAsTheyAreWritten) {
  std::vector<std::string> seen;
  const Watch watch{.on_line = [&](Stream stream, std::string_view line) {
    seen.push_back((stream == Stream::kOut ? "out " : "err ") + std::string(line));
  }};
  Confinement talk =
      confinement({"/bin/sh", "-c", "echo one; sleep 0.05; echo two >&2; sleep 0.05; printf three"});
  ASSERT_TRUE(run(talk, watch));
  EXPECT_EQ(seen, (std::vector<std::string>{"out one", "err two", "out three"}));
}

TEST_F(Honest, EndsAreToldApart) {
  EXPECT_EQ(run(confinement({"/bin/sh", "-c", "exit 7"}))->exit_status, 7);
  const Result<Outcome> killed = run(confinement({"/bin/sh", "-c", "kill -SEGV $$"}));
  EXPECT_EQ(killed->signal, SIGSEGV);
  EXPECT_EQ(killed->exit_status, -1);
  const Result<Outcome> absent = run(confinement({"no-such-program"}));
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().kind, ErrorKind::kNotFound);
}

// A bind inside a bind, a file as a bind, and a scratch folder under a bind.
TEST_F(Honest, BindsNest) {
  fs::create_directories(folder_.in() / "nested");
  write_text(folder_.root() / "other/file.txt", "other\n");
  Confinement nested = confinement({"/bin/sh", "-c",
                                    "cat /in/nested/file.txt && cat /in/input.txt && cat /deep/er/one.txt && "
                                    "! echo x > /in/x && echo y > /in/nested/y"});
  nested.binds.push_back({folder_.root() / "other", "/in/nested", Access::kWrite});
  nested.binds.push_back({folder_.root() / "other/file.txt", "/deep/er/one.txt", Access::kRead});
  ran(nested);
  EXPECT_EQ(read_text(folder_.root() / "stdout"), "other\ninput\nother\n");
  EXPECT_EQ(read_text(folder_.root() / "other/y"), "y\n");
}

TEST_F(Honest, ManyAtOnce) {
  std::vector<std::thread> threads;
  std::array<int, 8> status{};
  for (std::size_t i = 0; i < status.size(); ++i) {
    threads.emplace_back([this, i, &status] {
      for (int round = 0; round < 5; ++round) {
        Confinement one = probe_confinement(folder_, "");
        one.command = {"/bin/sh", "-c", "echo " + std::to_string(i) + " > /out/" + std::to_string(i)};
        one.stdout_file.clear();
        one.stderr_file.clear();
        const Result<Outcome> outcome = run(one);
        status[i] += outcome && outcome->exit_status == 0 ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < status.size(); ++i) {
    EXPECT_EQ(status[i], 5);
    EXPECT_EQ(read_text(folder_.out() / std::to_string(i)), std::to_string(i) + "\n");
  }
}

}  // namespace
}  // namespace sallyport::services::sandbox::testing
