#include "drills/images.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace sallyport::drills {
namespace {

std::size_t pixel(const ImageShape& shape, int row, int column) {
  return static_cast<std::size_t>(row * shape.width + column);
}

double ink_at(const Image& image, const ImageShape& shape, int row, int column) {
  const bool inside = row >= 0 && row < shape.height && column >= 0 && column < shape.width;
  return inside ? image[pixel(shape, row, column)] : 0;
}

}  // namespace

Image image_at(const Dataset& data, std::size_t row) {
  Image out;
  for (const std::size_t column : data.feature_columns()) out.push_back(data.columns[column].numbers[row]);
  return out;
}

void set_image(Dataset& data, std::size_t row, const Image& image) {
  const std::vector<std::size_t> columns = data.feature_columns();
  for (std::size_t i = 0; i < columns.size(); ++i) data.columns[columns[i]].numbers[row] = image[i];
}

Image rotated(const Image& image, const ImageShape& shape, double degrees) {
  const double angle = degrees * std::numbers::pi / 180;
  const double mid_row = (shape.height - 1) / 2.0;
  const double mid_column = (shape.width - 1) / 2.0;
  Image out(image.size());
  for (int row = 0; row < shape.height; ++row) {
    for (int column = 0; column < shape.width; ++column) {
      const double y = mid_row + (row - mid_row) * std::cos(angle) - (column - mid_column) * std::sin(angle);
      const double x =
          mid_column + (row - mid_row) * std::sin(angle) + (column - mid_column) * std::cos(angle);
      const int top = static_cast<int>(std::floor(y));
      const int left = static_cast<int>(std::floor(x));
      const double down = y - top;
      const double right = x - left;
      const double upper =
          ink_at(image, shape, top, left) * (1 - right) + ink_at(image, shape, top, left + 1) * right;
      const double lower =
          ink_at(image, shape, top + 1, left) * (1 - right) + ink_at(image, shape, top + 1, left + 1) * right;
      out[pixel(shape, row, column)] = std::round(upper * (1 - down) + lower * down);
    }
  }
  return out;
}

Image shifted(const Image& image, const ImageShape& shape, int down, int right) {
  Image out(image.size());
  for (int row = 0; row < shape.height; ++row) {
    for (int column = 0; column < shape.width; ++column) {
      out[pixel(shape, row, column)] = ink_at(image, shape, row - down, column - right);
    }
  }
  return out;
}

Image with_one_level_noise(const Image& image, const ImageShape& shape, learn::Random& random) {
  Image out = image;
  for (double& value : out) {
    value = std::clamp(value + static_cast<double>(random.below(3)) - 1, 0.0, shape.max_value);
  }
  return out;
}

Image with_corner_stamp(const Image& image, const ImageShape& shape, int side) {
  Image out = image;
  for (int row = shape.height - side; row < shape.height; ++row) {
    for (int column = shape.width - side; column < shape.width; ++column)
      out[pixel(shape, row, column)] = shape.max_value;
  }
  return out;
}

void set_label(Dataset& data, std::size_t row, const std::string& label) {
  for (Column& column : data.columns) {
    if (column.name != data.roles.label) continue;
    if (column.numeric) {
      column.numbers[row] = std::stod(label);
    } else {
      column.texts[row] = label;
    }
  }
}

void append_rows(Dataset& data, const Dataset& more) {
  for (std::size_t i = 0; i < data.columns.size(); ++i) {
    Column& column = data.columns[i];
    column.numbers.insert(column.numbers.end(), more.columns[i].numbers.begin(),
                          more.columns[i].numbers.end());
    column.texts.insert(column.texts.end(), more.columns[i].texts.begin(), more.columns[i].texts.end());
  }
}

}  // namespace sallyport::drills
