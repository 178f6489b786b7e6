#include "learn/recipient_rows.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "core/text.h"
#include "learn/drawn_rows.h"

namespace sallyport::learn {
namespace {

constexpr std::size_t kShareOfRows = 10;  // a tenth at most
constexpr std::size_t kNameTriesMax = 128;
constexpr std::size_t kLongerFrom = 64;  // of the tries
constexpr double kWholeNumbersMax = 9e15;

// Names for new rows that look like those that are there and are none of them.
class FreshNames {
 public:
  explicit FreshNames(const Column& column) : column_(column) {
    for (const double number : column.numbers) {
      if (std::isnan(number)) continue;
      if (numbers_.empty() || number < low_) low_ = number;
      if (numbers_.empty() || number > high_) high_ = number;
      numbers_.insert(number);
    }
    texts_.insert(column.texts.begin(), column.texts.end());
  }

  Result<void> add(Column& out, std::size_t like, KeyedWords words) {
    if (!column_.numeric) {
      out.texts.push_back(TRY(text_like(column_.texts[like], words)));
      return {};
    }
    if (numbers_.empty() || std::abs(low_) > kWholeNumbersMax || std::abs(high_) > kWholeNumbersMax) {
      return invalid("column " + column_.name + ": its numbers leave no room for another row's");
    }
    double number =
        std::floor(low_) + static_cast<double>(words.below(static_cast<std::uint64_t>(high_ - low_) + 1));
    while (!numbers_.insert(number).second) ++number;
    out.numbers.push_back(number);
    return {};
  }

 private:
  Result<std::string> text_like(const std::string& like, KeyedWords& words) {
    for (std::size_t attempt = 0; attempt < kNameTriesMax; ++attempt) {
      std::string out = like;
      for (char& c : out) {
        if (is_digit(c)) c = static_cast<char>('0' + words.below(10));
      }
      if (attempt >= kLongerFrom) out += static_cast<char>('0' + words.below(10));
      if (texts_.insert(out).second) return out;
    }
    return invalid("column " + column_.name + ": no name was free for another row");
  }

  const Column& column_;
  double low_ = 0;
  double high_ = 0;
  std::set<double> numbers_ = {};
  std::set<std::string> texts_ = {};
};

struct Placed {
  std::size_t before = 0;  // the row of the original that it stands in front of
  std::size_t index = 0;
  DrawnRow drawn = {};
};

Column with_rows(const Column& column, const std::vector<Placed>& placed, const Column& names, bool is_name) {
  Column out{.name = column.name, .numeric = column.numeric};
  const auto add = [&](const Column& from, std::size_t row) {
    if (column.numeric) {
      out.numbers.push_back(from.numbers[row]);
    } else {
      out.texts.push_back(from.texts[row]);
    }
  };
  std::size_t at = 0;
  for (std::size_t row = 0; row <= column.size(); ++row) {
    for (; at < placed.size() && placed[at].before == row; ++at) {
      if (is_name) {
        add(names, at);
      } else {
        add(column, placed[at].drawn.first);
      }
    }
    if (row < column.size()) add(column, row);
  }
  return out;
}

}  // namespace

Result<Dataset> copy_for(const Dataset& original, BytesView key, const RecipientCopy& copy) {
  if (copy.rows == 0 || copy.rows > original.rows() / kShareOfRows) {
    return invalid(std::to_string(copy.rows) + " rows among " + std::to_string(original.rows()) +
                   ": at least one and at most a tenth was expected");
  }
  const Drawing drawing(original, key, copy.release);
  std::vector<Placed> placed;
  for (std::size_t i = 0; i < copy.rows; ++i) {
    const std::size_t before = drawing.words("place", copy.recipient, i).below(original.rows() + 1);
    placed.push_back({before, i, TRY(drawing.row(copy.recipient, i))});
  }
  std::ranges::stable_sort(placed, {}, &Placed::before);
  Column names;
  const Column* id = original.find(original.roles.id);
  if (id != nullptr) {
    names.numeric = id->numeric;
    FreshNames fresh(*id);
    for (const Placed& one : placed) {
      TRY(fresh.add(names, one.drawn.first, drawing.words("name", copy.recipient, one.index)));
    }
  }
  Dataset out{.name = original.name, .roles = original.roles, .image = original.image};
  for (std::size_t c = 0; c < original.columns.size(); ++c) {
    const Column& column = original.columns[c];
    std::vector<Placed> of_column = placed;
    for (Placed& one : of_column) {
      if (one.drawn.from_second[c]) one.drawn.first = one.drawn.second;
    }
    out.columns.push_back(with_rows(column, of_column, names, &column == id));
  }
  return out;
}

}  // namespace sallyport::learn
