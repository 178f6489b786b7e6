// A table of any size within stated memory: one pass for what looks at rows one by one and for the folds of
// the guards, and the rest on as many rows as fit.
#include <algorithm>

#include "formats/csv.h"
#include "learn/encoded.h"
#include "learn/random.h"
#include "services/data_check/row_checks.h"

namespace sallyport::services::data_check {
namespace {

constexpr std::size_t kBaseBytes = limits::kDataMemoryBytesMin / 2;  // of the program itself
constexpr std::size_t kListedRowBytes = 300;
constexpr double kClassesLikely = 100;

// Shares of what is left. What is held beside one another is at most the whole.
constexpr std::size_t kPartShare = 24;    // of a part, which is there twice for a moment
constexpr std::size_t kKnownShare = 16;   // of what one check knows of earlier rows
constexpr std::size_t kGuardsShare = 4;   // of the summaries of all guards
constexpr std::size_t kSampleShare = 8;   // of the rows that are looked at together
constexpr std::size_t kListedShare = 64;  // of the rows that one check lists

// What a row takes, in the table and in what the checks make of it: the features as they are compared, in
// several forms at once, the scores of the classes, and what is said of it.
double row_bytes_of(const Dataset& head, std::uint64_t rows, std::uint64_t bytes) {
  const double row = static_cast<double>(bytes) / static_cast<double>(std::max<std::uint64_t>(1, rows));
  double features = static_cast<double>(head.feature_columns().size());
  double texts = 0;
  for (const Column& column : head.columns) {
    if (column.numeric || head.roles.covers(column.name)) continue;
    features += static_cast<double>(learn::kTextBuckets);
    texts += 1;
  }
  const double text_work = texts > 0 ? 4 * row : 0;
  return 3 * row + 4 * sizeof(float) * features + 6 * sizeof(double) * kClassesLikely + text_work +
         3 * static_cast<double>(kListedRowBytes);
}

// Guards that want the whole reference get samples too, made by their own folds.
struct RunningGuard {
  const Guard* guard = nullptr;
  Parameters parameters = {};
  std::any summary = {};
  std::optional<Error> error = {};

  void add(const Dataset& part, Side side) {
    if (error) return;
    Result<std::any> more = guard->dataset.summarise(part, side, {}, parameters);
    if (!more) {
      error = std::move(more).error();
      summary.reset();
      return;
    }
    summary =
        summary.has_value() ? guard->dataset.merge(std::move(summary), std::move(*more)) : std::move(*more);
  }
  Result<Outcome> judge(std::uint64_t rows) const {
    if (error) return std::unexpected(*error);
    return outcome_of(*guard, TRY(guard->dataset.judge(summary, {}, parameters)), rows);
  }
};

struct RunningCheck {
  const Check* check = nullptr;
  std::unique_ptr<RowCheck> rows = {};
};

// Rows by a keyed order of their numbers: about `rows_max` of them, the same in every run.
class Drawn {
 public:
  Drawn(std::uint64_t rows, std::uint64_t rows_max, std::uint64_t seed)
      : share_(static_cast<double>(rows_max) / static_cast<double>(std::max<std::uint64_t>(1, rows))),
        seed_(seed) {}

  void add(const Dataset& part) {
    std::vector<std::size_t> rows;
    for (std::size_t r = 0; r < part.rows(); ++r) {
      if (learn::Random(learn::derive_seed(seed_, part.first_row + r)).uniform() < share_) rows.push_back(r);
    }
    for (const std::size_t row : rows) numbers_.push_back(part.first_row + row);
    Dataset some = part.pick(rows);
    if (data_.columns.empty()) {
      data_ = std::move(some);
      data_.first_row = 0;
      return;
    }
    for (std::size_t i = 0; i < data_.columns.size(); ++i) {
      Column& column = data_.columns[i];
      Column& more = some.columns[i];
      column.numbers.insert(column.numbers.end(), more.numbers.begin(), more.numbers.end());
      std::ranges::move(more.texts, std::back_inserter(column.texts));
    }
  }

  Dataset& data() { return data_; }
  std::vector<std::uint64_t>& numbers() { return numbers_; }

 private:
  double share_;
  std::uint64_t seed_;
  Dataset data_;
  std::vector<std::uint64_t> numbers_;
};

class Stream {
 public:
  Stream(Table& table, Table* reference, CheckOptions& options)
      : table_(table),
        reference_(reference),
        options_(options),
        bytes_(options.memory_bytes - kBaseBytes),
        row_bytes_(row_bytes_of(table.head(), table.rows(), table.bytes())),
        sample_rows_(static_cast<std::uint64_t>(
            std::min(static_cast<double>(bytes_ / kSampleShare) * static_cast<double>(table.rows()) /
                         static_cast<double>(std::max<std::uint64_t>(1, table.bytes())),
                     static_cast<double>(bytes_) / 2 / row_bytes_))),
        drawn_(table.rows(), sample_rows_, learn::derive_seed(options.seed, 50)) {}

  Result<Checked> run() {
    const Dataset& head = table_.head();
    report_ = {.name = head.name,
               .rows = table_.rows(),
               .memory_bytes = options_.memory_bytes,
               .label = head.roles.label};
    if (reference_ != nullptr) {
      reference_rows_ = TRY(draw_reference());
      options_.reference = &*reference_rows_;
    }
    TRY(begin());
    TRY(first_pass());
    TRY(second_pass());
    return finish();
  }

 private:
  std::size_t part_bytes() const { return bytes_ / kPartShare; }

  // The step that a progress bar shows.
  void tell(std::string_view name) {
    if (options_.on_check) options_.on_check(name, done_, std::size(checks()) + guards_.size() + 1);
    ++done_;
  }

  // The features that drift is measured on, and what the page draws.
  Result<Dataset> draw_reference() {
    const std::uint64_t bytes = std::max<std::uint64_t>(1, reference_->bytes());
    const std::uint64_t rows = std::min<std::uint64_t>(
        reference_->rows(),
        bytes_ / kSampleShare / (bytes / std::max<std::uint64_t>(1, reference_->rows()) + 1));
    Drawn drawn(reference_->rows(), rows, learn::derive_seed(options_.seed, 51));
    TRY(reference_->each(part_bytes(), [&](const Dataset& part) -> Result<void> {
      drawn.add(part);
      return {};
    }));
    drawn.data().name = reference_->head().name;
    return std::move(drawn.data());
  }

  Result<void> begin() {
    const Dataset& head = table_.head();
    const Room room{.rows = table_.rows(),
                    .bytes = bytes_ / kKnownShare,
                    .listed_max = bytes_ / kListedShare / kListedRowBytes};
    for (const Check& check : checks()) {
      if (check.by_row == nullptr || !check.applies(head, options_)) continue;
      rows_.push_back({.check = &check, .rows = TRY(check.by_row(head, room, options_))});
    }
    const std::vector<const Guard*> guards = guards_for(head, table_.rows(), options_);
    const double row = static_cast<double>(table_.bytes()) / static_cast<double>(table_.rows());
    for (const Guard* guard : guards) {
      guards_.push_back(
          {.guard = guard,
           .parameters = TRY(parameters_for(*guard, head, row, bytes_ / kGuardsShare / guards.size()))});
    }
    return {};
  }

  Result<void> first_pass() {
    tell("reading");
    TRY(table_.each(part_bytes(), [&](const Dataset& part) -> Result<void> {
      for (RunningCheck& check : rows_) TRY(check.rows->add(part));
      for (RunningGuard& guard : guards_) guard.add(part, Side::kData);
      drawn_.add(part);
      if (options_.on_share) {
        options_.on_share(static_cast<double>(part.first_row + part.rows()) /
                          static_cast<double>(std::max<std::uint64_t>(1, table_.rows())));
      }
      return {};
    }));
    if (reference_ == nullptr) return {};
    return reference_->each(part_bytes(), [&](const Dataset& part) -> Result<void> {
      for (RunningGuard& guard : guards_) guard.add(part, Side::kReference);
      for (RunningCheck& check : rows_) TRY(check.rows->add_reference(part));
      return {};
    });
  }

  Result<void> second_pass() {
    const auto again = [](const RunningCheck& check) { return check.rows->again(); };
    if (std::ranges::none_of(rows_, again)) return {};
    return table_.each(part_bytes(), [&](const Dataset& part) -> Result<void> {
      for (RunningCheck& check : rows_) {
        if (check.rows->again()) TRY(check.rows->add_again(part));
      }
      return {};
    });
  }

  Result<Outcome> judge_rows(RunningCheck& running) {
    Outcome out = TRY(running.rows->finish());
    running.rows.reset();
    if (running.check->by_row == copies_check) judge_copies(drawn_.data(), table_.rows(), options_, out);
    return out;
  }

  Result<Outcome> judge_together(const Check& check) {
    Outcome out = TRY(check.together(drawn_.data(), options_));
    name_rows(drawn_.data(), out.rows);
    for (ScoredRow& row : out.rows) row.row = options_.row_numbers[row.row];
    return out;
  }

  Result<Checked> finish() {
    options_.row_numbers = std::move(drawn_.numbers());
    report_.sampled = options_.row_numbers.size();
    // The summaries make room before anything else is computed.
    std::vector<std::pair<std::string_view, Result<Outcome>>> judged;
    for (RunningGuard& guard : guards_) {
      tell(guard.guard->id);
      judged.emplace_back(guard.guard->id, guard.judge(table_.rows()));
      guard.summary.reset();
    }
    for (const Check& check : checks()) {
      tell(check.name);
      const auto running = std::ranges::find(rows_, &check, &RunningCheck::check);
      if (running != rows_.end()) {
        take(report_, check.name, judge_rows(*running));
      } else if (check.together != nullptr && drawn_.data().rows() > 0 &&
                 check.applies(drawn_.data(), options_)) {
        take(report_, check.name, judge_together(check));
      }
    }
    for (auto& [name, outcome] : judged) take(report_, name, std::move(outcome));
    return Checked{.report = std::move(report_),
                   .data = std::move(drawn_.data()),
                   .reference = std::move(reference_rows_),
                   .row_numbers = std::move(options_.row_numbers)};
  }

  Table& table_;
  Table* reference_;
  CheckOptions& options_;
  std::size_t bytes_;
  double row_bytes_;
  std::uint64_t sample_rows_;
  Drawn drawn_;
  CheckReport report_;
  std::optional<Dataset> reference_rows_;
  std::vector<RunningCheck> rows_;
  std::vector<RunningGuard> guards_;
  std::size_t done_ = 0;
};

Result<Checked> check_whole(Table& table, Table* reference, CheckOptions& options) {
  Checked out;
  out.data = TRY(table.whole());
  if (reference != nullptr) {
    out.reference = TRY(reference->whole());
    options.reference = &*out.reference;
  }
  out.report = TRY(check(out.data, options));
  return out;
}

}  // namespace

Result<Checked> check(Table& table, Table* reference, CheckOptions options) {
  if (options.memory_bytes < limits::kDataMemoryBytesMin) {
    return fail(ErrorKind::kLimit,
                "memory: at least " + std::to_string(limits::kDataMemoryBytesMin / limits::kMiB) + " MiB");
  }
  double needed = static_cast<double>(kBaseBytes);
  for (const Table* one : {static_cast<const Table*>(&table), static_cast<const Table*>(reference)}) {
    if (one != nullptr)
      needed += static_cast<double>(one->rows()) * row_bytes_of(one->head(), one->rows(), one->bytes());
  }
  if (needed <= static_cast<double>(options.memory_bytes)) return check_whole(table, reference, options);
  if (options.probabilities) {
    return fail(ErrorKind::kLimit, "probabilities: the table does not fit in memory beside them",
                "raise --memory");
  }
  return Stream(table, reference, options).run();
}

Result<void> quarantine(Table& table, const CheckReport& report, const std::filesystem::path& folder) {
  Env& env = system_env();
  TRY(make_directories_durably(env, folder));
  constexpr std::array<std::string_view, 2> kNames{"clean.csv", "suspect.csv"};
  const std::string header = TRY(formats::csv::write(table.head()));
  std::array<std::unique_ptr<OutputFile>, 2> files;
  const auto draft = [&](std::size_t part) { return folder / ("." + std::string(kNames[part]) + ".part"); };
  for (std::size_t part = 0; part < files.size(); ++part) {
    if (env.exists(draft(part))) TRY(env.remove(draft(part)));  // of a run that was cut short
    files[part] = TRY(env.create_output(draft(part), 0644));
    TRY(files[part]->write(as_bytes(header)));
  }
  TRY(table.each(report.memory_bytes / kPartShare / 4, [&](const Dataset& rows) -> Result<void> {
    std::array<std::vector<std::size_t>, 2> parts;
    for (std::size_t row = 0; row < rows.rows(); ++row) {
      const std::size_t at = rows.first_row + row;
      parts[at < report.suspect.size() && report.suspect[at] ? 1 : 0].push_back(row);
    }
    for (std::size_t part = 0; part < parts.size(); ++part) {
      if (parts[part].empty()) continue;
      const std::string text = TRY(formats::csv::write(rows.pick(parts[part])));
      TRY(files[part]->write(as_bytes(std::string_view(text).substr(header.size()))));
    }
    return {};
  }));
  for (std::size_t part = 0; part < files.size(); ++part) {
    TRY(files[part]->sync());
    files[part].reset();
    TRY(env.rename(draft(part), folder / kNames[part]));
  }
  return env.sync_directory(folder);
}

}  // namespace sallyport::services::data_check
