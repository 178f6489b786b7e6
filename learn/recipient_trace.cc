// Which recipient's rows a suspect table holds more of than chance explains.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <map>

#include "core/parallel.h"
#include "learn/drawn_rows.h"
#include "learn/recipient_rows.h"
#include "learn/statistics.h"

namespace sallyport::learn {
namespace {

// A deviation below this share of the range would let a column that hardly ever varies outweigh all others.
constexpr double kScaleOfRangeMin = 1.0 / 8;
constexpr double kDistanceMax = 9;  // squared, of one cell: an outlier decides nothing by itself
// A row is found when its own is less than half as far as any of the original: squared.
constexpr double kNearness = 4;
constexpr std::size_t kComparedAtOnce = 8;  // columns, before a row that is too far already is given up
// Of cells, most of which are never looked at; a few seconds on one core.
constexpr double kCellsCompared = 8e9;
constexpr std::size_t kChanceRowsMin = 500;
constexpr std::size_t kChanceRowsMax = 20'000;

struct Shared {
  std::size_t original = 0;  // the column's place
  std::size_t suspect = 0;
  double scale = 1;  // of numbers
};

std::vector<Shared> shared_columns(const Dataset& original, const Dataset& suspect) {
  std::vector<Shared> out;
  for (std::size_t i = 0; i < original.columns.size(); ++i) {
    const Column& column = original.columns[i];
    if (original.roles.covers(column.name)) continue;
    for (std::size_t j = 0; j < suspect.columns.size(); ++j) {
      const Column& other = suspect.columns[j];
      if (other.name != column.name || other.numeric != column.numeric) continue;
      double scale = 1;
      if (column.numeric) {
        std::vector<double> known;
        std::ranges::copy_if(column.numbers, std::back_inserter(known),
                             [](double value) { return std::isfinite(value); });
        if (known.empty()) break;
        const auto [low, high] = std::ranges::minmax(known);
        scale = std::max(std::sqrt(variance(known)), (high - low) * kScaleOfRangeMin);
        if (!(scale > 0)) break;  // it tells no rows apart
      }
      out.push_back({i, j, scale});
      break;
    }
  }
  return out;
}

// Rows as numbers, a text being the number of its spelling, missing ones NaN.
struct Numbers {
  std::size_t columns = 0;
  std::vector<double> cells = {};

  std::size_t rows() const { return columns == 0 ? 0 : cells.size() / columns; }
  std::span<const double> row(std::size_t i) const { return {cells.data() + i * columns, columns}; }
};

class Space {
 public:
  Space(const Dataset& original, const Dataset& suspect)
      : shared_(shared_columns(original, suspect)),
        original_(numbers_of(original, &Shared::original)),
        suspect_(numbers_of(suspect, &Shared::suspect)) {
    for (const Shared& one : shared_) is_text_.push_back(!original.columns[one.original].numeric);
  }

  std::size_t columns() const { return shared_.size(); }

  bool finds(const DrawnRow& drawn) const {
    std::vector<double> row(columns());
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::size_t from = drawn.from_second[shared_[i].original] ? drawn.second : drawn.first;
      row[i] = original_.row(from)[i];
    }
    double nearest = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < suspect_.rows(); ++i) {
      nearest = std::min(nearest, distance(row, suspect_.row(i), nearest));
    }
    if (std::isinf(nearest)) return false;
    const double radius = nearest * kNearness;
    for (std::size_t i = 0; i < original_.rows(); ++i) {
      if (distance(row, original_.row(i), radius) <= radius) return false;
    }
    return true;
  }

 private:
  Numbers numbers_of(const Dataset& data, std::size_t Shared::*place) {
    Numbers out{.columns = shared_.size(), .cells = std::vector<double>(data.rows() * shared_.size())};
    for (std::size_t i = 0; i < shared_.size(); ++i) {
      const Column& column = data.columns[shared_[i].*place];
      for (std::size_t row = 0; row < data.rows(); ++row) {
        out.cells[row * out.columns + i] =
            column.numeric ? column.numbers[row] / shared_[i].scale
                           : static_cast<double>(
                                 spellings_.try_emplace(column.texts[row], spellings_.size()).first->second);
      }
    }
    return out;
  }

  // Squared; what is more than `enough` may come out as anything that is more.
  double distance(std::span<const double> a, std::span<const double> b, double enough) const {
    double out = 0;
    for (std::size_t at = 0; at < a.size();) {
      const std::size_t end = std::min(a.size(), at + kComparedAtOnce);
      for (; at < end; ++at) {
        const double gap = a[at] - b[at];
        if (a[at] == b[at]) continue;
        if (is_text_[at]) {
          out += 1;
        } else if (std::isnan(gap)) {
          out += std::isnan(a[at]) && std::isnan(b[at]) ? 0 : 1;
        } else {
          out += std::min(gap * gap, kDistanceMax);
        }
      }
      if (out > enough) return out;
    }
    return out;
  }

  std::vector<Shared> shared_;
  std::map<std::string, std::size_t> spellings_ = {};
  Numbers original_;
  Numbers suspect_;
  std::vector<bool> is_text_ = {};
};

// How many of the first `rows` rows of each recipient are found. Errors of drawing are the table's, so the
// first speaks for all.
Result<std::vector<std::size_t>> found_of(const Drawing& drawing, const Space& space,
                                          std::span<const std::string> recipients, std::size_t rows) {
  std::vector<std::atomic<std::size_t>> found(recipients.size());
  std::atomic<bool> failed = false;
  parallel_for(recipients.size() * rows, [&](std::size_t i) {
    const auto drawn = drawing.row(recipients[i / rows], i % rows);
    if (!drawn) {
      failed = true;
    } else if (space.finds(*drawn)) {
      ++found[i / rows];
    }
  });
  if (failed) return fail(ErrorKind::kUnsupported, "the table's rows are too much alike to be told apart");
  return std::vector<std::size_t>(found.begin(), found.end());
}

std::size_t affordable(const Dataset& original, const Dataset& suspect, std::size_t columns) {
  const double cells = static_cast<double>((original.rows() + suspect.rows()) * columns);
  return std::clamp(static_cast<std::size_t>(kCellsCompared / std::max(cells, 1.0)), kChanceRowsMin,
                    kChanceRowsMax);
}

}  // namespace

Result<Traced> trace_copy(const Dataset& original, const Dataset& suspect, BytesView key,
                          std::string_view release, std::span<const std::string> recipients,
                          const TraceOptions& options) {
  if (recipients.empty() || options.rows == 0)
    return invalid("a recipient and its rows are to be looked for");
  const Drawing drawing(original, key, release);
  const Space space(original, suspect);
  if (space.columns() == 0) return invalid("the tables share no column that tells rows apart");
  Traced out{.rows = options.rows, .columns = space.columns()};
  const std::vector<std::size_t> found = TRY(found_of(drawing, space, recipients, options.rows));
  out.chance_rows =
      options.chance_rows > 0 ? options.chance_rows : affordable(original, suspect, space.columns());
  // No recipient has a line's end in its name.
  const std::vector<std::string> nobody{"\nnobody"};
  out.chance_found = TRY(found_of(drawing, space, nobody, out.chance_rows)).front();
  for (std::size_t i = 0; i < recipients.size(); ++i) {
    RecipientTrace trace{.recipient = recipients[i], .found = found[i]};
    trace.p = hypergeometric_upper_tail(found[i], out.rows + out.chance_rows, found[i] + out.chance_found,
                                        out.rows);
    trace.named = trace.p <= options.alpha / static_cast<double>(recipients.size());
    out.recipients.push_back(std::move(trace));
  }
  return out;
}

}  // namespace sallyport::learn
