#include "services/data_check/page_pictures.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "formats/png.h"
#include "learn/encoded.h"
#include "learn/neighbours.h"
#include "learn/picture.h"
#include "learn/random.h"
#include "services/report/markup.h"

namespace sallyport::services::data_check {
namespace {

using report::escape;

constexpr std::size_t kShots = 18;  // of each check
constexpr std::size_t kNeighbours = 4;
constexpr std::size_t kPointsMax = 20'000;  // among which neighbours are sought

struct Pictures {
  const Dataset& data;
  std::vector<std::size_t> columns;
  std::size_t channels = 1;
  std::vector<std::string> labels;
};

std::string image_of(const Pictures& pictures, std::size_t row, int side) {
  const ImageShape& shape = pictures.data.image;
  const std::size_t kept = pictures.channels == 3 ? 3 : 1;
  formats::Picture picture{.width = static_cast<std::size_t>(shape.width),
                           .height = static_cast<std::size_t>(shape.height),
                           .channels = kept};
  const double scale = shape.max_value > 0 ? 255 / shape.max_value : 1;
  for (std::size_t i = 0; i < picture.width * picture.height; ++i) {
    for (std::size_t c = 0; c < kept; ++c) {
      const double value = pictures.data.columns[pictures.columns[i * pictures.channels + c]].numbers[row];
      const double level = std::isnan(value) ? 0 : std::clamp(value * scale, 0.0, 255.0);
      picture.samples.push_back(static_cast<std::uint8_t>(std::lround(level)));
    }
  }
  const std::string width = std::to_string(side);
  return "<img alt=\"row " + std::to_string(row) + "\" width=\"" + width + "\" height=\"" + width +
         "\" src=\"data:image/png;base64," + to_base64(formats::write_png(picture)) + "\">";
}

std::string label_of(const Pictures& pictures, std::size_t row) {
  return row < pictures.labels.size() ? escape(pictures.labels[row]) : "";
}

// A row that is shown, and where it stands in what is in memory.
struct Shown {
  const ScoredRow* row = nullptr;
  std::size_t at = 0;
};

std::optional<std::size_t> place_of(std::uint64_t row, const Dataset& data, const CheckOptions& options) {
  if (options.row_numbers.empty())
    return row < data.rows() ? std::optional(static_cast<std::size_t>(row)) : std::nullopt;
  const auto at = std::ranges::lower_bound(options.row_numbers, row);
  if (at == options.row_numbers.end() || *at != row) return std::nullopt;
  return static_cast<std::size_t>(at - options.row_numbers.begin());
}

std::string shot(const Pictures& pictures, const Shown& shown, std::span<const std::size_t> neighbours) {
  const ScoredRow& row = *shown.row;
  constexpr int kLarge = 84;
  constexpr int kSmall = 42;
  std::string out = "<div class=\"shot\">" + image_of(pictures, shown.at, kLarge) + "<b>row " +
                    std::to_string(row.row) + "</b> " + escape(row.id) + "<br>" + escape(row.message) +
                    "<div class=\"row\">";
  for (const std::size_t other : neighbours) {
    out += "<figure>" + image_of(pictures, other, kSmall) + label_of(pictures, other) + "</figure>";
  }
  return out + "</div></div>";
}

Result<std::string> shots_of(const Pictures& pictures, const learn::Matrix& features,
                             const std::vector<Shown>& rows, const CheckOptions& options) {
  learn::Random random(learn::derive_seed(options.seed, 40));
  const std::vector<std::size_t> points =
      random.sample(features.rows(), std::min(features.rows(), kPointsMax));
  std::vector<std::size_t> asked;
  for (const Shown& row : rows) asked.push_back(row.at);
  const learn::Neighbours found =
      TRY(learn::nearest(features.pick_rows(points), features.pick_rows(asked),
                         {.count = kNeighbours + 1, .features = {}, .threads = options.threads}));
  std::string out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::vector<std::size_t> others;
    for (const learn::Neighbour& one : found.of(i)) {
      if (points[one.row] != rows[i].at && others.size() < kNeighbours) others.push_back(points[one.row]);
    }
    out += shot(pictures, rows[i], others);
  }
  return out;
}

}  // namespace

std::string picture_section(const Dataset& data, const CheckReport& report, const CheckOptions& options) {
  Pictures pictures{.data = data, .columns = data.feature_columns(), .labels = {}};
  pictures.channels = learn::channels_of(data.image, pictures.columns.size());
  if (pictures.channels == 0) return "";
  if (const Result<std::vector<std::string>> labels = data.labels()) pictures.labels = *labels;
  const Result<learn::Matrix> features = learn::encoded_features(data);
  if (!features) return "";
  std::string out;
  for (const CheckVerdict& verdict : report.verdicts) {
    std::vector<Shown> rows;
    for (const ScoredRow& row : report.scored) {
      if (row.guard != verdict.guard || !row.suspect || rows.size() == kShots) continue;
      if (const std::optional<std::size_t> at = place_of(row.row, data, options)) rows.push_back({&row, *at});
    }
    if (rows.empty()) continue;
    const Result<std::string> shots = shots_of(pictures, *features, rows, options);
    if (!shots) continue;
    out += "<h3>" + escape(verdict.guard) + "</h3><div class=\"grid\">" + *shots + "</div>";
  }
  return out.empty() ? ""
                     : "<h2>Rows that look wrong, beside their nearest neighbours</h2>"
                       "<p class=\"soft\">Below each picture the four nearest others with their labels.</p>" +
                           out;
}

}  // namespace sallyport::services::data_check
