// A worker in Python behind the host: it answers, refuses, hangs, dies and talks nonsense.
#include "services/worker/worker_host.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace sallyport::services::worker {
namespace {

// Speaks the frames of learn/worker.h on descriptor 3.
constexpr const char* kWorker = R"(
import json, os, socket, struct, sys, time
peer = socket.socket(fileno=3)
def take(count):
  data = b''
  while len(data) < count:
    part = peer.recv(min(1 << 20, count - len(data)))
    if not part: sys.exit(0)
    data += part
  return data
def answer(header, payload=b''):
  text = json.dumps(header).encode()
  peer.sendall(struct.pack('<IQ', len(text), len(payload)) + text + payload)
count = 0
while True:
  size, payload_size = struct.unpack('<IQ', take(12))
  header = json.loads(take(size)); payload = take(payload_size)
  op = header['op']; count += 1
  if op == 'echo': answer({'count': count, 'op': op}, payload[::-1])
  elif op == 'refuse': answer({'error': 'no such model', 'kind': 'not-found', 'hint': ''})
  elif op == 'hang': time.sleep(600)
  elif op == 'die': os.abort()
  elif op == 'leave': print('cannot go on', file=sys.stderr); sys.exit(3)
  elif op == 'nonsense': peer.sendall(b'\xff' * 64)
  elif op == 'half': peer.sendall(struct.pack('<IQ', 2, 1000) + b'{}'); sys.exit(0)
  elif op == 'dial':
    try: socket.socket(socket.AF_INET); answer({'dialled': True})
    except OSError as error: answer({'dialled': False, 'errno': error.errno})
  elif op == 'slow': time.sleep(0.05); answer({})
)";

Plan plan(Json hello = {}) {
  Plan plan;
  plan.name = "test-worker";
  plan.confinement.command = {"python3", "-c", kWorker};
  plan.confinement.environment = {{"PATH", "/usr/bin:/bin"}, {"HOME", "/tmp"}};
  plan.confinement.local_sockets = sandbox::LocalSockets::kAny;
  plan.hello = std::move(hello);
  return plan;
}

TEST(WorkerHost, AnswersManyTimesFromOneStart) {
  WorkerHost host(plan());
  for (int i = 1; i <= 3; ++i) {
    const Result<Reply> reply = host.call({{"op", "echo"}}, to_bytes("abc"));
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->header["count"], i);
    EXPECT_EQ(as_text(reply->payload), "cba");
  }
  EXPECT_EQ(host.starts(), 1);
  EXPECT_EQ(host.confinement()["confinement"], sandbox::digest_of(plan().confinement).hex());
}

TEST(WorkerHost, CarriesLargePayloads) {
  WorkerHost host(plan());
  Bytes bytes(8 * limits::kMiB);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 7);
  const Result<Reply> reply = host.call({{"op", "echo"}}, bytes);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_TRUE(std::equal(bytes.rbegin(), bytes.rend(), reply->payload.begin(), reply->payload.end()));
}

TEST(WorkerHost, PassesOnWhatTheWorkerRefuses) {
  WorkerHost host(plan());
  const Result<Reply> reply = host.call({{"op", "refuse"}});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(reply.error().message, "test-worker: no such model");
  EXPECT_TRUE(host.call({{"op", "echo"}}));
  EXPECT_EQ(host.starts(), 1) << "a refusal is an answer like any other";
}

struct End {
  std::string op;
  std::string message;
};

class Broken : public ::testing::TestWithParam<End> {};

TEST_P(Broken, IsReplaced) {
  WorkerHost host(plan());
  ASSERT_TRUE(host.warm());
  const auto begin = std::chrono::steady_clock::now();
  const Result<Reply> reply = host.call({{"op", GetParam().op}}, {}, 1000);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().kind, ErrorKind::kIo);
  EXPECT_NE(reply.error().message.find(GetParam().message), std::string::npos) << reply.error().message;
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
  const Result<Reply> again = host.call({{"op", "echo"}});
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->header["count"], 1);
  EXPECT_EQ(host.starts(), 2);
}

INSTANTIATE_TEST_SUITE_P(Each, Broken,
                         ::testing::Values(End{"hang", "no answer in time; it was killed"},
                                           End{"die", "signal 6"}, End{"leave", "status 3\n    cannot go on"},
                                           End{"nonsense", "over kWorkerHeaderBytesMax"},
                                           End{"half", "ended within a frame"}),
                         [](const auto& end) { return end.param.op; });

TEST(WorkerHost, HasNoNetwork) {
  WorkerHost host(plan());
  const Result<Reply> reply = host.call({{"op", "dial"}});
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->header["dialled"], false);
}

// A hello that fails leaves no worker behind, and every call says why.
TEST(WorkerHost, SaysHelloToEveryNewWorker) {
  WorkerHost host(plan({{"op", "echo"}}));
  EXPECT_EQ(host.call({{"op", "echo"}})->header["count"], 2);
  EXPECT_FALSE(host.call({{"op", "die"}}, {}, 5000));
  EXPECT_EQ(host.call({{"op", "echo"}})->header["count"], 2);
  WorkerHost refused(plan({{"op", "refuse"}}));
  const Result<Reply> reply = refused.call({{"op", "echo"}});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().message, "test-worker: no such model");
}

TEST(WorkerHost, AbsentProgramIsAnError) {
  Plan absent = plan();
  absent.confinement.command = {"/nonexistent/worker"};
  WorkerHost host(absent);
  const Result<Reply> reply = host.call({{"op", "echo"}}, {}, 5000);
  ASSERT_FALSE(reply);
  EXPECT_NE(reply.error().message.find("cannot run /nonexistent/worker"), std::string::npos)
      << reply.error().message;
}

TEST(WorkerHost, CallersTakeTurnsAndNoneWaitsBeyondItsTime) {
  WorkerHost host(plan());
  ASSERT_TRUE(host.warm());
  std::atomic<int> answered = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] { answered += host.call({{"op", "slow"}}, {}, 20'000) ? 1 : 0; });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(answered, 8);
  std::thread hog([&] { EXPECT_FALSE(host.call({{"op", "hang"}}, {}, 1000)); });
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  const Result<Reply> late = host.call({{"op", "echo"}}, {}, 100);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, ErrorKind::kLimit);
  hog.join();
}

}  // namespace
}  // namespace sallyport::services::worker
