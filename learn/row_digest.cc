#include "learn/row_digest.h"

#include <algorithm>

#include "core/digest.h"
#include "core/parallel.h"

namespace sallyport::learn {

RowDigest row_digest(std::string_view text) {
  const Digest digest = sha256(text);
  RowDigest out;
  std::copy_n(digest.bytes.begin(), out.size(), out.begin());
  return out;
}

std::string folded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f') continue;
    out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

std::vector<std::string> cell_texts(const Column* column) {
  if (column == nullptr || !column->numeric)
    return column == nullptr ? std::vector<std::string>{} : column->texts;
  std::vector<std::string> out;
  out.reserve(column->numbers.size());
  for (const double value : column->numbers) out.push_back(number_text(value));
  return out;
}

std::vector<RowDigest> row_digests(const Dataset& data, TextForm form) {
  std::vector<RowDigest> out(data.rows());
  const std::vector<const Column*> columns = [&] {
    std::vector<const Column*> kept;
    for (const Column& column : data.columns) {
      if (!data.roles.covers(column.name)) kept.push_back(&column);
    }
    return kept;
  }();
  constexpr std::size_t kRowsTogether = 256;
  parallel_for((out.size() + kRowsTogether - 1) / kRowsTogether, [&](std::size_t block) {
    std::string text;
    const std::size_t begin = block * kRowsTogether;
    for (std::size_t row = begin; row < std::min(out.size(), begin + kRowsTogether); ++row) {
      text.clear();
      for (const Column* column : columns) {
        const std::string cell = column->numeric               ? number_text(column->numbers[row])
                                 : form == TextForm::kVerbatim ? column->texts[row]
                                                               : folded(column->texts[row]);
        text += std::to_string(cell.size());
        text += ':';
        text += cell;
      }
      out[row] = row_digest(text);
    }
  });
  return out;
}

}  // namespace sallyport::learn
