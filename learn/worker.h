// What a worker and its host say to one another, over one socket, in frames.
//
// A frame is a little-endian 32-bit header length, a little-endian 64-bit payload length, the header (JSON)
// and the payload (raw bytes). The host sends a request and reads one reply before it sends the next. Lengths
// are checked against kWorkerHeaderBytesMax and kWorkerPayloadBytesMax before anything is allocated, and a
// payload's memory grows with what has arrived rather than with what was announced. A reader that meets
// anything else than a frame gives up on the connection: there is no way back into step.
//
// The functions hold no state. A descriptor is for one thread at a time.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "core/json.h"
#include "core/limits.h"
#include "core/result.h"

namespace sallyport::learn::worker {

// The descriptor that a worker speaks on.
inline constexpr int kDescriptor = 3;

struct Frame {
  Json header;
  Bytes payload = {};
};

enum class Waiting : std::uint8_t {
  kUntilTimeout,  // the whole frame within the time
  kForFirstByte,  // as long as it takes for the first byte, then the rest within the time: a worker between
                  // requests
};

// Error: kLimit for a length over its limit, kInvalid for a header that is not an object, kIo for an end of
// the stream within a frame, a broken pipe or time-out. kNotFound is the orderly end: nothing more will come.
Result<Frame> read_frame(int descriptor, int timeout_ms, Waiting waiting = Waiting::kUntilTimeout);
Result<void> write_frame(int descriptor, const Json& header, BytesView payload, int timeout_ms);

// The bytes of a frame, and back; for tests and for transports that are not descriptors. decode_frame wants
// exactly one frame.
Result<Bytes> encode_frame(const Json& header, BytesView payload);
Result<Frame> decode_frame(BytesView bytes);

// {"error": message, "kind": "invalid"}; the host turns it back into an Error.
Json error_header(const Error& error);
// The Error that a reply carries, or nothing when it is not an error.
Result<void> error_of(const Json& header);

// The inference worker's messages:
//   {"op":"load","threads":1}              payload: the ONNX file
//     -> {"inputs":[{"name","datatype","shape"}],"outputs":[…]}          -1 is a free extent
//   {"op":"infer","inputs":[{"name","datatype","shape","bytes"}]}        payload: their values, one after
//   another
//     -> {"outputs":[{"name","datatype","shape","bytes"}]}               payload: likewise
//   {"op":"shutdown"} -> {} and the worker ends.
// Datatypes are spelled as in the Open Inference Protocol: FP32, INT64, BOOL.
struct TensorSpec {
  std::string name = {};
  std::string datatype = {};
  std::vector<std::int64_t> shape = {};
};
struct Tensor {
  std::string name = {};
  std::string datatype = "FP32";
  std::vector<std::int64_t> shape = {};
  BytesView bytes = {};  // little-endian, row-major; a view into the frame that it was read from
};
struct ModelSpec {
  std::vector<TensorSpec> inputs = {};
  std::vector<TensorSpec> outputs = {};
};

// Bytes of one element, 0 for a datatype that no worker of ours takes.
std::size_t datatype_bytes(std::string_view datatype);
// The bytes that datatype and shape call for. Error for an unknown datatype, a negative extent or an
// overflow.
Result<std::uint64_t> tensor_bytes(const std::string& datatype, std::span<const std::int64_t> shape);

Json load_request(int threads = 1);
Json to_json(const ModelSpec& spec);
Result<ModelSpec> parse_model_spec(const Json& header);

// A frame that carries tensors under `member` ("inputs" or "outputs"); `op` is left out when empty.
Frame tensor_frame(std::string_view op, std::string_view member, std::span<const Tensor> tensors);
// Error when the tensors do not use up the payload exactly, or shape and bytes disagree.
Result<std::vector<Tensor>> tensors_in(const Frame& frame, std::string_view member);

}  // namespace sallyport::learn::worker
