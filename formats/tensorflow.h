// TensorFlow's graphs: GraphDef (a frozen graph), MetaGraphDef and SavedModel, read by the table of their
// schema.
//
// Kept are the nodes with the attributes that say where they reach, of the graph itself and of each function
// of its library; weights are not copied. Bytes that the schema does not name are listed in `unknown`.
// Nothing is executed and nothing recurses. Limits: kTensorflowNodesMax, and kProtobuf* of the walk. Source:
// tensorflow/core/framework and core/protobuf of release 2.21. Pure functions, safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "core/result.h"

namespace sallyport::formats::tensorflow {

enum class Kind : std::uint8_t { kGraphDef, kMetaGraph, kSavedModel };

struct Node {
  std::string name = {};
  std::string op = {};
  std::string function = {};  // the library's function that it stands in; empty: the graph
  std::size_t offset = 0;
  std::string target = {};  // of attributes that name a file, a device or a library: their text
};
// A text that is data of another kind: the description of a Keras layer.
struct Text {
  std::size_t offset = 0;
  std::size_t length = 0;
};
struct Stretch {
  std::size_t offset = 0;
  std::size_t length = 0;
};
struct Graphs {
  std::vector<Node> nodes = {};
  std::vector<std::string> functions = {};  // names, sorted
  std::vector<Text> descriptions = {};
  bool versioned = false;             // says which TensorFlow wrote it: the last thing that is written
  std::vector<Stretch> unknown = {};  // in the order of the file
};
// Error for what is no such message.
Result<Graphs> read_tensorflow(BytesView bytes, Kind kind);

}  // namespace sallyport::formats::tensorflow
