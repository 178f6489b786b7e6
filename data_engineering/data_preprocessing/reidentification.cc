// Finds people in a release: rows whose quasi-identifiers stand for few others, and the join by which an
// outsider finds them.
//
// The reference is what an outsider may hold: a table of people with attributes that the release has too. The
// columns that both have are the quasi-identifiers. A release passes when every class of equal ones has at
// least `k_min` rows with at least `l_min` different labels, and when the join links no more than
// `linked_max` of the outsider's rows to exactly one row. A cell such as "30 to 39" or "[30, 40)" is matched
// by the numbers within it, since the outsider reads it so too. The smallest set of columns that singles rows
// out is named.
//
// Missed: an attribute that the reference lacks, and what several releases give away together.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/guard.h"
#include "learn/anonymity.h"
#include "learn/statistics.h"
#include "learn/two_sided.h"

namespace sallyport::data_engineering::data_preprocessing {

extern const Guard reidentification;

namespace {

constexpr Parameter kParameters[] = {
    {"k_min", 5, "rows that must share their quasi-identifiers, at least"},
    {"l_min", 2, "different labels that such rows must have, at least; 1 when there is no label"},
    {"linked_max", 0.05, "share of the outsider's rows that may be linked to exactly one row"},
    {"set_max", 3, "columns of a set that is tried for singling rows out, at most"},
    learn::kRowsMax,
    learn::kSampleSeed,
};

constexpr std::size_t kPairsMax = 200'000'000;  // rows of the release times rows of the outsider

// What a cell of the release says of a person: a number in [low, high], or a text.
struct Cell {
  double low = 0;
  double high = 0;
  std::string_view text = {};
  bool is_text = false;
};

// "30 to 39", "30-39" and "[30, 40)": the first number and the last, with whatever stands between them.
Cell cell_of(std::string_view text) {
  Cell out{.text = text, .is_text = true};
  const auto is_start = [](char c) { return (c >= '0' && c <= '9') || c == '.'; };
  const auto first = std::ranges::find_if(text, is_start);
  if (first == text.end()) return out;
  double low = 0;
  const char* end = text.data() + text.size();
  const bool minus = first != text.begin() && *(first - 1) == '-' && first - 1 == text.begin();
  auto [after, error] = std::from_chars(&*first, end, low);
  if (error != std::errc() || (first - text.begin()) > 1) return out;
  low = minus ? -low : low;
  const char* at = std::find_if(after, end, is_start);
  double high = low;
  if (at != end) {
    const auto [last, second] = std::from_chars(at, end, high);
    if (second != std::errc() || end - last > 1) return out;
    if (at - after < 1 || at - after > 5) return out;
  } else if (after != end) {
    return out;
  }
  return {.low = low, .high = high, .text = text, .is_text = false};
}

std::vector<Cell> cells_of(const Column& column) {
  std::vector<Cell> out;
  for (std::size_t row = 0; row < column.size(); ++row) {
    if (!column.numeric) {
      out.push_back(cell_of(column.texts[row]));
    } else {
      out.push_back({.low = column.numbers[row], .high = column.numbers[row]});
    }
  }
  return out;
}

bool matches(const Cell& released, const Cell& known) {
  if (released.is_text || known.is_text) return released.text == known.text;
  return known.low >= released.low && known.high <= released.high;
}

// How many of the outsider's rows fit exactly one row of the release.
Result<std::size_t> linked(const Dataset& release, const Dataset& outside,
                           const std::vector<std::string>& names) {
  if (release.rows() * outside.rows() > kPairsMax) return learn::linked_uniquely(release, outside, names);
  std::vector<std::pair<std::vector<Cell>, std::vector<Cell>>> columns;
  for (const std::string& name : names)
    columns.emplace_back(cells_of(*release.find(name)), cells_of(*outside.find(name)));
  std::size_t out = 0;
  for (std::size_t person = 0; person < outside.rows(); ++person) {
    std::size_t candidates = 0;
    for (std::size_t row = 0; row < release.rows() && candidates < 2; ++row) {
      candidates += std::ranges::all_of(
          columns, [&](const auto& column) { return matches(column.first[row], column.second[person]); });
    }
    out += candidates == 1 ? 1 : 0;
  }
  return out;
}

struct Shared {
  std::vector<std::size_t> columns;  // of the release
  std::vector<std::string> names;
};
Shared shared_columns(const Dataset& release, const Dataset& outside) {
  Shared out;
  for (std::size_t i = 0; i < release.columns.size(); ++i) {
    const std::string& name = release.columns[i].name;
    if (release.roles.covers(name) || outside.find(name) == nullptr) continue;
    out.columns.push_back(i);
    out.names.push_back(name);
  }
  return out;
}

// The smallest set of shared columns that leaves a row alone, or "".
std::string singling_set(const Dataset& release, const Shared& shared, std::size_t size_max) {
  for (const std::vector<std::size_t>& set : learn::column_sets(shared.columns, size_max)) {
    const learn::EquivalenceClasses classes = learn::equivalence_classes(release, set);
    if (classes.smallest() > 1) continue;
    std::string out;
    for (const std::size_t column : set) out += (out.empty() ? "" : ", ") + release.columns[column].name;
    return out + " alone single out " + std::to_string(classes.rows_in_classes_below(2)) + " rows";
  }
  return "";
}

void judge_classes(const Dataset& release, const Shared& shared, const Parameters& parameters,
                   Examination& out) {
  const learn::EquivalenceClasses classes = learn::equivalence_classes(release, shared.columns);
  const auto k_min = static_cast<std::size_t>(parameters.get("k_min"));
  const std::size_t exposed = classes.rows_in_classes_below(k_min);
  const learn::Interval interval = learn::wilson(exposed, release.rows());
  out.statistics.push_back({.name = "rows in classes below k",
                            .value = static_cast<double>(exposed) / static_cast<double>(release.rows()),
                            .low = interval.low,
                            .high = interval.high,
                            .sample_size = release.rows(),
                            .power = 1.0,
                            .effect = "one class below k",
                            .false_positive_rate = 0.0});
  if (exposed > 0) {
    const std::string set =
        singling_set(release, shared, static_cast<std::size_t>(parameters.get("set_max")));
    out.findings.push_back(
        {.severity = Severity::kHigh,
         .where = {.path = release.name},
         .message = std::to_string(exposed) + " of " + std::to_string(release.rows()) +
                    " rows share their quasi-identifiers with fewer than " + std::to_string(k_min - 1) +
                    " others" + (set.empty() ? "" : "; " + set),
         .remedy = "generalise the columns or leave the rows out until every class has k rows"});
  }
  const Column* label = release.find(release.roles.label);
  if (label == nullptr) return;
  const learn::Closeness closeness =
      learn::closeness_of(release, classes, static_cast<std::size_t>(label - release.columns.data()));
  out.statistics.push_back({.name = "t-closeness", .value = closeness.t, .sample_size = release.rows()});
  if (static_cast<double>(closeness.l) >= parameters.get("l_min")) return;
  out.findings.push_back({.severity = Severity::kHigh,
                          .where = {.path = release.name, .column = label->name},
                          .message = "rows with equal quasi-identifiers all have one " + label->name +
                                     ", so whoever is among them is told by it",
                          .remedy = "generalise until every class has different values"});
}

Result<Examination> judge(const std::any& summary, const Contract&, const Parameters& parameters) {
  const learn::TwoSided sides =
      TRY(learn::settled_sides(summary, "a table that an outsider may hold, with columns of the same names"));
  const Dataset& release = sides.data.rows;
  const Dataset& outside = sides.reference.rows;
  const Shared shared = shared_columns(release, outside);
  if (shared.columns.empty() || release.rows() == 0) {
    return invalid("data set " + release.name + ": no column of " + outside.name + " is in it");
  }
  Examination out;
  judge_classes(release, shared, parameters, out);
  const std::size_t links = TRY(linked(release, outside, shared.names));
  const learn::Interval interval = learn::wilson(links, outside.rows());
  const double share = static_cast<double>(links) / static_cast<double>(outside.rows());
  out.statistics.push_back({.name = "outsider's rows linked to exactly one row",
                            .value = share,
                            .low = interval.low,
                            .high = interval.high,
                            .sample_size = outside.rows()});
  if (share <= parameters.get("linked_max")) return out;
  out.findings.push_back({.severity = Severity::kCritical,
                          .where = {.path = release.name},
                          .message = "a join with " + outside.name + " links " + std::to_string(links) +
                                     " of its " + std::to_string(outside.rows()) + " rows to exactly one row",
                          .remedy = "generalise the columns that both have"});
  return out;
}

}  // namespace

const Guard reidentification{
    .id = "reidentification",
    .threats = {"prep-anonymization-regression"},
    .summary = "a release in which people can be found again",
    .looks_for =
        "classes of equal quasi-identifiers below k rows or with one label only, and rows of an outsider's "
        "table that fit exactly one row",
    .parameters = kParameters,
    .dataset = {.summarise = learn::summarise_sides,
                .merge = learn::merge_sides,
                .judge = judge,
                .relation = Relation::kAnchor},
};

}  // namespace sallyport::data_engineering::data_preprocessing
