// The digest of each row's contents, for joins that must not be fooled.
//
// A digest is the first half of SHA-256 over the columns without a role, each cell with its length in front:
// nobody can make two rows of one digest (64 bits of work against collisions), and a row costs 16 bytes. Pure
// functions, safe from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/dataset.h"

namespace sallyport::learn {

using RowDigest = std::array<std::uint8_t, 16>;

RowDigest row_digest(std::string_view text);

enum class TextForm : std::uint8_t {
  kVerbatim,
  kFolded,  // ASCII letters in lower case, blanks and control characters left out
};
std::string folded(std::string_view text);

// The cells of a column as text, numbers as number_text spells them; none when there is no column.
std::vector<std::string> cell_texts(const Column* column);

// One a row; a data set without a column that has no role gives every row the same digest.
std::vector<RowDigest> row_digests(const Dataset& data, TextForm form);

}  // namespace sallyport::learn
