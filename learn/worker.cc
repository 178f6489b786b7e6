#include "learn/worker.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>

namespace sallyport::learn::worker {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kPrefixBytes = 12;
// Memory for a payload grows in these steps, so that a length alone costs nothing.
constexpr std::size_t kGrowthBytes = 16 * limits::kMiB;

constexpr std::array<std::pair<std::string_view, std::size_t>, 11> kDatatypes{{
    {"BOOL", 1},
    {"UINT8", 1},
    {"UINT16", 2},
    {"UINT32", 4},
    {"UINT64", 8},
    {"INT8", 1},
    {"INT16", 2},
    {"INT32", 4},
    {"INT64", 8},
    {"FP32", 4},
    {"FP64", 8},
}};

constexpr std::array<std::pair<ErrorKind, std::string_view>, 6> kErrorKinds{{
    {ErrorKind::kInvalid, "invalid"},
    {ErrorKind::kLimit, "limit"},
    {ErrorKind::kNotFound, "not-found"},
    {ErrorKind::kDenied, "denied"},
    {ErrorKind::kIo, "io"},
    {ErrorKind::kUnsupported, "unsupported"},
}};

std::unexpected<Error> io_error(const std::string& what) { return fail(ErrorKind::kIo, "worker: " + what); }

class Deadline {
 public:
  explicit Deadline(int timeout_ms) : end_(Clock::now() + std::chrono::milliseconds(timeout_ms)) {}

  // Waits until the descriptor is ready for `events`; a hang-up counts as ready, since the call that follows
  // tells.
  Result<void> wait(int descriptor, short events) const {
    for (;;) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end_ - Clock::now()).count();
      if (left <= 0) return io_error("no answer in time");
      pollfd waited{.fd = descriptor, .events = events, .revents = 0};
      const int ready = ::poll(&waited, 1, static_cast<int>(std::min<std::int64_t>(left, 1 << 30)));
      if (ready > 0 && (waited.revents & POLLNVAL) != 0) return io_error("descriptor is not open");
      if (ready > 0) return {};
      if (ready < 0 && errno != EINTR) return io_error(std::string("poll: ") + ::strerror(errno));
    }
  }

 private:
  Clock::time_point end_;
};

// Fills `out` from the descriptor; how much arrived before the stream ended.
Result<std::size_t> read_up_to(int descriptor, std::span<std::uint8_t> out, const Deadline& deadline) {
  std::size_t have = 0;
  while (have < out.size()) {
    TRY(deadline.wait(descriptor, POLLIN));
    const ssize_t got = ::read(descriptor, out.data() + have, out.size() - have);
    if (got == 0) return have;
    if (got > 0) {
      have += static_cast<std::size_t>(got);
    } else if (errno != EINTR && errno != EAGAIN) {
      return io_error(std::string("read: ") + ::strerror(errno));
    }
  }
  return have;
}

Result<void> read_all(int descriptor, std::span<std::uint8_t> out, const Deadline& deadline) {
  if (TRY(read_up_to(descriptor, out, deadline)) < out.size())
    return io_error("the stream ended within a frame");
  return {};
}

Result<void> write_all(int descriptor, BytesView bytes, const Deadline& deadline) {
  while (!bytes.empty()) {
    TRY(deadline.wait(descriptor, POLLOUT));
    // A peer that is gone is an Error here, not a signal that ends the process.
    ssize_t put = ::send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (put < 0 && errno == ENOTSOCK) put = ::write(descriptor, bytes.data(), bytes.size());
    if (put >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(put));
    } else if (errno != EINTR && errno != EAGAIN) {
      return io_error(std::string("write: ") + ::strerror(errno));
    }
  }
  return {};
}

struct Lengths {
  std::size_t header = 0;
  std::size_t payload = 0;
};

Result<Lengths> lengths_of(BytesView prefix) {
  Reader reader(prefix);
  const std::uint64_t header = TRY(reader.u32_le());
  const std::uint64_t payload = TRY(reader.u64_le());
  if (header > limits::kWorkerHeaderBytesMax) {
    return fail(ErrorKind::kLimit,
                "worker: header of " + std::to_string(header) + " bytes is over kWorkerHeaderBytesMax");
  }
  if (payload > limits::kWorkerPayloadBytesMax) {
    return fail(ErrorKind::kLimit,
                "worker: payload of " + std::to_string(payload) + " bytes is over kWorkerPayloadBytesMax");
  }
  return Lengths{.header = header, .payload = payload};
}

Result<Json> header_of(BytesView bytes) {
  const auto header = parse_json(as_text(bytes));
  if (!header) return within("worker: header", header.error());
  if (!header->is_object()) return invalid("worker: header is not an object");
  return *header;
}

Result<std::vector<std::int64_t>> shape_of(const Json& entry) {
  const Json extents = TRY(get_array(entry, "shape"));
  if (extents.size() > limits::kTensorRankMax)
    return fail(ErrorKind::kLimit, "shape has over kTensorRankMax extents");
  std::vector<std::int64_t> out;
  for (const Json& extent : extents) {
    if (!extent.is_number_integer()) return invalid("shape holds something else than whole numbers");
    out.push_back(extent.get<std::int64_t>());
  }
  return out;
}

Result<std::vector<TensorSpec>> parse_specs(const Json& header, std::string_view member) {
  std::vector<TensorSpec> out;
  for (const Json& entry : TRY(get_array(header, member))) {
    TRY(only_members(entry, {"name", "datatype", "shape"}));
    TensorSpec spec;
    spec.name = TRY(get_string(entry, "name"));
    spec.datatype = TRY(get_string(entry, "datatype"));
    spec.shape = TRY(shape_of(entry));
    out.push_back(std::move(spec));
  }
  return out;
}

Json specs_json(const std::vector<TensorSpec>& specs) {
  Json out = Json::array();
  for (const TensorSpec& spec : specs) {
    out.push_back({{"name", spec.name}, {"datatype", spec.datatype}, {"shape", spec.shape}});
  }
  return out;
}

}  // namespace

Result<Frame> read_frame(int descriptor, int timeout_ms, Waiting waiting) {
  if (waiting == Waiting::kForFirstByte) {
    pollfd waited{.fd = descriptor, .events = POLLIN, .revents = 0};
    while (::poll(&waited, 1, -1) < 0 && errno == EINTR) continue;
  }
  const Deadline deadline(timeout_ms);
  std::array<std::uint8_t, kPrefixBytes> prefix{};
  const std::size_t have = TRY(read_up_to(descriptor, prefix, deadline));
  if (have == 0) return fail(ErrorKind::kNotFound, "worker: the other side has ended");
  if (have < prefix.size()) return io_error("the stream ended within a frame");
  const Lengths lengths = TRY(lengths_of(prefix));
  Bytes header(lengths.header);
  TRY(read_all(descriptor, header, deadline));
  Frame frame{.header = TRY(header_of(header))};
  while (frame.payload.size() < lengths.payload) {
    const std::size_t have_now = frame.payload.size();
    frame.payload.resize(std::min(lengths.payload, have_now + kGrowthBytes));
    TRY(read_all(descriptor, std::span(frame.payload).subspan(have_now), deadline));
  }
  return frame;
}

Result<Bytes> encode_frame(const Json& header, BytesView payload) {
  const std::string text = canonical(header);
  Bytes out;
  append_le(out, text.size(), 4);
  append_le(out, payload.size(), 8);
  TRY(lengths_of(out));
  out.insert(out.end(), text.begin(), text.end());
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}

Result<void> write_frame(int descriptor, const Json& header, BytesView payload, int timeout_ms) {
  Bytes front = TRY(encode_frame(header, {}));
  Bytes length;
  append_le(length, payload.size(), 8);
  std::ranges::copy(length, front.begin() + 4);
  TRY(lengths_of(front));
  const Deadline deadline(timeout_ms);
  TRY(write_all(descriptor, front, deadline));
  return write_all(descriptor, payload, deadline);
}

Result<Frame> decode_frame(BytesView bytes) {
  Reader reader(bytes);
  const Lengths lengths = TRY(lengths_of(TRY(reader.take(kPrefixBytes))));
  Frame frame{.header = TRY(header_of(TRY(reader.take(lengths.header))))};
  const BytesView payload = TRY(reader.take(lengths.payload));
  if (!reader.done()) return invalid("worker: bytes after the frame");
  frame.payload.assign(payload.begin(), payload.end());
  return frame;
}

Json error_header(const Error& error) {
  const auto* found =
      std::ranges::find(kErrorKinds, error.kind, &std::pair<ErrorKind, std::string_view>::first);
  return {{"error", error.message}, {"kind", std::string(found->second)}, {"hint", error.hint}};
}

Result<void> error_of(const Json& header) {
  if (!header.contains("error")) return {};
  const std::string kind = TRY(get_string(header, "kind"));
  const auto* found = std::ranges::find(kErrorKinds, kind, &std::pair<ErrorKind, std::string_view>::second);
  if (found == kErrorKinds.end()) return invalid("worker: unknown kind of error '" + kind + "'");
  Error out{.kind = found->first, .message = {}};
  out.message = TRY(get_string(header, "error"));
  out.hint = TRY(get_string(header, "hint"));
  return std::unexpected(std::move(out));
}

std::size_t datatype_bytes(std::string_view datatype) {
  const auto* found =
      std::ranges::find(kDatatypes, datatype, &std::pair<std::string_view, std::size_t>::first);
  return found == kDatatypes.end() ? 0 : found->second;
}

Result<std::uint64_t> tensor_bytes(const std::string& datatype, std::span<const std::int64_t> shape) {
  std::uint64_t bytes = datatype_bytes(datatype);
  if (bytes == 0)
    return fail(ErrorKind::kUnsupported, "datatype '" + datatype + "' is none that a worker takes");
  for (const std::int64_t extent : shape) {
    if (extent < 0) return invalid("shape has the negative extent " + std::to_string(extent));
    if (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(extent), &bytes)) {
      return invalid("shape overflows 64 bits");
    }
  }
  return bytes;
}

Json load_request(int threads) { return {{"op", "load"}, {"threads", threads}}; }

Json to_json(const ModelSpec& spec) {
  return {{"inputs", specs_json(spec.inputs)}, {"outputs", specs_json(spec.outputs)}};
}

Result<ModelSpec> parse_model_spec(const Json& header) {
  TRY(only_members(header, {"inputs", "outputs"}));
  ModelSpec out;
  out.inputs = TRY(parse_specs(header, "inputs"));
  out.outputs = TRY(parse_specs(header, "outputs"));
  return out;
}

Frame tensor_frame(std::string_view op, std::string_view member, std::span<const Tensor> tensors) {
  Json entries = Json::array();
  Frame frame{.header = Json::object()};
  for (const Tensor& tensor : tensors) {
    entries.push_back({{"name", tensor.name},
                       {"datatype", tensor.datatype},
                       {"shape", tensor.shape},
                       {"bytes", tensor.bytes.size()}});
    frame.payload.insert(frame.payload.end(), tensor.bytes.begin(), tensor.bytes.end());
  }
  if (!op.empty()) frame.header["op"] = std::string(op);
  frame.header[std::string(member)] = std::move(entries);
  return frame;
}

Result<std::vector<Tensor>> tensors_in(const Frame& frame, std::string_view member) {
  std::vector<Tensor> out;
  Reader reader(frame.payload);
  for (const Json& entry : TRY(get_array(frame.header, member))) {
    TRY(only_members(entry, {"name", "datatype", "shape", "bytes"}));
    Tensor tensor;
    tensor.name = TRY(get_string(entry, "name"));
    tensor.datatype = TRY(get_string(entry, "datatype"));
    tensor.shape = TRY(shape_of(entry));
    const auto expected = tensor_bytes(tensor.datatype, tensor.shape);
    if (!expected) return within("worker: tensor '" + tensor.name + "'", expected.error());
    if (TRY(get_int(entry, "bytes")) != static_cast<std::int64_t>(*expected)) {
      return invalid("worker: tensor '" + tensor.name + "': shape and bytes disagree");
    }
    tensor.bytes = TRY(reader.take(*expected));
    out.push_back(std::move(tensor));
  }
  if (!reader.done()) return invalid("worker: payload has bytes that no tensor claims");
  return out;
}

}  // namespace sallyport::learn::worker
