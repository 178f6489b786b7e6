// Rows that are there twice, rows that hold personal data, and columns whose cells disagree on what they are.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include "formats/personal.h"
#include "learn/minhash.h"
#include "learn/row_digest.h"
#include "services/data_check/checks.h"

namespace sallyport::services::data_check {
namespace {

constexpr double kSimilar = 0.7;
constexpr std::size_t kTextBytesMin = 20;      // on average, of a column that is text rather than a category
constexpr std::size_t kNearRowsMax = 500'000;  // beyond which only exact copies are looked for
constexpr double kMostlyNumbers = 0.9;
constexpr std::size_t kShownBytes = 24;  // of a cell

const Column* text_column(const Dataset& data) {
  for (const Column& column : data.columns) {
    if (column.numeric || data.roles.covers(column.name) || column.texts.empty()) continue;
    std::size_t bytes = 0;
    for (const std::string& text : column.texts) bytes += text.size();
    if (bytes / column.texts.size() >= kTextBytesMin) return &column;
  }
  return nullptr;
}

// The first row with the same contents, for each row that has one.
std::map<std::size_t, std::size_t> exact_copies(const Dataset& data) {
  std::map<std::size_t, std::size_t> out;
  std::map<learn::RowDigest, std::size_t> seen;
  const std::vector<learn::RowDigest> digests = learn::row_digests(data, learn::TextForm::kVerbatim);
  for (std::size_t row = 0; row < digests.size(); ++row) {
    const auto [first, is_new] = seen.emplace(digests[row], row);
    if (!is_new) out.emplace(row, first->second);
  }
  return out;
}

bool is_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && std::isfinite(value);
}

// As formats/csv.h has it.
bool is_missing(std::string_view text) { return text.empty() || text == "nan"; }

}  // namespace

bool has_rows(const Dataset& data, const CheckOptions&) { return data.rows() > 0; }

bool has_contents(const Dataset& data, const CheckOptions&) {
  return data.rows() > 0 && std::ranges::any_of(data.columns, [&](const Column& column) {
           return !data.roles.covers(column.name);
         });
}

Result<Outcome> check_duplicates(const Dataset& data, const CheckOptions&) {
  Outcome out;
  std::map<std::size_t, std::size_t> exact = exact_copies(data);
  for (const auto& [row, first] : exact) {
    out.rows.push_back({.row = row,
                        .guard = {},
                        .score = 1,
                        .message = "the same as row " + std::to_string(first),
                        .suspect = true});
  }
  std::size_t near = 0;
  const Column* column = text_column(data);
  if (column != nullptr && data.rows() <= kNearRowsMax) {
    std::vector<learn::TextSketch> sketches;
    for (const std::string& text : column->texts) sketches.push_back(learn::sketch_text(learn::folded(text)));
    for (const learn::SimilarPair& pair : learn::similar_others(sketches, kSimilar)) {
      if (exact.contains(pair.query)) continue;
      ++near;
      char similarity[16];
      std::snprintf(similarity, sizeof similarity, "%.2f", pair.similarity);
      out.rows.push_back(
          {.row = pair.query,
           .guard = {},
           .score = pair.similarity,
           .message = std::string("like row ") + std::to_string(pair.text) + ", similarity " + similarity,
           .suspect = false});
    }
  }
  out.verdict.threats = {"split-leakage", "acq-scrape-taint"};
  out.verdict.looks_for =
      column == nullptr ? "rows with the contents of an earlier row"
                        : "rows with the contents of an earlier row, and texts of column " + column->name +
                              " whose 5-byte shingles have a Jaccard similarity of at least .7";
  set_rate(out.verdict, out.rows.size(), data.rows());
  out.verdict.power = 1;
  out.verdict.effect = "one exact copy";
  out.verdict.false_positive_rate = 0;
  if (out.rows.empty()) return out;
  out.verdict.verdict = Verdict::kWarn;
  out.verdict.findings.push_back(std::to_string(exact.size()) + " rows repeat an earlier row exactly, " +
                                 std::to_string(near) + " nearly");
  return out;
}

Result<Outcome> check_shape(const Dataset& data, const CheckOptions&) {
  Outcome out;
  out.verdict.looks_for =
      "columns of numbers with cells that are none, constant columns, missing cells, repeated ids";
  std::vector<bool> suspect(data.rows());
  const auto mark = [&](std::size_t row, std::string message) {
    if (!suspect[row])
      out.rows.push_back(
          {.row = row, .guard = {}, .score = 1, .message = std::move(message), .suspect = true});
    suspect[row] = true;
  };
  for (const Column& column : data.columns) {
    if (column.numeric || column.name == data.roles.label) continue;
    std::size_t numbers = 0;
    std::size_t present = 0;
    for (const std::string& text : column.texts) {
      numbers += is_number(text) ? 1 : 0;
      present += is_missing(text) ? 0 : 1;
    }
    if (static_cast<double>(numbers) < kMostlyNumbers * static_cast<double>(present) || numbers == present)
      continue;
    std::optional<std::size_t> first;
    for (std::size_t row = 0; row < column.texts.size(); ++row) {
      if (is_number(column.texts[row]) || is_missing(column.texts[row])) continue;
      if (!first) first = row;
      mark(row, "column " + column.name + " holds numbers elsewhere, and \"" +
                    column.texts[row].substr(0, kShownBytes) + "\" here");
    }
    if (first) {
      out.verdict.findings.push_back("column " + column.name +
                                     " changes from numbers to text, first in row " + std::to_string(*first));
    }
  }
  if (const Column* id = data.find(data.roles.id)) {
    std::map<std::string, std::size_t> seen;
    const std::vector<std::string> ids = learn::cell_texts(id);
    for (std::size_t row = 0; row < ids.size(); ++row) {
      const auto [first, is_new] = seen.emplace(ids[row], row);
      if (ids[row].empty() || ids[row] == "nan")
        mark(row, "no id");
      else if (!is_new)
        mark(row, "the id of row " + std::to_string(first->second));
    }
  }
  if (!out.rows.empty()) {
    out.verdict.findings.push_back(std::to_string(out.rows.size()) + " rows do not fit their columns");
    out.verdict.verdict = Verdict::kWarn;
  }
  set_rate(out.verdict, out.rows.size(), data.rows());
  out.verdict.power = 1;
  out.verdict.effect = "one such cell";
  return out;
}

bool has_text(const Dataset& data, const CheckOptions&) {
  return std::ranges::any_of(data.columns, [&](const Column& column) {
    return !column.numeric && column.name != data.roles.label && column.size() > 0;
  });
}

Result<Outcome> check_personal(const Dataset& data, const CheckOptions&) {
  Outcome out;
  std::map<std::size_t, std::string> found;
  std::map<std::size_t, double> count;
  std::array<std::uint64_t, formats::kPersonalKinds> kinds{};
  for (const Column& column : data.columns) {
    if (column.numeric || column.name == data.roles.label) continue;
    for (std::size_t row = 0; row < column.texts.size(); ++row) {
      for (const formats::PersonalSpan& span : formats::find_personal(column.texts[row])) {
        ++kinds[static_cast<std::size_t>(span.kind)];
        std::string& message = found[row];
        message += (message.empty() ? "" : "; ") + std::string(name_of(span.kind)) + " in column " +
                   column.name + ", bytes " + std::to_string(span.begin) + " to " + std::to_string(span.end);
        count[row] += 1;
      }
    }
  }
  for (auto& [row, message] : found)
    out.rows.push_back(
        {.row = row, .guard = {}, .score = count[row], .message = std::move(message), .suspect = true});
  out.verdict.threats = {"split-identifier-residue"};
  out.verdict.looks_for =
      "card numbers (Luhn), IBANs (mod 97), e-mail addresses, telephone and social security numbers, IP "
      "addresses";
  for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
    if (kinds[kind] == 0) continue;
    out.verdict.verdict = Verdict::kWarn;
    out.verdict.findings.push_back(std::string(formats::name_of(static_cast<formats::PersonalKind>(kind))) +
                                   ": " + std::to_string(kinds[kind]));
  }
  set_rate(out.verdict, out.rows.size(), data.rows());
  return out;
}

}  // namespace sallyport::services::data_check
