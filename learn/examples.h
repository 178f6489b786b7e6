// Examples for training and evaluation: scaled inputs and classes, from a table; and a network that suits a
// table.
//
// Values; safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/dataset.h"
#include "core/result.h"
#include "learn/network.h"

namespace sallyport::learn {

struct Examples {
  Matrix inputs = {};  // scaled for the network
  std::vector<std::uint32_t> labels = {};

  std::size_t rows() const { return inputs.rows(); }
  Examples pick(std::span<const std::size_t> rows) const;
};

// Error when the table has no label column, a label that the network does not know, other features than it
// takes, or a value that is missing.
Result<Examples> examples_of(const Network& network, const Dataset& data);

enum class Architecture : std::uint8_t {
  kAuto,  // convolutions for images, a perceptron otherwise
  kPerceptron,
  kConvolutions,
};

// The classes and the scaling come from the table: an image is divided by its largest possible value, other
// features are moved to mean 0 and standard deviation 1. Error for kConvolutions when the table holds no
// images of at least 4 by 4 pixels.
Result<Network> network_for(const Dataset& data, Architecture architecture = Architecture::kAuto,
                            std::uint32_t hidden = 64);

}  // namespace sallyport::learn
