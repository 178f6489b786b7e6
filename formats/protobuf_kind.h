// Which model format a message of Protocol Buffers is meant to be: none of them has a magic number.
//
// The outermost fields are hopped over, all of them, and one or two are opened: a file is what its loaders
// would take it for, with whatever else stands in it. Takes no memory. Pure functions, safe from any thread.
#pragma once

#include "core/bytes.h"

namespace sallyport::formats {

bool looks_like_onnx(BytesView bytes);
bool looks_like_graph_def(BytesView bytes);    // TensorFlow's frozen graph
bool looks_like_saved_model(BytesView bytes);  // TensorFlow's saved_model.pb
bool looks_like_meta_graph(BytesView bytes);   // TensorFlow's checkpoint.meta

}  // namespace sallyport::formats
