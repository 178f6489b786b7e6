// One compiled model on OpenVINO's CPU plugin. Models come as bytes; no file is read and none is written.
//
// OpenVINO reports by exception; every call here turns that into an Error. For one thread at a time.
#pragma once

#include <memory>
#include <vector>

#include "core/bytes.h"
#include "core/result.h"
#include "learn/worker.h"

namespace sallyport::learn::workers {

class Inference {
 public:
  Inference();
  ~Inference();

  // Compiles an ONNX model and replaces the one before it. `threads` is at least 1. Error when the model is
  // not verify_onnx's plain kind: OpenVINO sees no file that our own reader has not accounted for.
  Result<worker::ModelSpec> load(BytesView onnx, int threads);

  // The outputs of one batch, in the model's order. The views are good until the next call.
  Result<std::vector<worker::Tensor>> infer(const std::vector<worker::Tensor>& inputs);

 private:
  struct Engine;
  std::unique_ptr<Engine> engine_;
};

}  // namespace sallyport::learn::workers
