// analysis-feature-selection-skew: rows of one source make a worthless column look as if it told the label,
// or bury a column that does.
//
// Features are chosen by how well each tells the label over all rows, and one source with extreme values
// decides such a figure alone. So each column is asked by source: the area under the curve of each class
// against the rest, among that source's rows. What a column says of the label is a property of the world and
// holds in every source, up to what sources honestly differ by, which the others tell (DerSimonian and Laird
// 1986; variance of an area by Hanley and McNeil 1982). A source is named when its area lies further from the
// mean of the others than that explains (Bonferroni over sources, columns and classes) and by at least
// `difference`; where the column then ranks without that source is said with it.
//
// Missed: sources that collude, since they widen what sources seem to differ by; relevance that only several
// columns have together; time slices, unless the schema names them as the contributor.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <optional>

#include "core/guard.h"
#include "learn/matrix.h"
#include "learn/relevance.h"
#include "learn/row_digest.h"
#include "learn/row_sample.h"
#include "learn/sample_fold.h"
#include "learn/statistics.h"

namespace sallyport::data_engineering::data_analysis {

extern const Guard lone_source;

namespace {

constexpr Parameter kParameters[] = {
    {"alpha", 0.01, "probability of naming anyone in a data set whose sources agree, over all tests"},
    {"difference", 0.2, "area under the curve by which a source differs from the others before it counts"},
    {"each_min", 5, "rows of a class, and of the rest, that a source needs to be asked"},
    {"rows_max", 10000, "rows that are judged; more are sampled by row number"},
    {"sample_seed", 0, "chooses that sample; keep it from contributors"},
};
constexpr std::size_t kSourcesMin = 4;  // fewer say nothing of what sources differ by

struct Sources {
  std::vector<std::string> names = {};
  std::vector<std::uint32_t> of_row = {};
};

Sources sources_of(const Dataset& rows) {
  Sources out;
  std::map<std::string, std::uint32_t> index;
  const std::vector<std::string> texts = learn::cell_texts(rows.find(rows.roles.contributor));
  for (const std::string& text : texts) index.emplace(text, 0);
  for (auto& [name, at] : index) {
    at = static_cast<std::uint32_t>(out.names.size());
    out.names.push_back(name);
  }
  for (const std::string& text : texts) out.of_row.push_back(index.at(text));
  return out;
}

struct Departure {
  std::size_t source = 0;
  std::size_t column = 0;
  std::size_t label = 0;
  learn::Auc here = {};
  double elsewhere = 0.5;
  double p = 1;  // before correction
};

// The sources of one column and class that are asked, with their areas.
struct Asked {
  std::vector<std::size_t> sources = {};
  std::vector<double> areas = {};
  std::vector<double> variances = {};  // at the area half way to nothing, so that a perfect one has some
};

Asked ask(const std::vector<learn::Auc>& by_source, std::size_t each_min) {
  Asked out;
  for (std::size_t s = 0; s < by_source.size(); ++s) {
    const learn::Auc& auc = by_source[s];
    if (auc.inside < each_min || auc.outside < each_min) continue;
    out.sources.push_back(s);
    out.areas.push_back(auc.value);
    out.variances.push_back(learn::auc_variance((auc.value + 0.5) / 2, auc.inside, auc.outside));
  }
  return out;
}

class Test {
 public:
  Test(const Dataset& rows, const learn::Classes& classes, const Sources& sources,
       const Parameters& parameters)
      : rows_(rows), classes_(classes), sources_(sources) {
    each_min_ = static_cast<std::size_t>(std::max(parameters.get("each_min"), 2.0));
    difference_ = parameters.get("difference");
  }

  // The furthest departure of each source and column that reaches `difference`, by source.
  std::vector<Departure> run() {
    // Two classes mirror one another.
    const std::size_t labels = classes_.names.size() == 2 ? 1 : classes_.names.size();
    std::vector<Departure> out;
    for (const std::size_t column : rows_.feature_columns()) {
      std::map<std::size_t, Departure> worst;
      for (std::size_t label = 0; label < labels; ++label) compare(column, label, worst);
      for (const auto& [source, departure] : worst) out.push_back(departure);
    }
    std::ranges::stable_sort(out, {}, &Departure::source);
    return out;
  }

  std::uint64_t tests() const { return tests_; }

 private:
  void compare(std::size_t column, std::size_t label, std::map<std::size_t, Departure>& worst) {
    std::vector<std::uint8_t> inside(classes_.of_row.size());
    for (std::size_t row = 0; row < inside.size(); ++row) inside[row] = classes_.of_row[row] == label;
    const std::vector<learn::Auc> areas =
        learn::auc_by_group(rows_.columns[column].numbers, inside, sources_.of_row, sources_.names.size());
    const Asked asked = ask(areas, each_min_);
    if (asked.sources.size() < kSourcesMin) return;
    for (std::size_t i = 0; i < asked.sources.size(); ++i) {
      ++tests_;
      Asked others = asked;
      others.areas.erase(others.areas.begin() + static_cast<std::ptrdiff_t>(i));
      others.variances.erase(others.variances.begin() + static_cast<std::ptrdiff_t>(i));
      const learn::Pooled mean = learn::pooled_effect(others.areas, others.variances);
      const learn::Auc& here = areas[asked.sources[i]];
      const double own = learn::auc_variance(mean.mean, here.inside, here.outside);
      const double z =
          std::abs(here.value - mean.mean) / std::sqrt(std::max(own, 1e-6) + mean.variance + mean.between);
      const Departure departure{.source = asked.sources[i],
                                .column = column,
                                .label = label,
                                .here = here,
                                .elsewhere = mean.mean,
                                .p = 2 * learn::normal_upper_tail(z)};
      if (std::abs(here.value - mean.mean) < difference_) continue;
      const auto [at, fresh] = worst.emplace(departure.source, departure);
      if (!fresh && departure.p < at->second.p) at->second = departure;
    }
  }

  const Dataset& rows_;
  const learn::Classes& classes_;
  const Sources& sources_;
  std::size_t each_min_ = 5;
  double difference_ = 0.2;
  std::uint64_t tests_ = 0;
};

// The place of `column` among the features by analysis of variance, from 1, without the rows of `without`.
std::size_t rank_of(const Dataset& rows, const learn::Classes& classes, const Sources& sources,
                    std::size_t column, std::optional<std::size_t> without) {
  std::vector<std::uint8_t> use(rows.rows());
  for (std::size_t row = 0; row < use.size(); ++row) use[row] = !without || sources.of_row[row] != *without;
  const auto share = [&](std::size_t c) {
    return learn::variance_between(rows.columns[c].numbers, classes.of_row, classes.names.size(), use);
  };
  const double own = share(column);
  std::size_t rank = 1;
  for (const std::size_t other : rows.feature_columns())
    rank += other != column && share(other) > own ? 1 : 0;
  return rank;
}

std::string two_places(double value) {
  char text[16];
  std::snprintf(text, sizeof text, "%.2f", value);
  return text;
}

Statistic power_of(const Sources& sources, const learn::Classes& classes, std::uint64_t tests, double alpha,
                   std::size_t named) {
  const double rows = static_cast<double>(sources.of_row.size()) / static_cast<double>(sources.names.size());
  const auto inside = static_cast<std::size_t>(rows / static_cast<double>(classes.names.size()));
  const auto outside = static_cast<std::size_t>(rows) - inside;
  const double deviation = std::sqrt(learn::auc_variance(0.5, inside, outside));
  const double critical = learn::normal_quantile(1 - alpha / (2 * static_cast<double>(tests)));
  const learn::Interval interval = learn::clopper_pearson(named, sources.names.size());
  return {.name = "sources whose columns tell the label otherwise",
          .value = static_cast<double>(named) / static_cast<double>(sources.names.size()),
          .low = interval.low,
          .high = interval.high,
          .sample_size = sources.names.size(),
          .power = learn::normal_upper_tail(critical - 0.45 / deviation),
          .effect = "a column that tells the label with area .95 in a source of " +
                    std::to_string(static_cast<std::size_t>(rows)) + " rows and not elsewhere",
          .false_positive_rate = alpha};
}

Result<Examination> judge(const std::any& summary, const Contract&, const Parameters& parameters) {
  const learn::RowSample sample = TRY(learn::settled(std::any_cast<const learn::RowSample&>(summary)));
  const Dataset& rows = sample.rows;
  Examination out;
  const auto not_asked = [&](const std::string& why, const std::string& remedy) {
    out.findings.push_back({.severity = Severity::kInfo,
                            .where = {.path = rows.name},
                            .message = why + ", so no source was compared with the others",
                            .remedy = remedy});
    return out;
  };
  if (rows.find(rows.roles.contributor) == nullptr) {
    return not_asked("no column says which source a row came from",
                     "name it in the schema: {contributor: COLUMN}");
  }
  const learn::Classes classes = TRY(learn::classes_of(rows));
  const Sources sources = sources_of(rows);
  Test test(rows, classes, sources, parameters);
  const std::vector<Departure> departures = test.run();
  if (test.tests() == 0) {
    return not_asked("there are not four sources with rows of two classes each", "collect from more sources");
  }
  const double alpha = parameters.get("alpha");
  std::vector<std::size_t> named;
  for (const Departure& d : departures) {
    const double p = std::min(1.0, d.p * static_cast<double>(test.tests()));
    if (p > alpha) continue;
    named.push_back(d.source);
    const std::string& column = rows.columns[d.column].name;
    const std::string& source = sources.names[d.source];
    out.findings.push_back(
        {.severity = Severity::kHigh,
         .confidence = Confidence::kHigh,
         .where = {.path = rows.name, .column = column},
         .message = "column " + column + " tells " + classes.names[d.label] + " from the rest with area " +
                    two_places(d.here.value) + " in the " + std::to_string(d.here.inside + d.here.outside) +
                    " rows of source " + source + " and " + two_places(d.elsewhere) +
                    " elsewhere; by analysis of variance it ranks " +
                    std::to_string(rank_of(rows, classes, sources, d.column, std::nullopt)) +
                    " with that source and " +
                    std::to_string(rank_of(rows, classes, sources, d.column, d.source)) + " without",
         .remedy = "choose features without the rows of " + source + ", and ask where they come from"});
  }
  named.erase(std::unique(named.begin(), named.end()), named.end());
  out.statistics.push_back(power_of(sources, classes, test.tests(), alpha, named.size()));
  return out;
}

}  // namespace

const Guard lone_source{
    .id = "lone_source",
    .threats = {"analysis-feature-selection-skew"},
    .summary =
        "a column that tells the label in the rows of one source and not in the others', or the reverse",
    .looks_for = "sources in which a column's relation to the label departs from what it is elsewhere",
    .parameters = kParameters,
    .dataset = {.summarise = learn::summarise_sample, .merge = learn::merge_samples, .judge = judge}};

}  // namespace sallyport::data_engineering::data_analysis
