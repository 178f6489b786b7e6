// The parts beside an exported classifier that decide what its numbers mean, and samples that show whether
// they still do.
//
//   labels.json         {"labels": ["0", "1", …]}: class names in the order of the outputs
//   preprocessing.json  {"applied": "in-graph", "features": ["p00", …], "maximum": 16, "minimum": 0,
//                        "scale": [16], "shape": [1, 8, 8], "shift": [0]}: the columns in the order of the
//                       inputs, and (x - shift) / scale, which the graph does itself ("in-graph") or whoever
//                       feeds it ("before")
//   golden.json         {"features": ["p00", …], "samples": [{"label": "3", "probabilities": [0.01, …],
//                        "values": [0, 1.5, …]}, …]}
//
// A golden sample is the mean of many rows that the network gives one label, so it is nobody's record. Read
// strictly, limits in core/limits/bundle.h. Values only; safe from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/dataset.h"
#include "core/json.h"
#include "learn/network.h"

namespace sallyport::learn {

struct Preprocessing {
  std::vector<std::string> features = {};
  InputSpec input = {};
  bool in_graph = true;

  bool operator==(const Preprocessing&) const = default;
};

struct GoldenSample {
  std::string label = {};
  std::vector<float> values = {};         // in the order of Golden::features
  std::vector<float> probabilities = {};  // in the order of the outputs
};

struct Golden {
  std::vector<std::string> features = {};
  std::vector<GoldenSample> samples = {};
};

Json labels_json(const std::vector<std::string>& labels);
Result<std::vector<std::string>> parse_labels(std::string_view json);
Json to_json(const Preprocessing& preprocessing);
Result<Preprocessing> parse_preprocessing(std::string_view json);
Json to_json(const Golden& golden);
Result<Golden> parse_golden(std::string_view json);

// What a probability may differ by between engines: another order of sums in 32-bit floats.
inline constexpr double kGoldenTolerance = 1e-3;

// Of up to two means for each class over at least kGoldenRowsMin of `rows` each, those that the network gives
// the label of the rows they are made of. A class that no row is given has none.
inline constexpr std::size_t kGoldenRowsMin = 5;
Result<Golden> golden_of(const Model& model, const Dataset& rows);

// The samples as the engine is fed them: columns put in order by name, scaled unless the graph does that.
Result<Matrix> golden_inputs(const Golden& golden, const Preprocessing& preprocessing);
// Where what came out, [samples, classes] of probabilities, read with the label map, is not what the samples
// say; one line a sample.
std::vector<std::string> golden_differences(const Golden& golden, const std::vector<std::string>& labels,
                                            const Matrix& probabilities);

}  // namespace sallyport::learn
