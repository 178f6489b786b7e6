#include "learn/anonymity.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <set>
#include <unordered_map>

#include "core/mix.h"

namespace sallyport::learn {
namespace {

// Numbers every distinct key by first appearance: open addressing, since this is where the time goes.
class Numbering {
 public:
  explicit Numbering(std::size_t keys) : slots_(std::bit_ceil(2 * keys + 2)) {}

  std::uint32_t number(std::uint64_t key) {
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t at = mixed(key) & mask;; at = (at + 1) & mask) {
      if (slots_[at].number == 0) slots_[at] = {key, ++count_};
      if (slots_[at].key == key) return slots_[at].number - 1;
    }
  }

 private:
  struct Slot {
    std::uint64_t key = 0;
    std::uint32_t number = 0;  // 0: free
  };
  std::vector<Slot> slots_;
  std::uint32_t count_ = 0;
};

// The number of each row's value among the column's distinct values.
std::vector<std::uint32_t> codes_of(const Column& column) {
  std::vector<std::uint32_t> out;
  out.reserve(column.size());
  if (column.numeric) {
    Numbering numbering(column.size());
    for (const double value : column.numbers) {
      const double one_zero = value == 0 ? 0 : value;
      out.push_back(
          numbering.number(std::isnan(value) ? ~std::uint64_t{0} : std::bit_cast<std::uint64_t>(one_zero)));
    }
    return out;
  }
  std::unordered_map<std::string_view, std::uint32_t> numbers;
  for (const std::string& text : column.texts)
    out.push_back(numbers.emplace(text, static_cast<std::uint32_t>(numbers.size())).first->second);
  return out;
}

double total_variation(std::span<const double> shares, std::span<const double> others) {
  double sum = 0;
  for (std::size_t i = 0; i < shares.size(); ++i) sum += std::abs(shares[i] - others[i]);
  return sum / 2;
}

// The earth mover's distance over ranks, where the farthest two values are at distance 1.
double ordered_distance(std::span<const double> shares, std::span<const double> others) {
  double sum = 0;
  double carried = 0;
  for (std::size_t i = 0; i + 1 < shares.size(); ++i) {
    carried += shares[i] - others[i];
    sum += std::abs(carried);
  }
  return shares.size() < 2 ? 0 : sum / static_cast<double>(shares.size() - 1);
}

// Codes by ascending value, so that a distance over them means something.
std::vector<std::uint32_t> ordered_codes(const Column& column) {
  if (!column.numeric) return codes_of(column);
  std::vector<double> values;
  for (const double value : column.numbers) values.push_back(std::isnan(value) ? -INFINITY : value);
  std::vector<double> sorted = values;
  std::ranges::sort(sorted);
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  std::vector<std::uint32_t> out;
  for (const double value : values) {
    const auto at = std::lower_bound(sorted.begin(), sorted.end(), value);
    out.push_back(static_cast<std::uint32_t>(at - sorted.begin()));
  }
  return out;
}

std::string key_of(const Dataset& data, std::span<const std::string> columns, std::size_t row) {
  std::string out;
  for (const std::string& name : columns) {
    const Column& column = *data.find(name);
    const std::string cell = column.numeric ? number_text(column.numbers[row]) : column.texts[row];
    out += std::to_string(cell.size()) + ":" + cell;
  }
  return out;
}

// Mondrian's cut: the column with most distinct values in this part, at its median; or none.
struct Cut {
  std::vector<std::size_t> low;
  std::vector<std::size_t> high;
};
Cut best_cut(const std::vector<std::vector<std::uint32_t>>& codes, const std::vector<std::size_t>& rows,
             std::size_t k) {
  Cut best;
  std::size_t most = 1;
  for (const std::vector<std::uint32_t>& code : codes) {
    std::vector<std::uint32_t> values;
    for (const std::size_t row : rows) values.push_back(code[row]);
    std::ranges::sort(values);
    const std::uint32_t middle = values[values.size() / 2];
    const std::size_t distinct = std::set<std::uint32_t>(values.begin(), values.end()).size();
    if (distinct <= most) continue;
    for (const bool with_middle : {false, true}) {
      Cut cut;
      for (const std::size_t row : rows) {
        const bool is_low = with_middle ? code[row] <= middle : code[row] < middle;
        (is_low ? cut.low : cut.high).push_back(row);
      }
      if (std::min(cut.low.size(), cut.high.size()) < k) continue;
      most = distinct;
      best = std::move(cut);
      break;
    }
  }
  return best;
}

std::string text_of(const Column& column, const std::vector<std::size_t>& rows) {
  if (column.numeric) {
    double low = INFINITY;
    double high = -INFINITY;
    for (const std::size_t row : rows) {
      low = std::fmin(low, column.numbers[row]);
      high = std::fmax(high, column.numbers[row]);
    }
    return low == high ? number_text(low) : number_text(low) + " to " + number_text(high);
  }
  std::set<std::string_view> values;
  for (const std::size_t row : rows) values.insert(column.texts[row]);
  std::string out;
  for (const std::string_view value : values) out += (out.empty() ? "" : "|") + std::string(value);
  return out;
}

}  // namespace

std::size_t EquivalenceClasses::smallest() const {
  return sizes.empty() ? 0 : *std::ranges::min_element(sizes);
}

std::size_t EquivalenceClasses::rows_in_classes_below(std::size_t k) const {
  std::size_t out = 0;
  for (const std::uint32_t size : sizes) out += size < k ? size : 0;
  return out;
}

EquivalenceClasses equivalence_classes(const Dataset& data, std::span<const std::size_t> columns) {
  EquivalenceClasses out{.of_row = std::vector<std::uint32_t>(data.rows())};
  for (const std::size_t column : columns) {
    const std::vector<std::uint32_t> codes = codes_of(data.columns[column]);
    Numbering numbering(codes.size());
    for (std::size_t row = 0; row < codes.size(); ++row)
      out.of_row[row] = numbering.number(std::uint64_t{out.of_row[row]} << 32 | codes[row]);
  }
  for (const std::uint32_t of : out.of_row) {
    if (of >= out.sizes.size()) out.sizes.resize(of + 1);
    ++out.sizes[of];
  }
  return out;
}

Closeness closeness_of(const Dataset& data, const EquivalenceClasses& classes, std::size_t sensitive) {
  const Column& column = data.columns[sensitive];
  const std::vector<std::uint32_t> codes = ordered_codes(column);
  if (codes.empty()) return {};
  const std::size_t values = *std::ranges::max_element(codes) + std::size_t{1};
  std::vector<double> overall(values);
  for (const std::uint32_t code : codes) overall[code] += 1 / static_cast<double>(codes.size());
  std::vector<std::size_t> order(codes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t row) { return classes.of_row[row]; });
  Closeness out{.l = codes.size()};
  std::vector<double> shares(values);
  for (std::size_t begin = 0; begin < order.size();) {
    const std::uint32_t of = classes.of_row[order[begin]];
    const std::size_t end = begin + classes.sizes[of];
    std::ranges::fill(shares, 0.0);
    std::size_t distinct = 0;
    for (std::size_t i = begin; i < end; ++i) {
      double& share = shares[codes[order[i]]];
      distinct += share == 0 ? 1 : 0;
      share += 1 / static_cast<double>(end - begin);
    }
    out.l = std::min(out.l, distinct);
    out.t = std::max(out.t,
                     column.numeric ? ordered_distance(shares, overall) : total_variation(shares, overall));
    begin = end;
  }
  return out;
}

std::vector<std::vector<std::size_t>> column_sets(std::span<const std::size_t> columns,
                                                  std::size_t size_max) {
  std::vector<std::vector<std::size_t>> out;
  std::vector<std::vector<std::size_t>> last{{}};
  for (std::size_t size = 1; size <= std::min(size_max, columns.size()); ++size) {
    std::vector<std::vector<std::size_t>> next;
    for (const std::vector<std::size_t>& set : last) {
      const auto from = set.empty() ? columns.begin() : std::ranges::find(columns, set.back()) + 1;
      for (auto at = from; at != columns.end(); ++at) {
        next.push_back(set);
        next.back().push_back(*at);
      }
    }
    out.insert(out.end(), next.begin(), next.end());
    last = std::move(next);
  }
  return out;
}

Result<std::size_t> linked_uniquely(const Dataset& data, const Dataset& outside,
                                    std::span<const std::string> columns) {
  for (const std::string& name : columns) {
    for (const Dataset* side : {&data, &outside}) {
      if (side->find(name) == nullptr)
        return invalid("data set " + side->name + ": no column '" + name + "'");
    }
  }
  std::unordered_map<std::string, std::size_t> counts;
  for (std::size_t row = 0; row < data.rows(); ++row) ++counts[key_of(data, columns, row)];
  std::size_t out = 0;
  for (std::size_t row = 0; row < outside.rows(); ++row) {
    const auto found = counts.find(key_of(outside, columns, row));
    out += found != counts.end() && found->second == 1 ? 1 : 0;
  }
  return out;
}

Result<Dataset> generalised(const Dataset& data, std::span<const std::size_t> columns, std::size_t k) {
  if (data.rows() < k)
    return invalid("data set " + data.name + ": fewer than " + std::to_string(k) + " rows");
  std::vector<std::vector<std::uint32_t>> codes;
  for (const std::size_t column : columns) codes.push_back(ordered_codes(data.columns[column]));
  std::vector<std::vector<std::size_t>> parts(1, std::vector<std::size_t>(data.rows()));
  std::iota(parts[0].begin(), parts[0].end(), std::size_t{0});
  Dataset out = data;
  for (const std::size_t column : columns) {
    out.columns[column].numeric = false;
    out.columns[column].numbers.clear();
    out.columns[column].texts.assign(data.rows(), "");
  }
  while (!parts.empty() && data.rows() > 0) {
    const std::vector<std::size_t> rows = std::move(parts.back());
    parts.pop_back();
    Cut cut = best_cut(codes, rows, k);
    if (!cut.low.empty()) {
      parts.push_back(std::move(cut.low));
      parts.push_back(std::move(cut.high));
      continue;
    }
    for (const std::size_t column : columns) {
      const std::string text = text_of(data.columns[column], rows);
      for (const std::size_t row : rows) out.columns[column].texts[row] = text;
    }
  }
  return out;
}

}  // namespace sallyport::learn
