#include "learn/examples.h"

#include <algorithm>

namespace sallyport::learn {

namespace {

constexpr std::uint32_t kImageEdgeMin = 4;  // two poolings by 2 leave one pixel of it
constexpr std::uint32_t kFirstChannels = 16;
constexpr std::uint32_t kSecondChannels = 32;

Result<InputSpec> input_for(const Dataset& data, const Matrix& features) {
  const auto width = static_cast<std::uint32_t>(features.columns());
  InputSpec out{.shape = {width}};
  if (data.image.height > 0) {
    const auto pixels =
        static_cast<std::size_t>(data.image.height) * static_cast<std::size_t>(data.image.width);
    if (pixels != features.columns() || !(data.image.max_value > 0)) {
      return invalid(data.name + ": " + std::to_string(features.columns()) +
                     " features do not make images of " + std::to_string(data.image.height) + " by " +
                     std::to_string(data.image.width) + " pixels");
    }
    const auto maximum = static_cast<float>(data.image.max_value);
    out.shape = {1, static_cast<std::uint32_t>(data.image.height),
                 static_cast<std::uint32_t>(data.image.width)};
    out.scale = {maximum};
    out.range = Range{0, maximum};
    return out;
  }
  const Scaling scaling = standard_scaling(features);
  out.shift = scaling.shift;
  out.scale.clear();
  // A constant feature has factor 0; divided by 1 after the shift it is 0 as well.
  for (const float factor : scaling.factor) out.scale.push_back(factor > 0 ? 1 / factor : 1.0F);
  return out;
}

std::vector<Layer> perceptron(const InputSpec& input, std::uint32_t hidden, std::uint32_t classes) {
  std::vector<Layer> out;
  if (input.shape.size() == 3) out.push_back({.kind = LayerKind::kFlatten});
  out.push_back(
      {.kind = LayerKind::kLinear, .in = static_cast<std::uint32_t>(input.features()), .out = hidden});
  out.push_back({.kind = LayerKind::kRelu});
  out.push_back({.kind = LayerKind::kLinear, .in = hidden, .out = classes});
  return out;
}

std::vector<Layer> convolutions(const InputSpec& input, std::uint32_t hidden, std::uint32_t classes) {
  const std::uint32_t left = kSecondChannels * (input.shape[1] / 4) * (input.shape[2] / 4);
  return {
      {.kind = LayerKind::kConv2d, .in = 1, .out = kFirstChannels, .kernel = 3, .padding = 1},
      {.kind = LayerKind::kRelu},
      {.kind = LayerKind::kMaxPool, .kernel = 2},
      {.kind = LayerKind::kConv2d, .in = kFirstChannels, .out = kSecondChannels, .kernel = 3, .padding = 1},
      {.kind = LayerKind::kRelu},
      {.kind = LayerKind::kMaxPool, .kernel = 2},
      {.kind = LayerKind::kFlatten},
      {.kind = LayerKind::kLinear, .in = left, .out = hidden},
      {.kind = LayerKind::kRelu},
      {.kind = LayerKind::kLinear, .in = hidden, .out = classes}};
}

}  // namespace

Examples Examples::pick(std::span<const std::size_t> rows) const {
  Examples out{.inputs = inputs.pick_rows(rows)};
  for (const std::size_t row : rows) out.labels.push_back(labels[row]);
  return out;
}

Result<Examples> examples_of(const Network& network, const Dataset& data) {
  Examples out;
  out.inputs = TRY(scaled_inputs(network.input, TRY(features_of(data))));
  out.labels = TRY(classes_of(data, network.classes));
  return out;
}

Result<Network> network_for(const Dataset& data, Architecture architecture, std::uint32_t hidden) {
  const Matrix features = TRY(features_of(data));
  Network out;
  out.classes = TRY(classes_of(data)).names;
  out.input = TRY(input_for(data, features));
  const bool image =
      out.input.shape.size() == 3 && std::min(out.input.shape[1], out.input.shape[2]) >= kImageEdgeMin;
  if (architecture == Architecture::kConvolutions && !image) {
    return invalid(data.name + ": no images of at least " + std::to_string(kImageEdgeMin) + " pixels a side",
                   "state the image's shape in the schema, or choose a perceptron");
  }
  const auto classes = static_cast<std::uint32_t>(out.classes.size());
  const bool convolve = image && architecture != Architecture::kPerceptron;
  out.layers = convolve ? convolutions(out.input, hidden, classes) : perceptron(out.input, hidden, classes);
  // What was built goes through the reader's checks as well, so that it can be written and read again.
  return parse_network(canonical(to_json(out)));
}

}  // namespace sallyport::learn
