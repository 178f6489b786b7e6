#include "learn/worker.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>

namespace sallyport::learn::worker {
namespace {

class Pair {
 public:
  Pair() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends_.data()), 0); }
  ~Pair() {
    close_host();
    ::close(ends_[1]);
  }
  int host() const { return ends_[0]; }
  int worker() const { return ends_[1]; }
  void close_host() {
    if (ends_[0] >= 0) ::close(ends_[0]);
    ends_[0] = -1;
  }
  void send(BytesView bytes) const {
    ASSERT_EQ(::write(ends_[0], bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }

 private:
  std::array<int, 2> ends_{};
};

Frame sample() {
  static const std::array<float, 3> kValues{1, -2, 3.5F};
  const BytesView bytes(reinterpret_cast<const std::uint8_t*>(kValues.data()), sizeof kValues);
  const std::array<Tensor, 2> tensors{
      Tensor{.name = "x", .shape = {1, 3}, .bytes = bytes},
      Tensor{.name = "mask", .datatype = "BOOL", .shape = {2}, .bytes = bytes.first(2)}};
  return tensor_frame("infer", "inputs", tensors);
}

TEST(WorkerFrame, TravelsOverASocket) {
  const Pair pair;
  Bytes large(3 * limits::kMiB);
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<std::uint8_t>(i * 7);
  std::jthread writer([&] { EXPECT_TRUE(write_frame(pair.host(), {{"op", "load"}}, large, 5000)); });
  const auto frame = read_frame(pair.worker(), 5000, Waiting::kForFirstByte);
  ASSERT_TRUE(frame) << frame.error().message;
  EXPECT_EQ(frame->header, Json({{"op", "load"}}));
  EXPECT_EQ(frame->payload, large);
}

TEST(WorkerFrame, EveryTruncationIsAnErrorAndTheEndIsTold) {
  const Frame frame = sample();
  const Bytes bytes = *encode_frame(frame.header, frame.payload);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_frame(BytesView(bytes).first(size))) << size;
    Pair pair;
    pair.send(BytesView(bytes).first(size));
    pair.close_host();
    const auto read = read_frame(pair.worker(), 1000);
    ASSERT_FALSE(read) << size;
    EXPECT_EQ(read.error().kind, size == 0 ? ErrorKind::kNotFound : ErrorKind::kIo) << size;
  }
  EXPECT_TRUE(decode_frame(bytes));
}

TEST(WorkerFrame, EveryByteChangeIsAValueOrAnError) {
  const Frame frame = sample();
  const Bytes bytes = *encode_frame(frame.header, frame.payload);
  const std::size_t payload_at = bytes.size() - frame.payload.size();
  std::size_t refused = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (int value = 0; value < 256; ++value) {
      Bytes changed = bytes;
      if (changed[i] == value) continue;
      changed[i] = static_cast<std::uint8_t>(value);
      const auto decoded = decode_frame(changed);
      if (!decoded) {
        ++refused;
      } else if (const auto tensors = tensors_in(*decoded, "inputs"); !tensors) {
        ++refused;
      } else if (i < payload_at) {
        // Whatever is still well-formed has the same tensors under other names, never other extents.
        EXPECT_EQ((*tensors)[0].bytes.size(), 12U);
      }
    }
  }
  EXPECT_GT(refused, 255 * 12U);
}

TEST(WorkerFrame, LengthsAreLimitedBeforeAnythingIsRead) {
  Bytes prefix;
  append_le(prefix, limits::kWorkerHeaderBytesMax + 1, 4);
  append_le(prefix, 0, 8);
  Pair pair;
  pair.send(prefix);
  EXPECT_EQ(read_frame(pair.worker(), 1000).error().kind, ErrorKind::kLimit);
  prefix.clear();
  append_le(prefix, 2, 4);
  append_le(prefix, limits::kWorkerPayloadBytesMax + 1, 8);
  pair.send(prefix);
  EXPECT_EQ(read_frame(pair.worker(), 1000).error().kind, ErrorKind::kLimit);
}

TEST(WorkerFrame, SilenceRunsOutOfTime) {
  const Pair pair;
  const auto started = std::chrono::steady_clock::now();
  const auto read = read_frame(pair.worker(), 50);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::kIo);
  EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(5));
  // A peer that does not read fills the socket's buffer and must not hold the writer for ever.
  const auto written = write_frame(pair.host(), Json::object(), Bytes(16 * limits::kMiB), 50);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, ErrorKind::kIo);
}

TEST(WorkerFrame, WritingToNobodyIsAnErrorAndNoSignal) {
  Pair pair;
  pair.close_host();
  EXPECT_FALSE(write_frame(pair.worker(), Json::object(), Bytes(10), 1000));
}

TEST(WorkerMessages, TensorsUseUpThePayloadExactly) {
  Frame frame = sample();
  const auto tensors = tensors_in(frame, "inputs");
  ASSERT_TRUE(tensors) << tensors.error().message;
  ASSERT_EQ(tensors->size(), 2U);
  EXPECT_EQ((*tensors)[1].name, "mask");
  EXPECT_EQ((*tensors)[0].shape, (std::vector<std::int64_t>{1, 3}));
  frame.payload.push_back(0);
  EXPECT_FALSE(tensors_in(frame, "inputs"));
  frame.payload.pop_back();
  frame.payload.pop_back();
  EXPECT_FALSE(tensors_in(frame, "inputs"));
  EXPECT_FALSE(tensors_in(sample(), "outputs"));
  EXPECT_FALSE(tensor_bytes("FP32", std::vector<std::int64_t>{-1}));
  EXPECT_FALSE(tensor_bytes("FP32", std::vector<std::int64_t>{1LL << 40, 1LL << 40}));
  EXPECT_FALSE(tensor_bytes("BYTES", std::vector<std::int64_t>{1}));
}

TEST(WorkerMessages, ErrorsAndSpecsComeBackAsTheyWent) {
  const Error error{.kind = ErrorKind::kUnsupported, .message = "onnx: no operator Foo", .hint = "use Bar"};
  const auto back = error_of(error_header(error));
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().kind, error.kind);
  EXPECT_EQ(back.error().message, error.message);
  EXPECT_EQ(back.error().hint, error.hint);
  EXPECT_TRUE(error_of(Json::object()));
  const ModelSpec spec{.inputs = {{.name = "x", .datatype = "FP32", .shape = {-1, 64}}}, .outputs = {}};
  const auto parsed = parse_model_spec(to_json(spec));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->inputs[0].shape, spec.inputs[0].shape);
  EXPECT_FALSE(parse_model_spec({{"inputs", Json::array()}}));
}

}  // namespace
}  // namespace sallyport::learn::worker
