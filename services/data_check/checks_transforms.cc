// A step made again: its declared transforms applied to the table before it, and every cell compared.
#include <algorithm>

#include "services/data_check/checks.h"

namespace sallyport::services::data_check {
namespace {

using Kind = learn::Difference::Kind;

std::string what_of(const learn::Difference& difference) {
  switch (difference.kind) {
    case Kind::kCell:
      return "column " + difference.column + " holds " + difference.found.substr(0, 40) +
             ", and the transforms make " + difference.expected.substr(0, 40);
    case Kind::kAdded: return "has an id that no row before the step had";
    case Kind::kRepeatedId: return "has the id of an earlier row";
    case Kind::kDropped: return "is gone";
    case Kind::kColumnMissing: return "column " + difference.column + " is gone, and no transform drops it";
    case Kind::kColumnAdded: return "column " + difference.column + " is new, and no transform makes it";
  }
  return "";
}

// What single precision makes of the very table that the transforms give: cells that would be reported.
Result<std::uint64_t> alarms_of_rounding(const Dataset& expected) {
  Dataset rounded = expected;
  for (Column& column : rounded.columns) {
    for (double& value : column.numbers) value = static_cast<double>(static_cast<float>(value));
  }
  const learn::Differences found = TRY(learn::differences(expected, rounded));
  std::uint64_t out = 0;
  for (const auto& [column, count] : found.cells) out += count;
  return out;
}

}  // namespace

bool has_transforms(const Dataset&, const CheckOptions& options) {
  return options.transforms && options.reference != nullptr;
}

Result<Outcome> check_transforms(const Dataset& data, const CheckOptions& options) {
  if (!options.row_numbers.empty())
    return fail(ErrorKind::kLimit, "both tables are needed in memory to make the step again: raise --memory");
  const Dataset expected = TRY(learn::transformed(*options.reference, *options.transforms));
  const learn::Differences found = TRY(learn::differences(expected, data));
  Outcome out;
  out.verdict.threats = {"prep-adversarial-noise", "prep-label-flip"};
  out.verdict.looks_for =
      "cells, rows and columns that the declared transforms do not make of the table before";
  std::vector<std::uint64_t> suspect;
  for (const learn::Difference& difference : found.listed) {
    const bool of_table = difference.kind == Kind::kColumnMissing || difference.kind == Kind::kColumnAdded;
    if (of_table) out.verdict.findings.push_back(what_of(difference));
    if (of_table || difference.kind == Kind::kDropped) continue;
    suspect.push_back(difference.row);
    out.rows.push_back({.row = difference.row, .score = 1, .message = what_of(difference), .suspect = true});
  }
  const bool columns_differ = !out.verdict.findings.empty();
  for (const auto& [column, count] : found.cells) {
    out.verdict.findings.push_back("column " + column + ": " + std::to_string(count) + " of " +
                                   std::to_string(found.joined) + " cells are not what the transforms make");
    out.verdict.columns.push_back(column);
  }
  const auto say = [&](std::uint64_t count, const std::string& what) {
    if (count > 0) out.verdict.findings.push_back(std::to_string(count) + what);
  };
  say(found.added, " rows have ids that no row before the step had");
  say(found.repeated, " rows have the id of an earlier one");
  say(found.dropped, " rows are gone, which a step may");
  suspect.erase(std::unique(suspect.begin(), suspect.end()), suspect.end());
  set_rate(out.verdict, suspect.size(), data.rows());
  const bool differs = columns_differ || !found.cells.empty() || found.added + found.repeated > 0;
  if (differs) out.verdict.verdict = Verdict::kBlock;
  out.verdict.power = 1;
  out.verdict.effect = "one cell off by a millionth of its column's range";
  const std::uint64_t cells = expected.rows() * expected.columns.size();
  if (cells > 0) {
    out.verdict.false_positive_rate =
        static_cast<double>(TRY(alarms_of_rounding(expected))) / static_cast<double>(cells);
    out.verdict.false_positive_n = cells;
  }
  return out;
}

}  // namespace sallyport::services::data_check
