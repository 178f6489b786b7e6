// sallyport data check: rows that look wrong, and what can be said of a data set as a whole.
#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "cli/command.h"
#include "cli/progress.h"
#include "core/limits.h"
#include "core/yaml.h"
#include "services/data_check/check.h"
#include "services/data_check/page.h"

namespace sallyport::cli {
namespace {

namespace checking = services::data_check;

constexpr Positional kPositionals[] = {{.name = "PATH",
                                        .doc = "tables as CSV, JSON lines, Parquet, .npy, .npz or IDX, plain "
                                               "or compressed, or folders with a folder of "
                                               "PNG and JPEG pictures a class; several are one table",
                                        .arity = Arity::kSome}};

constexpr Flag kFlags[] = {
    {.name = "labels", .value = "COL", .doc = "the column of labels, or a file with one label a row"},
    {.name = "id", .value = "COL", .doc = "the column that names a row"},
    {.name = "contributor", .value = "COL", .doc = "the column that names who supplied a row"},
    {.name = "group", .value = "COL", .doc = "the column of what must not be torn apart by a split"},
    {.name = "time", .value = "COL", .doc = "the column of time"},
    {.name = "against", .value = "REF", .doc = "a table to hold this one against"},
    {.name = "as",
     .value = "training|before|whole|anchor",
     .doc = "what REF is: the training split, the table before a step, what a split was cut from, a signed "
            "release",
     .fallback = "training"},
    {.name = "transforms",
     .value = "FILE",
     .doc = "the transforms that the step from REF to this table may have made (YAML or JSON): they are made "
            "again, and every cell is compared"},
    {.name = "probabilities",
     .value = "FILE",
     .doc = "out-of-sample probabilities of every class (.npy or CSV), in place of our own model's"},
    {.name = "quasi",
     .value = "COL",
     .doc = "a quasi-identifier; k-anonymity is checked over all of them",
     .repeats = true},
    {.name = "sensitive", .value = "COL", .doc = "the column whose values must be diverse among equal rows"},
    {.name = "k", .value = "N", .doc = "rows that must share their quasi-identifiers", .fallback = "5"},
    {.name = "quarantine", .value = "DIR", .doc = "write clean.csv and suspect.csv there"},
    {.name = "report", .value = "FILE", .doc = "write a page there: verdicts, pictures, distributions"},
    {.name = "memory",
     .value = "N",
     .doc =
         "memory that the check keeps to, in MiB; rows of a table beyond it are read through once, and the "
         "checks that look at rows together take as many as fit",
     .fallback = "4096"},
    {.name = "seed", .value = "N", .doc = "of every sample that is drawn", .fallback = "1"},
    {.name = "threads", .value = "N", .doc = "0: one a core", .fallback = "0"},
};

constexpr std::size_t kShown = 10;  // rows of each check, in plain output

Relation relation_named(std::string_view name) {
  if (name == "before") return Relation::kBefore;
  if (name == "whole") return Relation::kWhole;
  return name == "anchor" ? Relation::kAnchor : Relation::kTraining;
}

// Columns are classes in the order of the labels.
Result<learn::Probabilities> read_probabilities(const std::string& path) {
  const Dataset table = TRY(checking::load_file(path));
  learn::Probabilities out{.classes = table.columns.size(), .values = {}};
  for (std::size_t row = 0; row < table.rows(); ++row) {
    for (const Column& column : table.columns) {
      if (!column.numeric) return invalid(path + ": column " + column.name + " holds text");
      out.values.push_back(column.numbers[row]);
    }
  }
  return out;
}

std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f %%", 100 * share);
  return text;
}

Tint tint_of(Verdict verdict) {
  return verdict == Verdict::kPass ? Tint::kGreen : verdict == Verdict::kBlock ? Tint::kRed : Tint::kYellow;
}

void print_verdict(const checking::CheckVerdict& verdict, Output& output) {
  std::string head(name_of(verdict.verdict));
  head.resize(std::max<std::size_t>(head.size() + 1, 13), ' ');
  output.line(output.paint(tint_of(verdict.verdict), head) + output.paint(Tint::kBold, verdict.guard));
  for (const std::string& finding : verdict.findings) output.print(wrapped(finding, 2));
  if (!verdict.looks_for.empty()) output.print(wrapped("looked for " + verdict.looks_for, 2));
  std::string figures;
  if (verdict.n) figures += "n " + with_separators(*verdict.n);
  if (verdict.rate && verdict.low && verdict.high) {
    figures += ", rate " + percent(*verdict.rate) + " [" + percent(*verdict.low) + ", " +
               percent(*verdict.high) + "]";
  }
  const auto trials = [](const std::optional<std::uint64_t>& n) {
    return n ? " (" + with_separators(*n) + " trials)" : "";
  };
  if (verdict.power)
    figures += ", power " + percent(*verdict.power) + " at " + verdict.effect + trials(verdict.power_n);
  if (verdict.false_positive_rate) {
    figures +=
        ", false positives " + percent(*verdict.false_positive_rate) + trials(verdict.false_positive_n);
  }
  if (!figures.empty()) output.print(wrapped(figures, 2));
  if (!verdict.unmeasured.empty()) output.print(wrapped("not measured: " + verdict.unmeasured, 2));
}

void print_report(const checking::CheckReport& report, Output& output) {
  for (const checking::CheckVerdict& verdict : report.verdicts) {
    print_verdict(verdict, output);
    std::size_t shown = 0;
    std::size_t suspect = 0;
    for (const checking::ScoredRow& row : report.scored) {
      if (row.guard != verdict.guard || !row.suspect) continue;
      ++suspect;
      if (shown == kShown) continue;
      ++shown;
      output.line("  row " + with_separators(row.row) + (row.id.empty() ? "" : " (" + row.id + ")") + "  " +
                  row.message);
    }
    if (suspect > shown)
      output.line("  and " + with_separators(suspect - shown) + " more; --format json has them all");
  }
  output.line();
  std::string read = "labels: " + (report.label.empty() ? std::string("none") : "column " + report.label);
  if (report.sampled > 0) {
    read += "; read through within " + std::to_string(report.memory_bytes / limits::kMiB) +
            " MiB (--memory), " + with_separators(report.sampled) +
            " rows drawn for what looks at rows together";
  }
  output.print(wrapped(read, 0));
  output.line(report.name + ": " + with_separators(report.rows) + " rows, " +
              std::to_string(report.verdicts.size()) + " checks: " + std::string(name_of(report.worst())));
}

// How much of the checks is done, in hundredths, with what single checks say of themselves. Safe from any
// thread.
class CheckProgress {
 public:
  explicit CheckProgress(Output& output) : progress_(output, "percent", 100) {}

  void at(std::string_view name, std::size_t done, std::size_t all) {
    const std::lock_guard lock(mutex_);
    name_ = name;
    done_ = static_cast<double>(done);
    all_ = static_cast<double>(std::max<std::size_t>(1, all));
    advance(done_);
  }
  void within(double share) {
    const std::lock_guard lock(mutex_);
    advance(done_ + share);
  }

 private:
  void advance(double done) {
    const auto percent = static_cast<std::uint64_t>(std::clamp(100 * done / all_, 0.0, 99.0));
    progress_.advance(name_, percent - std::min(percent, told_));
    told_ = std::max(told_, percent);
  }

  Progress progress_;
  std::mutex mutex_;
  std::string name_;
  double done_ = 0;
  double all_ = 1;
  std::uint64_t told_ = 0;
};

Exit exit_of(Verdict verdict) {
  return verdict == Verdict::kPass         ? Exit::kClean
         : verdict == Verdict::kCannotTell ? Exit::kCannotTell
                                           : Exit::kFindings;
}

Result<checking::CheckOptions> read_options(const Arguments& arguments) {
  checking::CheckOptions out{.relation = relation_named(arguments.text("as"))};
  if (const std::string file = arguments.text("probabilities"); !file.empty())
    out.probabilities = TRY(read_probabilities(file));
  if (const std::string file = arguments.text("transforms"); !file.empty()) {
    const Bytes text = TRY(system_env().read_file(file, limits::kYamlBytesMax));
    const auto transforms = learn::transforms_of(TRY(parse_yaml(as_text(text), file)));
    if (!transforms) return within(file, transforms.error());
    out.transforms = *transforms;
    out.relation = Relation::kBefore;
    if (arguments.text("against").empty())
      return invalid("--transforms needs the table before the step: --against REF");
  }
  out.quasi_identifiers = arguments.all("quasi");
  out.sensitive = arguments.text("sensitive");
  out.k_min = static_cast<std::size_t>(std::max<std::int64_t>(1, arguments.number("k")));
  out.seed = static_cast<std::uint64_t>(arguments.number("seed"));
  constexpr std::int64_t kMebibytesMax = std::int64_t{1} << 30;
  out.memory_bytes =
      static_cast<std::size_t>(std::clamp<std::int64_t>(arguments.number("memory"), 0, kMebibytesMax)) *
      limits::kMiB;
  out.threads = static_cast<unsigned>(std::min<std::int64_t>(arguments.number("threads"), 256));
  return out;
}

Result<Exit> run(const Arguments& arguments, Output& output) {
  checking::Source source{.labels = arguments.text("labels"),
                          .roles = {.id = arguments.text("id"),
                                    .contributor = arguments.text("contributor"),
                                    .group = arguments.text("group"),
                                    .time = arguments.text("time")}};
  for (const std::string& word : arguments.words("PATH")) source.paths.emplace_back(word);
  checking::CheckOptions options = TRY(read_options(arguments));
  checking::Table table = TRY(checking::Table::open(source, options.memory_bytes));
  std::optional<checking::Table> reference;
  if (const std::string path = arguments.text("against"); !path.empty()) {
    reference.emplace(TRY(checking::Table::open({.paths = {path}}, options.memory_bytes)));
    reference->play(table.head().roles);
  }
  auto progress = std::make_unique<CheckProgress>(output);
  options.on_check = [&](std::string_view name, std::size_t done, std::size_t all) {
    progress->at(name, done, all);
  };
  options.on_share = [&](double share) { progress->within(share); };
  const checking::Checked checked = TRY(checking::check(table, reference ? &*reference : nullptr, options));
  const checking::CheckReport& report = checked.report;
  progress.reset();
  if (const std::string folder = arguments.text("quarantine"); !folder.empty()) {
    TRY(checking::quarantine(table, report, folder));
  }
  if (const std::string file = arguments.text("report"); !file.empty()) {
    options.row_numbers = checked.row_numbers;
    options.reference = checked.reference ? &*checked.reference : nullptr;
    const std::string page = checking::render_page(checked.data, report, options);
    TRY(write_durably(system_env(), file, as_bytes(page)));
  }
  if (output.is_json()) {
    output.print(checking::to_json_text(report));
  } else {
    print_report(report, output);
  }
  return exit_of(report.worst());
}

}  // namespace

extern const Command data_check_command;
const Command data_check_command{
    .name = "data check",
    .summary = "rank rows that look wrong: labels, copies, triggers, personal data, drift",
    .example =
        "$ sallyport data check train.csv --labels digit\n"
        "warn         label_errors\n"
        "  1,963 of 20,000 labels look wrong\n"
        "  row 4,711  label 3 looks like 8\n"
        "  ...",
    .flags = kFlags,
    .positionals = kPositionals,
    .run = run,
};

}  // namespace sallyport::cli
