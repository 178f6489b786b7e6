// Comma-separated values (RFC 4180) with a header, read strictly, and written in one spelling.
//
// A line ends with LF or CRLF; a bare CR, text beside a quoted cell, a quote inside an unquoted cell, a row
// with more or fewer cells than the header, NUL, invalid UTF-8, an empty or repeated column name and a cell
// beyond limits::kCsvCellBytesMax are errors that name line, row and column. One byte-order mark at the start
// is skipped. Rows count from 0 without the header, lines from 1 with it.
//
// Rows holds a view of the text and is for one thread at a time; the free functions are safe from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/dataset.h"
#include "core/result.h"

namespace sallyport::formats::csv {

// A pull reader: memory is one row, whatever the size of the text.
class Rows {
 public:
  // `text` outlives the reader.
  explicit Rows(std::string_view text);

  // Reads the next row, the header first; false at the end of the text.
  Result<bool> next();
  // The cells of the row just read, without quotes; valid until the next call of next().
  const std::vector<std::string_view>& cells() const { return cells_; }
  // The header, once it was read.
  const std::vector<std::string>& header() const { return header_; }
  // Number of data rows read so far.
  std::size_t row_count() const { return rows_; }

  // "csv: line 5, row 3, column age: WHAT"; for callers that judge the contents of a cell.
  std::unexpected<Error> refuse(std::size_t column, const std::string& what,
                                ErrorKind kind = ErrorKind::kInvalid) const;

 private:
  Result<void> read_cell();
  Result<void> read_quoted();
  Result<void> read_plain();
  Result<void> take_header();

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;      // of the row being read
  std::size_t newlines_ = 0;  // inside quoted cells of that row
  std::size_t rows_ = 0;
  bool row_ended_ = false;
  bool have_header_ = false;
  std::vector<std::string> header_;
  std::vector<std::string_view> cells_;
  // Cells with doubled quotes, unquoted; the views in cells_ are set once the row is complete.
  std::string scratch_;
  struct Unquoted {
    std::size_t cell;
    std::size_t begin;
    std::size_t end;
  };
  std::vector<Unquoted> unquoted_;
};

struct Options {
  std::string name = {};  // of the data set, and the place in messages
  Roles roles = {};
  ImageShape image = {};
  // Columns that must hold numbers: a cell that is not one is then an error, where it would otherwise turn
  // its column into text.
  std::vector<std::string> numeric = {};
};

// A column is numeric when every cell is a finite decimal number, empty or "nan" (both missing). A column
// with a role stays text when a number would lose what its cells spell: a leading zero, or an integer beyond
// 2^53. Error when a role or a numeric column is not in the header.
Result<Dataset> parse(std::string_view text, const Options& options = {});
inline Result<Dataset> parse(BytesView bytes, const Options& options = {}) {
  return parse(as_text(bytes), options);
}

// LF line ends, quotes only where they are needed, numbers as number_text spells them. Error on what parse
// would refuse: a repeated name, NUL, invalid UTF-8, an infinite number, columns of different length.
Result<std::string> write(const Dataset& dataset);

}  // namespace sallyport::formats::csv
