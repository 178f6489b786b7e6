// Whether an exported model answers as the network that was trained, on rows that whoever packed it could not
// choose: the sealed evaluation split.
//
// The exported bytes run in the confined engine that will serve them; the network is computed here. Safe from
// any thread; each call starts a worker of its own.
#pragma once

#include "core/bytes.h"
#include "core/result.h"
#include "learn/matrix.h"
#include "learn/network.h"

namespace sallyport::services::pipeline {

// Of a probability: what another order of summation in 32-bit floats may cost.
inline constexpr double kProbeTolerance = 1e-4;

// The largest absolute difference of a class's probability over the rows, features unscaled; 1 when one is no
// number. Error: the model cannot be loaded or run, or gives no probability for each class and row.
Result<double> probe_disagreement(BytesView onnx, const learn::Model& trained, const learn::Matrix& features);

}  // namespace sallyport::services::pipeline
