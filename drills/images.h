// Forges on tables of images: what an attacker, a scanner or an augmenter does to the pixels of a row.
//
// An image is its pixels in row-major order, as Dataset::feature_columns lists them. Values in, values out.
#pragma once

#include <vector>

#include "core/dataset.h"
#include "learn/random.h"

namespace sallyport::drills {

using Image = std::vector<double>;

Image image_at(const Dataset& data, std::size_t row);
void set_image(Dataset& data, std::size_t row, const Image& image);

// About the centre, bilinear, blank beyond the border, rounded to whole levels.
Image rotated(const Image& image, const ImageShape& shape, double degrees);
// By whole pixels, blank where nothing moves in.
Image shifted(const Image& image, const ImageShape& shape, int down, int right);
// Each pixel up or down by one level or left alone, with equal chances, within the range.
Image with_one_level_noise(const Image& image, const ImageShape& shape, learn::Random& random);
// A square of `side` pixels of full ink in the lower right corner.
Image with_corner_stamp(const Image& image, const ImageShape& shape, int side);

// The label of a row, whichever way the column keeps it.
void set_label(Dataset& data, std::size_t row, const std::string& label);
// Rows of `more` at the end of `data`; both have the same columns.
void append_rows(Dataset& data, const Dataset& more);

}  // namespace sallyport::drills
