#include "services/data_check/page.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "services/data_check/page_pictures.h"
#include "services/report/markup.h"
#include "services/report/style.h"

namespace sallyport::services::data_check {
namespace {

using report::badge;
using report::decimal;
using report::escape;

constexpr std::size_t kRowsShown = 8;      // of each check
constexpr std::size_t kClassesMax = 40;    // of the matrix
constexpr std::size_t kColumnsShown = 12;  // of the distributions
constexpr std::size_t kBars = 24;
constexpr std::size_t kValuesShown = 8;  // of a column of texts

constexpr std::string_view kOwnStyle = R"css(
.grid{display:flex;flex-wrap:wrap;gap:14px}
.shot{background:var(--card);border:1px solid var(--line);border-radius:6px;padding:8px;font-size:12px}
.shot img{image-rendering:pixelated;display:block;border-radius:3px}
.shot .row{display:flex;gap:6px;align-items:flex-end;margin-top:4px}
.shot .row figure{margin:0;text-align:center;color:var(--soft)}
.matrix td,.matrix th{padding:4px 8px;text-align:center;border:1px solid var(--line);width:auto}
.matrix{width:auto}
td.num{width:6em}
figure.plot{margin:0;background:var(--card);border:1px solid var(--line);border-radius:6px;padding:8px}
figure.plot figcaption{font-size:12px;color:var(--soft)}
.ours{fill:var(--accent);opacity:.55}
.theirs{fill:var(--warn);opacity:.45}
)css";

std::string percent(double share) { return decimal(100 * share, 2) + " %"; }

std::string figures_of(const CheckVerdict& verdict) {
  std::string out;
  if (verdict.n) out += "n " + std::to_string(*verdict.n);
  if (verdict.rate && verdict.low && verdict.high) {
    out += ", rate " + percent(*verdict.rate) + " [" + percent(*verdict.low) + ", " + percent(*verdict.high) +
           "]";
  }
  const auto trials = [](const std::optional<std::uint64_t>& n) {
    return n ? " (" + std::to_string(*n) + " trials)" : std::string();
  };
  if (verdict.power)
    out += ", power " + percent(*verdict.power) + " at " + verdict.effect + trials(verdict.power_n);
  if (verdict.false_positive_rate)
    out += ", false positives " + percent(*verdict.false_positive_rate) + trials(verdict.false_positive_n);
  return out;
}

std::string verdict_section(const CheckVerdict& verdict, const CheckReport& report) {
  std::string out = "<details" + std::string(verdict.verdict == Verdict::kPass ? "" : " open") +
                    "><summary><b>" + escape(verdict.guard) + "</b>" +
                    report::verdict_badge(verdict.verdict) + "<span class=\"soft\">" +
                    escape(figures_of(verdict)) + "</span></summary>";
  if (!verdict.looks_for.empty())
    out += "<p class=\"soft\">Looked for " + escape(verdict.looks_for) + ".</p>";
  if (!verdict.unmeasured.empty())
    out += "<p class=\"soft\">Not measured: " + escape(verdict.unmeasured) + ".</p>";
  for (const std::string& finding : verdict.findings) out += "<p>" + escape(finding) + "</p>";
  std::size_t shown = 0;
  std::size_t suspect = 0;
  std::string rows;
  for (const ScoredRow& row : report.scored) {
    if (row.guard != verdict.guard || !row.suspect) continue;
    ++suspect;
    if (shown == kRowsShown) continue;
    ++shown;
    rows += "<tr><td class=\"num\">" + std::to_string(row.row) + "</td><td class=\"num\">" +
            decimal(row.score, 3) + "</td><td>" + (row.id.empty() ? "" : "<b>" + escape(row.id) + "</b> ") +
            escape(row.message) + "</td></tr>";
  }
  if (shown > 0) out += "<table><tr><th>row</th><th>score</th><th>why</th></tr>" + rows + "</table>";
  if (suspect > shown)
    out += "<p class=\"soft\">and " + std::to_string(suspect - shown) + " more in the JSON</p>";
  return out + "</details>";
}

// How many flagged rows of each label look like each other label.
std::string transition_section(const CheckReport& report) {
  std::map<std::string, std::map<std::string, std::size_t>> counts;
  std::set<std::string> names;
  std::size_t most = 0;
  for (const ScoredRow& row : report.scored) {
    if (row.guard != "label_errors" || !row.suspect || row.given == row.suggested) continue;
    most = std::max(most, ++counts[row.given][row.suggested]);
    names.insert({row.given, row.suggested});
  }
  if (most == 0 || names.size() > kClassesMax) return "";
  std::string out =
      "<h2>Which label looks like which</h2><p class=\"soft\">Flagged rows; the given label on the left, "
      "what they look like on top.</p><table class=\"matrix\"><tr><th></th>";
  for (const std::string& name : names) out += "<th>" + escape(name) + "</th>";
  for (const std::string& given : names) {
    out += "</tr><tr><th>" + escape(given) + "</th>";
    for (const std::string& looks : names) {
      const std::size_t count = counts[given][looks];
      const double share = static_cast<double>(count) / static_cast<double>(most);
      out += count == 0 ? "<td></td>"
                        : "<td style=\"background:rgba(168,35,28," + decimal(0.1 + 0.6 * share, 2) + ")\">" +
                              std::to_string(count) + "</td>";
    }
  }
  return out + "</tr></table>";
}

using Shares = std::vector<std::pair<double, double>>;  // ours and the reference's, bar by bar

Shares shares_of(const Column& ours, const Column& theirs, std::vector<std::string>& names) {
  Shares out;
  if (!ours.numeric) {
    std::map<std::string, std::pair<double, double>> counts;
    for (const std::string& text : ours.texts) counts[text].first += 1;
    for (const std::string& text : theirs.texts) counts[text].second += 1;
    std::vector<std::pair<std::string, std::pair<double, double>>> sorted(counts.begin(), counts.end());
    std::ranges::stable_sort(sorted, std::greater<>(),
                             [](const auto& one) { return one.second.first + one.second.second; });
    if (sorted.size() > kValuesShown) sorted.resize(kValuesShown);
    for (const auto& [name, both] : sorted) {
      names.push_back(name);
      out.emplace_back(both.first / static_cast<double>(ours.size()),
                       both.second / static_cast<double>(theirs.size()));
    }
    return out;
  }
  double low = INFINITY;
  double high = -INFINITY;
  for (const Column* column : {&ours, &theirs}) {
    for (const double value : column->numbers) {
      if (std::isnan(value)) continue;
      low = std::min(low, value);
      high = std::max(high, value);
    }
  }
  if (!(high > low)) return out;
  out.resize(kBars);
  names = {decimal(low, 3), decimal(high, 3)};
  const auto add = [&](const Column& column, auto member) {
    for (const double value : column.numbers) {
      if (std::isnan(value)) continue;
      const auto bar = static_cast<std::size_t>((value - low) / (high - low) * static_cast<double>(kBars));
      out[std::min(bar, kBars - 1)].*member += 1 / static_cast<double>(column.size());
    }
  };
  add(ours, &std::pair<double, double>::first);
  add(theirs, &std::pair<double, double>::second);
  return out;
}

std::string plot(const Column& ours, const Column& theirs) {
  std::vector<std::string> names;
  const Shares shares = shares_of(ours, theirs, names);
  if (shares.empty()) return "";
  double most = 0;
  for (const auto& [a, b] : shares) most = std::max({most, a, b});
  constexpr double kWidth = 240;
  constexpr double kHeight = 90;
  const double step = kWidth / static_cast<double>(shares.size());
  std::string out = "<figure class=\"plot\"><svg width=\"240\" height=\"90\" role=\"img\">";
  for (std::size_t i = 0; i < shares.size(); ++i) {
    const auto bar = [&](double share, const char* kind) {
      const double height = kHeight * share / most;
      out += "<rect class=\"" + std::string(kind) + "\" x=\"" + decimal(step * static_cast<double>(i), 1) +
             "\" y=\"" + decimal(kHeight - height, 1) + "\" width=\"" + decimal(step * 0.9, 1) +
             "\" height=\"" + decimal(height, 1) + "\"/>";
    };
    bar(shares[i].second, "theirs");
    bar(shares[i].first, "ours");
  }
  std::string caption;
  for (const std::string& name : names)
    caption += (caption.empty() ? "" : ours.numeric ? " to " : ", ") + name;
  return out + "</svg><figcaption><b>" + escape(ours.name) + "</b> " + escape(caption) +
         "</figcaption></figure>";
}

// The columns that drifted, as the verdict names them, the most surprising first.
std::string distribution_section(const Dataset& data, const CheckReport& report,
                                 const CheckOptions& options) {
  if (options.reference == nullptr) return "";
  std::string plots;
  std::size_t shown = 0;
  for (const CheckVerdict& verdict : report.verdicts) {
    if (verdict.guard != "drift") continue;
    for (const std::string& name : verdict.columns) {
      const Column* ours = data.find(name);
      const Column* theirs = options.reference->find(name);
      if (ours == nullptr || theirs == nullptr || ours->numeric != theirs->numeric || shown == kColumnsShown)
        continue;
      plots += plot(*ours, *theirs);
      ++shown;
    }
  }
  if (plots.empty()) return "";
  return "<h2>Columns that drifted</h2><p class=\"soft\">Shares of the rows; blue is " + escape(data.name) +
         ", ochre " + escape(options.reference->name) + ".</p><div class=\"grid\">" + plots + "</div>";
}

}  // namespace

std::string render_page(const Dataset& data, const CheckReport& report, const CheckOptions& options) {
  std::string out =
      "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta http-equiv=\"content-security-policy\" content=\"default-src 'none'; img-src data:; style-src "
      "'unsafe-inline'\">"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>Sallyport: " +
      escape(report.name) + "</title><style>" + std::string(report::kStyle) + std::string(kOwnStyle) +
      "</style></head><body><main><header><h1>" + escape(report.name) + " " +
      report::verdict_badge(report.worst()) + "</h1><p class=\"soft\">" + std::to_string(report.rows) +
      " rows, " + std::to_string(report.verdicts.size()) + " checks" +
      (report.label.empty() ? std::string() : ", labels in column " + escape(report.label)) +
      (report.sampled == 0
           ? std::string()
           : ", " + std::to_string(report.sampled) + " rows drawn for what looks at rows together, within " +
                 std::to_string(report.memory_bytes >> 20) + " MiB") +
      "</p></header>";
  for (const CheckVerdict& verdict : report.verdicts) out += verdict_section(verdict, report);
  out += picture_section(data, report, options);
  out += transition_section(report);
  out += distribution_section(data, report, options);
  return out +
         "<footer>What was looked for stands beside each verdict; that nothing was found is no proof of "
         "absence.</footer></main></body></html>";
}

}  // namespace sallyport::services::data_check
