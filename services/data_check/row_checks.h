// Checks that look at each row once, part by part, in memory that does not follow the rows: a table that fits
// is one part. Internal to this folder.
#pragma once

#include <memory>

#include "services/data_check/checks.h"

namespace sallyport::services::data_check {

// How much a check may hold.
struct Room {
  std::uint64_t rows = 0;      // that will come
  std::size_t bytes = 0;       // for what is known of earlier rows
  std::size_t listed_max = 0;  // rows that are listed; the others are only marked
};

// Marks the rows that something is wrong with, and lists the first of them.
class RowMarks {
 public:
  explicit RowMarks(const Room& room)
      : marked_(static_cast<std::size_t>(room.rows)), listed_max_(room.listed_max) {}

  // Once a row, whatever else is wrong with it.
  void mark(std::uint64_t row, double score, std::string message);
  std::uint64_t count() const { return count_; }
  // Sets the rate of `rows`, and says when not all are listed.
  void finish(Outcome& out) &&;

 private:
  std::vector<bool> marked_;
  std::size_t listed_max_;
  std::uint64_t count_ = 0;
  std::vector<ScoredRow> listed_;
};

class RowCheck {
 public:
  virtual ~RowCheck() = default;
  virtual Result<void> add(const Dataset& part) = 0;
  // The reference, when there is one, behind all parts of the table.
  virtual Result<void> add_reference(const Dataset&) { return {}; }
  // Only when `again`: the same parts once more.
  virtual bool again() const { return false; }
  virtual Result<void> add_again(const Dataset&) { return {}; }
  virtual Result<Outcome> finish() = 0;
};

// `head` has the names and types of the columns and the roles.
Result<std::unique_ptr<RowCheck>> shape_check(const Dataset& head, const Room& room, const CheckOptions&);
Result<std::unique_ptr<RowCheck>> copies_check(const Dataset& head, const Room& room, const CheckOptions&);
Result<std::unique_ptr<RowCheck>> personal_check(const Dataset& head, const Room& room,
                                                 const CheckOptions& options);
Result<std::unique_ptr<RowCheck>> classes_check(const Dataset& head, const Room& room,
                                                const CheckOptions& options);

}  // namespace sallyport::services::data_check
