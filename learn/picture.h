// Rows that are pictures: how many channels, planes of grey and colour, and whether a table is one of
// pictures at all.
//
// Pixels stand in row-major order with their channels side by side, as in core/dataset.h. Pure functions,
// safe from any thread.
#pragma once

#include <cstddef>
#include <vector>

#include "core/dataset.h"
#include "learn/matrix.h"

namespace sallyport::learn {

// Numbers a pixel; 0 when rows of so many features are no pictures of that shape.
std::size_t channels_of(const ImageShape& image, std::size_t features);

// Grey, and of coloured pictures two planes of colour differences; halved in both directions until a plane
// has at most `pixels_max` pixels. The features themselves when they are no pictures.
std::vector<Matrix> planes_of(const Matrix& features, const ImageShape& image, std::size_t pixels_max);

// The shape of pictures whose pixels are the feature columns, when the features look like it: a square number
// of them (or three times one), all of one range that begins at 0, and neighbours alike. All zero otherwise.
ImageShape shape_of_pictures(const Dataset& data);

}  // namespace sallyport::learn
