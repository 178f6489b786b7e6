#include "learn/spectral.h"

#include <cmath>

namespace sallyport::learn {
namespace {

// Enough for a score, which does not need the direction to the last digit.
constexpr int kIterations = 100;

void normalise(std::vector<double>& vector) {
  double squares = 0;
  for (const double value : vector) squares += value * value;
  if (squares == 0) return;
  for (double& value : vector) value /= std::sqrt(squares);
}

double projection(std::span<const float> row, const std::vector<double>& centre,
                  const std::vector<double>& onto) {
  double sum = 0;
  for (std::size_t i = 0; i < onto.size(); ++i) sum += (static_cast<double>(row[i]) - centre[i]) * onto[i];
  return sum;
}

}  // namespace

std::vector<double> spectral_scores(const Matrix& rows) {
  const std::size_t width = rows.columns();
  std::vector<double> centre(width, 0);
  for (std::size_t row = 0; row < rows.rows(); ++row) {
    for (std::size_t i = 0; i < width; ++i) centre[i] += static_cast<double>(rows.at(row, i));
  }
  for (double& value : centre) value /= static_cast<double>(rows.rows());

  // A start with a part in every direction, and in no two the same.
  std::vector<double> direction(width);
  for (std::size_t i = 0; i < width; ++i) direction[i] = 1 + std::sin(static_cast<double>(i + 1));
  normalise(direction);
  for (int iteration = 0; iteration < kIterations; ++iteration) {
    std::vector<double> next(width, 0);
    for (std::size_t row = 0; row < rows.rows(); ++row) {
      const double along = projection(rows.row(row), centre, direction);
      for (std::size_t i = 0; i < width; ++i)
        next[i] += along * (static_cast<double>(rows.at(row, i)) - centre[i]);
    }
    normalise(next);
    direction = std::move(next);
  }
  std::vector<double> scores;
  for (std::size_t row = 0; row < rows.rows(); ++row) {
    const double along = projection(rows.row(row), centre, direction);
    scores.push_back(along * along);
  }
  return scores;
}

}  // namespace sallyport::learn
