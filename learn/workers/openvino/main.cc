// sallyport-openvino: inference, spoken to over descriptor 3 in the frames of learn/worker.h.
//
// It reads no file but its own libraries, writes none, and opens no connection. What is wrong with a request
// is answered and the worker goes on; what is wrong with a frame ends it, since there is no way back into
// step.
#include <cstdio>

#include "learn/worker.h"
#include "learn/workers/openvino/inference.h"

namespace sallyport::learn::workers {
namespace {

constexpr int kThreadsMax = 64;

Result<worker::Frame> answer(Inference& inference, const worker::Frame& request) {
  const std::string op = TRY(get_string(request.header, "op"));
  if (op == "load") {
    TRY(only_members(request.header, {"op", "threads"}));
    const std::int64_t threads = TRY(get_int(request.header, "threads"));
    if (threads < 1 || threads > kThreadsMax) return invalid("'threads' is not within 1 and 64");
    return worker::Frame{.header = to_json(TRY(inference.load(request.payload, static_cast<int>(threads))))};
  }
  if (op == "infer") {
    TRY(only_members(request.header, {"op", "inputs"}));
    const std::vector<worker::Tensor> inputs = TRY(worker::tensors_in(request, "inputs"));
    return worker::tensor_frame("", "outputs", TRY(inference.infer(inputs)));
  }
  return invalid("worker: unknown op '" + op + "'");
}

int serve() {
  Inference inference;
  for (;;) {
    const auto request =
        worker::read_frame(worker::kDescriptor, limits::kWorkerTimeoutMs, worker::Waiting::kForFirstByte);
    if (!request) {
      if (request.error().kind == ErrorKind::kNotFound) return 0;
      std::fprintf(stderr, "sallyport-openvino: %s\n", request.error().message.c_str());
      return 2;
    }
    const bool last = request->header.value("op", Json()) == "shutdown";
    const auto reply =
        last ? Result<worker::Frame>(worker::Frame{.header = Json::object()}) : answer(inference, *request);
    const auto sent = reply ? worker::write_frame(worker::kDescriptor, reply->header, reply->payload,
                                                  limits::kWorkerTimeoutMs)
                            : worker::write_frame(worker::kDescriptor, worker::error_header(reply.error()),
                                                  {}, limits::kWorkerTimeoutMs);
    if (!sent) return 2;
    if (last) return 0;
  }
}

}  // namespace
}  // namespace sallyport::learn::workers

int main() { return sallyport::learn::workers::serve(); }
