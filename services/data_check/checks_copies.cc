// How many equal rows chance makes of such columns, and texts that nearly repeat an earlier one.
//
// A table of few values repeats itself without anybody's copying. What chance makes is measured on the table:
// its columns are cut in two halves, and were the halves dealt to one another anew, two rows would be equal
// as often as both of their halves are, which says nothing of the pairs of halves that stand together. A
// copied row repeats that pair; a row of few values does not need to. Of several cuts the one that explains
// most counts.
#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <numeric>
#include <span>

#include "core/mix.h"
#include "learn/minhash.h"
#include "learn/random.h"
#include "learn/row_digest.h"
#include "services/data_check/checks.h"

namespace sallyport::services::data_check {
namespace {

constexpr double kSimilar = 0.7;
constexpr std::size_t kTextBytesMin = 20;      // on average, of a column that is text rather than a category
constexpr std::size_t kNearRowsMax = 500'000;  // beyond which a sample is looked at
constexpr std::size_t kChanceRows = 50'000;    // that say what chance makes
constexpr std::size_t kDeals = 40;
constexpr double kExplained = 2;   // times what chance makes, up to which equal rows are its work
constexpr double kDeviations = 5;  // above it, in which the counts of rare pairs are to stand

const Column* text_column(const Dataset& data) {
  for (const Column& column : data.columns) {
    if (column.numeric || data.roles.covers(column.name) || column.texts.empty()) continue;
    std::size_t bytes = 0;
    for (const std::string& text : column.texts) bytes += text.size();
    if (bytes / column.texts.size() >= kTextBytesMin) return &column;
  }
  return nullptr;
}

using Keys = std::vector<std::uint64_t>;

std::uint64_t key_of(const Column& column, std::size_t row) {
  if (!column.numeric) return std::hash<std::string>()(column.texts[row]);
  const double value = column.numbers[row];
  if (std::isnan(value)) return ~std::uint64_t{0};
  return std::bit_cast<std::uint64_t>(value == 0 ? 0.0 : value);
}

// Rows that are equal in these columns have the same key.
Keys keys_of(const Dataset& data, std::span<const std::size_t> rows, std::span<const std::size_t> columns) {
  Keys out(rows.size());
  for (const std::size_t column : columns) {
    for (std::size_t i = 0; i < rows.size(); ++i)
      out[i] = mixed(out[i] * 0x9E3779B97F4A7C15ULL ^ key_of(data.columns[column], rows[i]));
  }
  return out;
}

double equal_pairs(Keys keys) {
  std::ranges::sort(keys);
  double out = 0;
  for (std::size_t begin = 0; begin < keys.size();) {
    std::size_t end = begin;
    while (end < keys.size() && keys[end] == keys[begin]) ++end;
    const auto count = static_cast<double>(end - begin);
    out += count * (count - 1) / 2;
    begin = end;
  }
  return out;
}

double pairs_of(double rows) { return rows * (rows - 1) / 2; }

bool beyond_chance(double pairs, double expected) {
  return pairs > kExplained * expected + kDeviations * std::sqrt(expected);
}

struct Chance {
  double share = 0;  // of all pairs of rows that are equal by it
  std::size_t deals = 0;
  std::size_t alarms = 0;  // of tables whose halves were dealt anew
};

// `first` and `second` are the keys of the halves.
Chance chance_of(const Keys& first, Keys second, learn::Random& random) {
  const double all = pairs_of(static_cast<double>(first.size()));
  Chance out{.share = equal_pairs(first) / all * (equal_pairs(second) / all)};
  Keys dealt(first.size());
  for (; out.deals < kDeals; ++out.deals) {
    random.shuffle(std::span(second));
    for (std::size_t r = 0; r < dealt.size(); ++r)
      dealt[r] = first[r] * 0x9E3779B97F4A7C15ULL ^ (second[r] + (second[r] << 21));
    out.alarms += beyond_chance(equal_pairs(dealt), out.share * all) ? 1 : 0;
  }
  return out;
}

Chance chance_in(const Dataset& data, const CheckOptions& options) {
  learn::Random random(learn::derive_seed(options.seed, 40));
  std::vector<std::size_t> rows(data.rows());
  if (data.rows() > kChanceRows) {
    rows = random.sample(data.rows(), kChanceRows);
    std::ranges::sort(rows);
  } else {
    std::iota(rows.begin(), rows.end(), std::size_t{0});
  }
  std::vector<std::size_t> columns;
  for (std::size_t i = 0; i < data.columns.size(); ++i) {
    if (!data.roles.covers(data.columns[i].name)) columns.push_back(i);
  }
  if (rows.size() < 2 || columns.empty()) return {};
  // One column of categories or numbers says no more of a row than its value; a text of its own does.
  if (columns.size() == 1) return {.share = text_column(data) == nullptr ? 1.0 : 0.0};
  Chance out;
  for (std::size_t cut = 0; cut < 3; ++cut) {
    if (cut == 1) {
      // Neighbours, which often belong together, apart.
      std::ranges::stable_partition(columns, [&](std::size_t column) { return column % 2 == 0; });
    }
    if (cut == 2) random.shuffle(std::span(columns));
    const auto middle = columns.begin() + static_cast<std::ptrdiff_t>(columns.size() / 2);
    const Chance one = chance_of(keys_of(data, rows, {columns.begin(), middle}),
                                 keys_of(data, rows, {middle, columns.end()}), random);
    out.share = std::max(out.share, one.share);
    out.deals += one.deals;
    out.alarms += one.alarms;
  }
  return out;
}

std::size_t add_near_copies(const Dataset& data, const CheckOptions& options, Outcome& out) {
  const Column* column = text_column(data);
  if (column == nullptr) return 0;
  const auto row_of = [&](std::size_t row) {
    return options.row_numbers.empty() ? row : options.row_numbers[row];
  };
  std::vector<learn::TextSketch> sketches;
  for (std::size_t row = 0; row < std::min(column->size(), kNearRowsMax); ++row)
    sketches.push_back(learn::sketch_text(learn::folded(column->texts[row])));
  std::size_t near = 0;
  for (const learn::SimilarPair& pair : learn::similar_others(sketches, kSimilar)) {
    if (row_of(pair.query) < out.marked.size() && out.marked[row_of(pair.query)]) continue;
    ++near;
    char similarity[16];
    std::snprintf(similarity, sizeof similarity, "%.2f", pair.similarity);
    out.rows.push_back(
        {.row = row_of(pair.query),
         .guard = {},
         .score = pair.similarity,
         .message = "like row " + std::to_string(row_of(pair.text)) + ", similarity " + similarity,
         .suspect = false});
  }
  out.verdict.looks_for += ", and texts of column " + column->name +
                           " whose 5-byte shingles have a Jaccard similarity of at least .7";
  return near;
}

std::string rounded(double value) {
  char text[32];
  std::snprintf(text, sizeof text, value < 10 || value >= 1e7 ? "%.3g" : "%.0f", value);
  return text;
}

}  // namespace

void judge_copies(const Dataset& data, std::uint64_t rows, const CheckOptions& options, Outcome& out) {
  const Chance chance = chance_in(data, options);
  const double expected = chance.share * pairs_of(static_cast<double>(rows));
  if (chance.deals > 0) {
    out.verdict.false_positive_rate = static_cast<double>(chance.alarms) / static_cast<double>(chance.deals);
    out.verdict.false_positive_n = chance.deals;
  } else {
    out.verdict.unmeasured = "what chance makes is told from tables of two rows and two columns on";
  }
  if (out.pairs > 0) {
    out.verdict.findings.push_back(rounded(out.pairs) + " pairs of rows are equal, and chance makes " +
                                   rounded(expected) + " of such columns");
  }
  if (out.pairs > 0 && !beyond_chance(out.pairs, expected)) {
    out.verdict.findings.push_back("so equal rows are no copies here, and none is suspect");
    out.verdict.verdict = Verdict::kPass;
    out.marked.clear();
    for (ScoredRow& row : out.rows) row.suspect = false;
    set_rate(out.verdict, 0, rows);
    out.verdict.power.reset();
    out.verdict.effect.clear();
    out.verdict.unmeasured = "where chance makes rows equal a copy is not told from another row";
  }
  const std::size_t near = add_near_copies(data, options, out);
  if (near == 0) return;
  out.verdict.findings.push_back(std::to_string(near) + " rows nearly repeat another");
  out.verdict.verdict = Verdict::kWarn;
}

}  // namespace sallyport::services::data_check
