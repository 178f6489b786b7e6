// How the rows of a recipient are drawn, for those that hand out copies and those that look for them
// (recipient_rows.h).
//
// Every row is drawn by itself from HMAC-SHA-256 under the key, so those of one recipient tell nothing of
// another's. A Drawing refers to its table. Safe from any thread.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "core/dataset.h"
#include "core/result.h"
#include "learn/row_digest.h"

namespace sallyport::learn {

// Random words that a key and a text determine.
class KeyedWords {
 public:
  KeyedWords(BytesView key, std::string text) : key_(key.begin(), key.end()), text_(std::move(text)) {}
  std::uint64_t next();
  // Below `bound`, which is more than 0; off uniform by at most bound / 2^64.
  std::uint64_t below(std::uint64_t bound);
  bool coin();

 private:
  Bytes key_;
  std::string text_;
  std::uint64_t block_ = 0;
  std::vector<std::uint64_t> words_ = {};
  std::uint64_t coins_ = 0;
  int coins_left_ = 0;
};

// Each column without a role takes the cell of one of two rows; what has a role is that of the first.
struct DrawnRow {
  std::size_t first = 0;
  std::size_t second = 0;
  std::vector<bool> from_second = {};  // a column
};

class Drawing {
 public:
  // `table`, `key` and `release` outlive the drawing.
  Drawing(const Dataset& table, BytesView key, std::string_view release);
  Drawing(const Drawing&) = delete;
  Drawing& operator=(const Drawing&) = delete;
  // Row `index` of the recipient's. Error when every try makes a row that the table has.
  Result<DrawnRow> row(std::string_view recipient, std::size_t index) const;
  KeyedWords words(std::string_view purpose, std::string_view recipient, std::size_t index) const;

 private:
  bool is_in_table(const DrawnRow& drawn) const;

  const Dataset& table_;
  BytesView key_;
  std::string_view release_;
  std::vector<const std::vector<std::size_t>*> mates_ = {};  // of each row: the rows of its label
  std::map<std::string, std::vector<std::size_t>> by_label_ = {};
  std::vector<std::size_t> all_ = {};
  std::set<RowDigest> rows_ = {};
};

}  // namespace sallyport::learn
