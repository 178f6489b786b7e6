#include "learn/picture.h"

#include <algorithm>
#include <cmath>

namespace sallyport::learn {
namespace {

constexpr std::size_t kSideMin = 8;
constexpr std::size_t kRowsLookedAt = 500;
constexpr double kAlike =
    0.5;  // of a picture's total variation, that of pixels at random; neighbours have less

Matrix halved(const Matrix& plane, std::size_t height, std::size_t width) {
  const std::size_t wide = width / 2;
  Matrix out(plane.rows(), height / 2 * wide);
  for (std::size_t r = 0; r < plane.rows(); ++r) {
    for (std::size_t i = 0; i < height / 2; ++i) {
      for (std::size_t j = 0; j < wide; ++j) {
        const std::size_t at = 2 * i * width + 2 * j;
        out.row(r)[i * wide + j] =
            (plane.at(r, at) + plane.at(r, at + 1) + plane.at(r, at + width) + plane.at(r, at + width + 1)) /
            4;
      }
    }
  }
  return out;
}

Matrix plane_of(const Matrix& features, std::size_t channels, const std::vector<float>& weights) {
  Matrix out(features.rows(), features.columns() / channels);
  for (std::size_t r = 0; r < features.rows(); ++r) {
    for (std::size_t p = 0; p < out.columns(); ++p) {
      float sum = 0;
      for (std::size_t c = 0; c < channels; ++c) sum += weights[c] * features.at(r, p * channels + c);
      out.row(r)[p] = sum;
    }
  }
  return out;
}

// The mean step from a pixel to the one beside it and to the one below, over that between pixels at random.
double roughness(const Matrix& rows, std::size_t side, std::size_t channels) {
  double near = 0;
  double far = 0;
  const std::size_t width = side * channels;
  const std::size_t all = rows.columns();
  for (std::size_t r = 0; r < rows.rows(); ++r) {
    for (std::size_t at = 0; at + width < all; ++at) {
      if ((at / channels) % side + 1 == side) continue;
      const auto step = [&](std::size_t other) {
        return std::abs(static_cast<double>(rows.at(r, at) - rows.at(r, other)));
      };
      near += step(at + channels) + step(at + width);
      far += 2 * step((at * 7919 + 104'729 * (r + 1)) % all);
    }
  }
  return far > 0 ? near / far : 1;
}

}  // namespace

std::size_t channels_of(const ImageShape& image, std::size_t features) {
  const auto pixels = static_cast<std::size_t>(std::max(0, image.height)) *
                      static_cast<std::size_t>(std::max(0, image.width));
  if (pixels == 0 || features == 0 || features % pixels != 0) return 0;
  const std::size_t channels = features / pixels;
  return channels <= 4 ? channels : 0;
}

std::vector<Matrix> planes_of(const Matrix& features, const ImageShape& image, std::size_t pixels_max) {
  const std::size_t channels = channels_of(image, features.columns());
  std::vector<Matrix> out;
  if (channels <= 1) {
    out.push_back(features);
  } else {
    // Opacity says little of what a picture shows.
    const std::size_t colours = channels == 2 ? 1 : 3;
    std::vector<float> grey(channels);
    for (std::size_t c = 0; c < colours; ++c) grey[c] = 1 / static_cast<float>(colours);
    out.push_back(plane_of(features, channels, grey));
    if (colours == 3) {
      std::vector<float> red_blue(channels);
      std::vector<float> green(channels);
      red_blue[0] = 0.5F;
      red_blue[2] = -0.5F;
      green[0] = green[2] = -0.25F;
      green[1] = 0.5F;
      out.push_back(plane_of(features, channels, red_blue));
      out.push_back(plane_of(features, channels, green));
    }
  }
  if (channels == 0) return out;
  for (Matrix& plane : out) {
    auto height = static_cast<std::size_t>(image.height);
    auto width = static_cast<std::size_t>(image.width);
    while (plane.columns() > pixels_max && height > 1 && width > 1) {
      plane = halved(plane, height, width);
      height /= 2;
      width /= 2;
    }
  }
  return out;
}

ImageShape shape_of_pictures(const Dataset& data) {
  const std::vector<std::size_t> columns = data.feature_columns();
  for (const std::size_t channels : {std::size_t{1}, std::size_t{3}}) {
    const auto side = static_cast<std::size_t>(
        std::lround(std::sqrt(static_cast<double>(columns.size()) / static_cast<double>(channels))));
    if (side < kSideMin || side * side * channels != columns.size() || data.rows() < 2) continue;
    double largest = 0;
    for (const std::size_t column : columns) {
      for (const double value : data.columns[column].numbers) {
        if (!(value >= 0)) return {};
        largest = std::max(largest, value);
      }
    }
    if (largest <= 0 || !std::isfinite(largest)) return {};
    const std::size_t step = std::max<std::size_t>(1, data.rows() / kRowsLookedAt);
    std::vector<float> values;
    std::size_t rows = 0;
    for (std::size_t r = 0; r < data.rows(); r += step, ++rows) {
      for (const std::size_t column : columns)
        values.push_back(static_cast<float>(data.columns[column].numbers[r] / largest));
    }
    if (roughness(Matrix(rows, columns.size(), std::move(values)), side, channels) > kAlike) continue;
    const double full = largest <= 1 ? 1 : largest > 16 && largest <= 255 ? 255 : largest;
    return {.height = static_cast<int>(side), .width = static_cast<int>(side), .max_value = full};
  }
  return {};
}

}  // namespace sallyport::learn
