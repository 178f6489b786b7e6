#include "learn/row_sample.h"

#include <algorithm>
#include <numeric>

#include "core/mix.h"

namespace sallyport::learn {
namespace {

// A keyed order of the row numbers.
std::uint64_t key_of(std::uint64_t number, std::uint64_t seed) {
  return mixed((number + 1) * 0x9E3779B97F4A7C15ULL + seed * 0xD1342543DE82EF95ULL);
}

std::vector<std::uint64_t> picked(const std::vector<std::uint64_t>& numbers,
                                  const std::vector<std::size_t>& rows) {
  std::vector<std::uint64_t> out;
  out.reserve(rows.size());
  for (const std::size_t row : rows) out.push_back(numbers[row]);
  return out;
}

RowSample picked(RowSample sample, const std::vector<std::size_t>& rows) {
  sample.rows = sample.rows.pick(rows);
  sample.numbers = picked(sample.numbers, rows);
  return sample;
}

// Indices of the rows that the sample keeps.
std::vector<std::size_t> kept_rows(const RowSample& sample) {
  std::vector<std::size_t> rows(sample.numbers.size());
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  if (rows.size() <= sample.rows_max) return rows;
  const auto earlier = [&](std::size_t a, std::size_t b) {
    const std::uint64_t key_a = key_of(sample.numbers[a], sample.seed);
    const std::uint64_t key_b = key_of(sample.numbers[b], sample.seed);
    return key_a != key_b ? key_a < key_b : sample.numbers[a] < sample.numbers[b];
  };
  const auto end = rows.begin() + static_cast<std::ptrdiff_t>(sample.rows_max);
  std::nth_element(rows.begin(), end, rows.end(), earlier);
  rows.resize(sample.rows_max);
  return rows;
}

RowSample trimmed(RowSample sample) {
  if (sample.numbers.size() <= sample.rows_max) return sample;
  const std::vector<std::size_t> rows = kept_rows(sample);
  return picked(std::move(sample), rows);
}

bool same_columns(const Dataset& a, const Dataset& b) {
  return std::equal(
      a.columns.begin(), a.columns.end(), b.columns.begin(), b.columns.end(),
      [](const Column& x, const Column& y) { return x.name == y.name && x.numeric == y.numeric; });
}

}  // namespace

RowSample sample_rows(const Dataset& shard, std::size_t rows_max, std::uint64_t seed) {
  RowSample out{.seen = shard.rows(), .rows_max = rows_max, .seed = seed, .rows = {}, .numbers = {}};
  out.numbers.resize(shard.rows());
  std::iota(out.numbers.begin(), out.numbers.end(), std::uint64_t{shard.first_row});
  const std::vector<std::size_t> rows = kept_rows(out);
  out.rows = rows.size() == shard.rows() ? shard : shard.pick(rows);
  if (rows.size() < shard.rows()) out.numbers = picked(out.numbers, rows);
  return out;
}

RowSample merge(RowSample a, RowSample b) {
  if (b.seen == 0) return a;
  if (a.seen == 0) return b;
  a.mixed = a.mixed || b.mixed || !same_columns(a.rows, b.rows);
  a.seen += b.seen;
  if (a.mixed) return a;
  for (std::size_t i = 0; i < a.rows.columns.size(); ++i) {
    Column& column = a.rows.columns[i];
    const Column& more = b.rows.columns[i];
    column.numbers.insert(column.numbers.end(), more.numbers.begin(), more.numbers.end());
    column.texts.insert(column.texts.end(), more.texts.begin(), more.texts.end());
  }
  a.numbers.insert(a.numbers.end(), b.numbers.begin(), b.numbers.end());
  return trimmed(std::move(a));
}

Result<RowSample> settled(RowSample sample) {
  if (sample.mixed)
    return invalid("data set " + sample.rows.name + ": shards disagree on the columns or their types");
  std::vector<std::size_t> rows(sample.numbers.size());
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  std::sort(rows.begin(), rows.end(),
            [&](std::size_t a, std::size_t b) { return sample.numbers[a] < sample.numbers[b]; });
  return picked(std::move(sample), rows);
}

}  // namespace sallyport::learn
