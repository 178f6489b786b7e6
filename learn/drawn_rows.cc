#include "learn/drawn_rows.h"

#include <numeric>

#include "core/digest.h"

namespace sallyport::learn {
namespace {

// Rows of two that are alike in most columns often equal a third.
constexpr std::size_t kTriesMax = 32;

std::string with_length(std::string_view text) {
  return std::to_string(text.size()) + ":" + std::string(text);
}

}  // namespace

std::uint64_t KeyedWords::next() {
  if (words_.empty()) {
    const Digest digest = hmac_sha256(key_, as_bytes(text_ + "#" + std::to_string(block_++)));
    for (std::size_t at = 0; at < digest.bytes.size(); at += 8) {
      std::uint64_t word = 0;
      for (std::size_t i = 0; i < 8; ++i) word = word << 8 | digest.bytes[at + i];
      words_.push_back(word);
    }
  }
  const std::uint64_t out = words_.back();
  words_.pop_back();
  return out;
}

std::uint64_t KeyedWords::below(std::uint64_t bound) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>((static_cast<Wide>(next()) * bound) >> 64);
}

bool KeyedWords::coin() {
  if (coins_left_ == 0) {
    coins_ = next();
    coins_left_ = 64;
  }
  --coins_left_;
  const bool out = (coins_ & 1) != 0;
  coins_ >>= 1;
  return out;
}

Drawing::Drawing(const Dataset& table, BytesView key, std::string_view release)
    : table_(table), key_(key), release_(release), all_(table.rows()) {
  std::iota(all_.begin(), all_.end(), std::size_t{0});
  mates_.assign(table.rows(), &all_);
  if (const auto labels = table.labels()) {
    for (std::size_t row = 0; row < labels->size(); ++row) by_label_[(*labels)[row]].push_back(row);
    for (std::size_t row = 0; row < labels->size(); ++row) {
      const std::vector<std::size_t>& mates = by_label_.at((*labels)[row]);
      // Where the label is a quantity, hardly two rows have the same.
      if (mates.size() > 1) mates_[row] = &mates;
    }
  }
  for (const RowDigest& digest : row_digests(table, TextForm::kVerbatim)) rows_.insert(digest);
}

KeyedWords Drawing::words(std::string_view purpose, std::string_view recipient, std::size_t index) const {
  return {key_, "sallyport recipient rows v1 " + with_length(purpose) + with_length(release_) +
                    with_length(recipient) + std::to_string(index)};
}

bool Drawing::is_in_table(const DrawnRow& drawn) const {
  Dataset one = table_.pick({drawn.first});
  for (std::size_t i = 0; i < one.columns.size(); ++i) {
    if (!drawn.from_second[i]) continue;
    Column& column = one.columns[i];
    if (column.numeric) {
      column.numbers[0] = table_.columns[i].numbers[drawn.second];
    } else {
      column.texts[0] = table_.columns[i].texts[drawn.second];
    }
  }
  return rows_.contains(row_digests(one, TextForm::kVerbatim).front());
}

Result<DrawnRow> Drawing::row(std::string_view recipient, std::size_t index) const {
  if (table_.rows() == 0) return invalid("a table without rows");
  KeyedWords words = this->words("row", recipient, index);
  for (std::size_t attempt = 0; attempt < kTriesMax; ++attempt) {
    DrawnRow out{.first = words.below(table_.rows())};
    const std::vector<std::size_t>& mates = *mates_[out.first];
    out.second = mates[words.below(mates.size())];
    for (const Column& column : table_.columns) {
      out.from_second.push_back(words.coin() && !table_.roles.covers(column.name));
    }
    if (!is_in_table(out)) return out;
  }
  return fail(ErrorKind::kUnsupported, "the table's rows are too much alike for rows of a recipient's own");
}

}  // namespace sallyport::learn
