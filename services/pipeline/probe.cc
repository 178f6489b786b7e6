#include "services/pipeline/probe.h"

#include <cmath>
#include <cstring>

#include "learn/engine.h"
#include "learn/export.h"
#include "learn/worker.h"
#include "services/server/engine_plan.h"
#include "services/worker/worker_host.h"

namespace sallyport::services::pipeline {
namespace {

Result<double> largest_difference(const worker::Reply& reply, const learn::Matrix& expected) {
  const learn::worker::Frame frame{reply.header, reply.payload};
  for (const learn::worker::Tensor& tensor : TRY(learn::worker::tensors_in(frame, "outputs"))) {
    if (tensor.name != learn::kProbabilitiesName) continue;
    if (tensor.bytes.size() != expected.values().size() * sizeof(float)) break;
    double largest = 0;
    for (std::size_t i = 0; i < expected.values().size(); ++i) {
      float value = 0;
      std::memcpy(&value, tensor.bytes.data() + i * sizeof(float), sizeof value);
      // A NaN on either side is a difference too.
      const double difference =
          std::abs(static_cast<double>(value) - static_cast<double>(expected.values()[i]));
      if (!(difference <= largest)) largest = std::isnan(difference) ? 1 : difference;
    }
    return largest;
  }
  return fail(ErrorKind::kDenied, "the exported model does not give a probability for each class and row");
}

}  // namespace

Result<double> probe_disagreement(BytesView onnx, const learn::Model& trained,
                                  const learn::Matrix& features) {
  const learn::Matrix inputs = TRY(learn::scaled_inputs(trained.network.input, features));
  const learn::Matrix expected = learn::softmax(TRY(learn::PlainEngine().logits(trained, inputs)));

  worker::Plan plan = TRY(server::engine_plan());
  plan.hello = learn::worker::load_request(1);
  plan.hello_payload.assign(onnx.begin(), onnx.end());
  worker::WorkerHost host(std::move(plan));
  const BytesView rows(reinterpret_cast<const std::uint8_t*>(features.values().data()),
                       features.values().size() * sizeof(float));
  const learn::worker::Tensor input{.name = std::string(learn::kInputName),
                                    .datatype = "FP32",
                                    .shape = {static_cast<std::int64_t>(features.rows()),
                                              static_cast<std::int64_t>(features.columns())},
                                    .bytes = rows};
  const learn::worker::Frame frame = learn::worker::tensor_frame("infer", "inputs", {&input, 1});
  return largest_difference(TRY(host.call(frame.header, frame.payload)), expected);
}

}  // namespace sallyport::services::pipeline
