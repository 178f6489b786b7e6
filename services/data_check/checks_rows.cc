// Rows that hold personal data, columns whose cells disagree on what they are, ids that come back, and rows
// that are there twice: each row is looked at once, as it is read.
#include <algorithm>
#include <array>
#include <cmath>

#include "core/text.h"
#include "formats/personal.h"
#include "learn/distinct_rows.h"
#include "learn/row_digest.h"
#include "services/data_check/personal_trials.h"
#include "services/data_check/row_checks.h"

namespace sallyport::services::data_check {
namespace {

constexpr double kMostlyNumbers = 0.9;
constexpr std::size_t kShownBytes = 24;      // of a cell
constexpr std::size_t kStraysMax = 200'000;  // cells of all columns that are remembered

bool is_number(std::string_view text) {
  const auto value = parsed_number<double>(text);
  return value && std::isfinite(*value);
}

// As formats/csv.h has it.
bool is_missing(std::string_view text) { return text.empty() || text == "nan"; }

class ShapeCheck : public RowCheck {
 public:
  ShapeCheck(const Dataset& head, const Room& room)
      : label_(head.roles.label),
        id_(head.roles.id),
        marks_(room),
        rows_(room.rows),
        columns_(head.columns.size()),
        ids_(room.bytes) {
    for (const Column& column : head.columns) names_.push_back(column.name);
  }

  Result<void> add(const Dataset& part) override {
    for (std::size_t j = 0; j < part.columns.size(); ++j) {
      const Column& column = part.columns[j];
      if (!column.numeric && column.name != label_) add_texts(columns_[j], column, part.first_row);
    }
    if (const Column* id = part.find(id_)) add_ids(*id, part.first_row);
    return {};
  }

  Result<Outcome> finish() override {
    Outcome out;
    out.verdict.looks_for = "columns of numbers with cells that are none, missing ids, repeated ids";
    for (std::size_t j = 0; j < columns_.size(); ++j) {
      const Texts& texts = columns_[j];
      if (texts.count == 0 || !mostly_numbers(texts)) continue;
      for (const Stray& stray : texts.strays) {
        marks_.mark(stray.row, 1,
                    "column " + names_[j] + " holds numbers elsewhere, and \"" + stray.text + "\" here");
      }
      std::string line = "column " + names_[j] + " changes from numbers to text, first in row " +
                         std::to_string(texts.strays.front().row);
      if (texts.count > texts.strays.size())
        line += ", in " + std::to_string(texts.count) + " cells, of which the first " +
                std::to_string(texts.strays.size()) + " are marked";
      out.verdict.findings.push_back(std::move(line));
    }
    for (const auto& [row, message] : bad_ids_) marks_.mark(row, 1, message);
    const std::uint64_t count = marks_.count();
    if (count > 0) {
      out.verdict.findings.push_back(std::to_string(count) + " rows do not fit their columns");
      out.verdict.verdict = Verdict::kWarn;
    }
    std::move(marks_).finish(out);
    out.verdict.power = ids_.share();
    out.verdict.effect =
        ids_.share() < 1 ? "one repeated id; a cell that does not fit is always found" : "one such cell";
    out.verdict.false_positive_rate = 0;  // what is said of a cell or an id is so
    return out;
  }

 private:
  struct Stray {
    std::uint64_t row = 0;
    std::string text = {};
  };
  struct Texts {
    std::uint64_t numbers = 0;
    std::uint64_t present = 0;
    std::uint64_t count = 0;  // of strays
    std::vector<Stray> strays = {};
  };

  // Beyond it a column is one of text.
  bool may_be_numbers(const Texts& texts) const {
    return static_cast<double>(texts.count) <= (1 - kMostlyNumbers) * static_cast<double>(rows_);
  }
  static bool mostly_numbers(const Texts& texts) {
    return static_cast<double>(texts.numbers) >= kMostlyNumbers * static_cast<double>(texts.present);
  }

  void add_texts(Texts& texts, const Column& column, std::size_t first_row) {
    for (std::size_t row = 0; row < column.texts.size(); ++row) {
      const std::string& text = column.texts[row];
      if (is_missing(text)) continue;
      ++texts.present;
      if (is_number(text)) {
        ++texts.numbers;
        continue;
      }
      ++texts.count;
      if (!may_be_numbers(texts)) {
        remembered_ -= texts.strays.size();
        std::vector<Stray>().swap(texts.strays);
      } else if (remembered_ < kStraysMax || texts.strays.empty()) {
        ++remembered_;
        texts.strays.push_back({first_row + row, text.substr(0, kShownBytes)});
      }
    }
  }

  void add_ids(const Column& id, std::size_t first_row) {
    const std::vector<std::string> ids = learn::cell_texts(&id);
    for (std::size_t r = 0; r < ids.size(); ++r) {
      const std::uint64_t row = first_row + r;
      if (is_missing(ids[r])) {
        bad_ids_.emplace_back(row, "no id");
        continue;
      }
      const learn::DistinctRows::Entry* entry = ids_.add(learn::row_digest(ids[r]), row);
      if (entry == nullptr || entry->first == row) continue;
      if (bad_ids_.size() < kStraysMax)
        bad_ids_.emplace_back(row, "the id of row " + std::to_string(entry->first));
    }
  }

  std::string label_;
  std::string id_;
  RowMarks marks_;
  std::uint64_t rows_;
  std::vector<std::string> names_;
  std::vector<Texts> columns_;
  std::size_t remembered_ = 0;
  learn::DistinctRows ids_;
  std::vector<std::pair<std::uint64_t, std::string>> bad_ids_;
};

class CopiesCheck : public RowCheck {
 public:
  explicit CopiesCheck(const Room& room) : marks_(room), contents_(room.bytes) {}

  Result<void> add(const Dataset& part) override {
    const std::vector<learn::RowDigest> digests = learn::row_digests(part, learn::TextForm::kVerbatim);
    for (std::size_t r = 0; r < digests.size(); ++r) {
      const std::uint64_t row = part.first_row + r;
      const learn::DistinctRows::Entry* entry = contents_.add(digests[r], row);
      if (entry == nullptr || entry->count == 1) continue;
      marks_.mark(row, 1, "the same as row " + std::to_string(entry->first));
    }
    return {};
  }

  Result<Outcome> finish() override {
    Outcome out;
    out.verdict.looks_for = "rows with the contents of an earlier row";
    double pairs = 0;
    for (const learn::DistinctRows::Entry& entry : contents_.slots()) {
      const double count = static_cast<double>(entry.count);
      if (entry.count > 1) pairs += count * (count - 1) / 2;
    }
    const std::uint64_t count = marks_.count();
    if (count > 0) {
      out.verdict.verdict = Verdict::kWarn;
      out.verdict.findings.push_back(std::to_string(count) + " rows repeat an earlier row exactly");
    }
    std::move(marks_).finish(out);
    out.verdict.threats = {"split-leakage", "acq-scrape-taint"};
    out.verdict.power = contents_.share();
    out.verdict.effect = "one exact copy";
    out.pairs = pairs / contents_.share();
    return out;
  }

 private:
  RowMarks marks_;
  learn::DistinctRows contents_;
};

class PersonalCheck : public RowCheck {
 public:
  PersonalCheck(const Dataset& head, const Room& room, std::uint64_t seed)
      : label_(head.roles.label), seed_(seed), marks_(room) {}

  Result<void> add(const Dataset& part) override {
    std::vector<std::string> messages(part.rows());
    std::vector<double> spans(part.rows());
    for (const Column& column : part.columns) {
      if (column.numeric || column.name == label_) continue;
      for (std::size_t row = 0; row < column.texts.size(); ++row) {
        const std::vector<formats::PersonalSpan> found = formats::find_personal(column.texts[row]);
        if (found.empty()) keep(column.texts[row]);
        for (const formats::PersonalSpan& span : found) {
          ++kinds_[static_cast<std::size_t>(span.kind)];
          spans[row] += 1;
          if (messages[row].size() > kMessageBytesMax) continue;
          messages[row] += (messages[row].empty() ? "" : "; ") + std::string(name_of(span.kind)) +
                           " in column " + column.name + ", bytes " + std::to_string(span.begin) + " to " +
                           std::to_string(span.end);
        }
      }
    }
    for (std::size_t row = 0; row < messages.size(); ++row) {
      if (spans[row] > 0) marks_.mark(part.first_row + row, spans[row], std::move(messages[row]));
    }
    return {};
  }

  Result<Outcome> finish() override {
    Outcome out;
    out.verdict.threats = {"split-identifier-residue"};
    out.verdict.looks_for =
        "card numbers (Luhn), IBANs (mod 97), e-mail addresses, telephone and social security numbers, IP "
        "addresses";
    for (std::size_t kind = 0; kind < kinds_.size(); ++kind) {
      if (kinds_[kind] == 0) continue;
      out.verdict.verdict = Verdict::kWarn;
      out.verdict.findings.push_back(std::string(formats::name_of(static_cast<formats::PersonalKind>(kind))) +
                                     ": " + std::to_string(kinds_[kind]));
    }
    std::move(marks_).finish(out);
    measure(out.verdict);
    return out;
  }

 private:
  static constexpr std::size_t kMessageBytesMax = 1000;
  static constexpr std::size_t kTrials = 600;
  static constexpr std::size_t kTrialBytesMax = 1000;  // of a text

  void keep(const std::string& text) {
    if (!text.empty() && texts_.size() < kTrials) texts_.push_back(text.substr(0, kTrialBytesMax));
  }

  void measure(CheckVerdict& verdict) const {
    const PersonalTrials trials = personal_trials(texts_, seed_);
    if (trials.planted == 0) {
      verdict.unmeasured = "no text without personal data, into which some could be put";
      return;
    }
    verdict.power = static_cast<double>(trials.found) / static_cast<double>(trials.planted);
    verdict.power_n = trials.planted;
    verdict.effect = "one item, made up, of each kind in turn, within a text of the table";
    verdict.false_positive_rate = static_cast<double>(trials.alarms) / static_cast<double>(trials.redrawn);
    verdict.false_positive_n = trials.redrawn;
  }

  std::string label_;
  std::uint64_t seed_;
  std::vector<std::string> texts_;  // the first that hold nothing
  RowMarks marks_;
  std::array<std::uint64_t, formats::kPersonalKinds> kinds_{};
};

}  // namespace

void RowMarks::mark(std::uint64_t row, double score, std::string message) {
  const auto at = static_cast<std::size_t>(row);
  if (at >= marked_.size() || marked_[at]) return;
  marked_[at] = true;
  ++count_;
  if (listed_.size() < listed_max_)
    listed_.push_back(
        {.row = row, .guard = {}, .score = score, .message = std::move(message), .suspect = true});
}

void RowMarks::finish(Outcome& out) && {
  set_rate(out.verdict, count_, marked_.size());
  if (count_ > listed_.size())
    out.verdict.findings.push_back("the first " + std::to_string(listed_.size()) + " of " +
                                   std::to_string(count_) + " rows are listed, all are marked");
  out.rows = std::move(listed_);
  out.marked = std::move(marked_);
}

bool has_rows(const Dataset& data, const CheckOptions&) { return !data.columns.empty(); }

bool has_contents(const Dataset& data, const CheckOptions&) {
  return std::ranges::any_of(data.columns,
                             [&](const Column& column) { return !data.roles.covers(column.name); });
}

bool has_text(const Dataset& data, const CheckOptions&) {
  return std::ranges::any_of(
      data.columns, [&](const Column& column) { return !column.numeric && column.name != data.roles.label; });
}

Result<std::unique_ptr<RowCheck>> shape_check(const Dataset& head, const Room& room, const CheckOptions&) {
  return std::unique_ptr<RowCheck>(new ShapeCheck(head, room));
}
Result<std::unique_ptr<RowCheck>> copies_check(const Dataset&, const Room& room, const CheckOptions&) {
  return std::unique_ptr<RowCheck>(new CopiesCheck(room));
}
Result<std::unique_ptr<RowCheck>> personal_check(const Dataset& head, const Room& room,
                                                 const CheckOptions& options) {
  return std::unique_ptr<RowCheck>(new PersonalCheck(head, room, options.seed));
}

}  // namespace sallyport::services::data_check
