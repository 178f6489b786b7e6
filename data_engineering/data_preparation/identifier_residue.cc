// Finds what names a person in a prepared split: personal data in its cells, and columns that are keys.
//
// Cells of text go through recognisers with checksums (formats/personal.h). A column is a hidden key when its
// cells are one word each and nearly all different, a hash for example, or whole numbers that count the rows
// or are as long as account numbers. Numbers that are measured differ too, but have fractions or gaps; free
// text has blanks; batch and order numbers come back. The id column is known to be a key and is left alone: a
// trainer does not read it.
//
// Missed: names and addresses in free text, and a key that is spread over several columns.
#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

#include "core/guard.h"
#include "core/limits.h"
#include "formats/personal.h"
#include "learn/row_digest.h"
#include "learn/statistics.h"

namespace sallyport::data_engineering::data_preparation {

extern const Guard identifier_residue;

namespace {

// Whole numbers that count rows leave few gaps; longer ones than this are given out, not measured.
constexpr double kGapsMax = 3;
constexpr double kLongNumber = 1e8;

constexpr Parameter kParameters[] = {
    {"distinct_share", 0.98,
     "share of different cells from which a column of words or whole numbers is a key"},
    {"cells_max", 65'536,
     "different cells of a column that are counted; of more, those of the smallest digests"},
    {"rows_min", 30, "rows below which a column is not called a key"},
    {"likely_cells", 3, "cells with a telephone number or an IP address, which have no checksum, that block"},
};

// Cells that hold personal data, and the first rows of them.
struct Rows {
  std::uint64_t count = 0;
  std::set<std::uint64_t> first = {};

  void add(std::uint64_t row) {
    if (!first.insert(row).second) return;
    ++count;
    cut();
  }
  void merge(Rows other) {
    count += other.count;
    first.merge(other.first);
    cut();
  }
  void cut() {
    while (first.size() > limits::kFindingsPerGuardMax) first.erase(std::prev(first.end()));
  }
};

// How often each cell is there, of the cells with the smallest digests, so that every sharding counts the
// same.
struct Cells {
  std::map<learn::RowDigest, std::uint64_t> count = {};

  void add(const learn::RowDigest& digest, std::uint64_t times, std::size_t cells_max) {
    if (count.size() == cells_max && std::prev(count.end())->first < digest) return;
    count[digest] += times;
    if (count.size() > cells_max) count.erase(std::prev(count.end()));
  }
  std::uint64_t rows() const {
    std::uint64_t out = 0;
    for (const auto& [digest, times] : count) out += times;
    return out;
  }
};

struct ColumnSummary {
  Cells cells = {};
  std::uint64_t rows = 0;  // with a cell
  bool could_be_key = true;
  bool numeric = false;
  double low = INFINITY;  // of its numbers
  double high = -INFINITY;
  std::array<Rows, formats::kPersonalKinds> personal = {};
};

struct Summary {
  std::string name = {};
  std::map<std::string, ColumnSummary> columns = {};
  std::uint64_t rows = 0;
  std::size_t cells_max = 0;
};

bool is_word(std::string_view text) {
  return text.find_first_of(" \t\n") == std::string_view::npos && text.size() <= 128;
}

void add_cell(ColumnSummary& column, std::string_view text, bool numeric, std::uint64_t row,
              std::size_t cells_max) {
  ++column.rows;
  column.could_be_key = column.could_be_key && is_word(text);
  if (column.could_be_key) column.cells.add(learn::row_digest(text), 1, cells_max);
  if (numeric) return;
  std::set<formats::PersonalKind> kinds;
  for (const formats::PersonalSpan& span : formats::find_personal(text)) kinds.insert(span.kind);
  for (const formats::PersonalKind kind : kinds) column.personal[static_cast<std::size_t>(kind)].add(row);
}

Result<std::any> summarise(const Dataset& shard, Side side, const Contract&, const Parameters& parameters) {
  Summary out{.cells_max = static_cast<std::size_t>(std::max(1.0, parameters.get("cells_max")))};
  if (side == Side::kReference) return std::any(std::move(out));
  out.name = shard.name;
  out.rows = shard.rows();
  for (const Column& column : shard.columns) {
    if (column.name == shard.roles.id || column.name == shard.roles.label || column.name == shard.roles.time)
      continue;
    ColumnSummary& summary = out.columns[column.name];
    for (std::size_t row = 0; row < column.size(); ++row) {
      if (!column.numeric) {
        if (!column.texts[row].empty())
          add_cell(summary, column.texts[row], false, shard.first_row + row, out.cells_max);
        continue;
      }
      const double value = column.numbers[row];
      if (std::isnan(value)) continue;
      // A fraction is measured; so is what cannot count rows.
      summary.could_be_key = summary.could_be_key && value == std::floor(value) && value >= 0;
      summary.numeric = true;
      summary.low = std::min(summary.low, value);
      summary.high = std::max(summary.high, value);
      if (summary.could_be_key)
        add_cell(summary, number_text(value), true, shard.first_row + row, out.cells_max);
    }
  }
  return std::any(std::move(out));
}

std::any merge(std::any a, std::any b) {
  Summary x = std::any_cast<Summary>(std::move(a));
  Summary y = std::any_cast<Summary>(std::move(b));
  if (x.name.empty()) x.name = y.name;
  x.rows += y.rows;
  for (auto& [name, more] : y.columns) {
    ColumnSummary& column = x.columns[name];
    for (const auto& [digest, times] : more.cells.count)
      column.cells.add(digest, times, std::max(x.cells_max, y.cells_max));
    column.rows += more.rows;
    column.could_be_key = column.could_be_key && more.could_be_key;
    column.numeric = column.numeric || more.numeric;
    column.low = std::min(column.low, more.low);
    column.high = std::max(column.high, more.high);
    for (std::size_t kind = 0; kind < column.personal.size(); ++kind)
      column.personal[kind].merge(std::move(more.personal[kind]));
  }
  return x;
}

// Card numbers, IBANs, e-mail addresses and social security numbers are checked; the others are likely.
bool is_checked(formats::PersonalKind kind) {
  return kind != formats::PersonalKind::kPhone && kind != formats::PersonalKind::kIpAddress;
}

void find_personal(const Summary& summary, const std::string& name, const ColumnSummary& column,
                   const Parameters& parameters, std::vector<Finding>& findings) {
  for (std::size_t i = 0; i < column.personal.size(); ++i) {
    const auto kind = static_cast<formats::PersonalKind>(i);
    const Rows& rows = column.personal[i];
    if (rows.count == 0) continue;
    const bool blocks = is_checked(kind) || static_cast<double>(rows.count) >= parameters.get("likely_cells");
    if (!blocks) continue;
    findings.push_back({.severity = Severity::kHigh,
                        .where = {.path = summary.name, .column = name},
                        .message = std::to_string(rows.count) + " cells hold a " + std::string(name_of(kind)),
                        .remedy = "remove the column, or redact the cells"});
    for (const std::uint64_t row : rows.first) {
      if (findings.size() >= limits::kFindingsPerGuardMax) return;
      findings.push_back({.severity = Severity::kMedium,
                          .where = {.path = summary.name, .row = row, .column = name},
                          .message = "holds a " + std::string(name_of(kind))});
    }
  }
}

bool is_key(const ColumnSummary& column, const Parameters& parameters) {
  const double rows = static_cast<double>(column.rows);
  if (!column.could_be_key || rows < parameters.get("rows_min")) return false;
  const double counted = static_cast<double>(column.cells.rows());
  if (static_cast<double>(column.cells.count.size()) < parameters.get("distinct_share") * counted)
    return false;
  return !column.numeric || column.low >= kLongNumber || column.high - column.low < kGapsMax * rows;
}

Result<Examination> judge(const std::any& any_summary, const Contract&, const Parameters& parameters) {
  const Summary& summary = std::any_cast<const Summary&>(any_summary);
  Examination out;
  std::uint64_t keys = 0;
  for (const auto& [name, column] : summary.columns) {
    find_personal(summary, name, column, parameters, out.findings);
    if (!is_key(column, parameters)) continue;
    ++keys;
    out.findings.push_back(
        {.severity = Severity::kHigh,
         .confidence = Confidence::kMedium,
         .where = {.path = summary.name, .column = name},
         .message = "the column names its rows: " + std::to_string(column.cells.count.size()) +
                    " different words or whole numbers in " + std::to_string(column.cells.rows()) + " cells",
         .remedy = "remove the column, or declare it as the id"});
  }
  out.statistics.push_back({.name = "columns that name their rows",
                            .value = static_cast<double>(keys),
                            .sample_size = summary.rows,
                            .power = 1.0,
                            .effect = "one cell with a checksum, or one column of keys"});
  return out;
}

}  // namespace

const Guard identifier_residue{
    .id = "identifier_residue",
    .threats = {"split-identifier-residue"},
    .summary = "cells and columns of a split that name a person",
    .looks_for =
        "card numbers, IBANs, e-mail addresses, social security and telephone numbers, IP addresses, and "
        "columns of words or whole numbers that are nearly all different",
    .parameters = kParameters,
    .dataset = {.summarise = summarise, .merge = merge, .judge = judge},
};

}  // namespace sallyport::data_engineering::data_preparation
