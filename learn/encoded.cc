#include "learn/encoded.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "learn/token_residual.h"
#include "learn/votes.h"

namespace sallyport::learn {
namespace {

std::uint64_t hash_of(std::string_view token) {
  std::uint64_t hash = 0xCBF29CE484222325ULL;  // FNV-1a
  for (const char c : token) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  return hash ^ hash >> 32;
}

Matrix one_column_a_value(const std::vector<std::string>& texts,
                          const std::map<std::string_view, std::size_t>& values) {
  Matrix out(texts.size(), values.size());
  for (std::size_t r = 0; r < texts.size(); ++r) out.row(r)[values.at(texts[r])] = std::sqrt(2.0F);
  return out;
}

Matrix hashed_texts(const std::vector<std::string>& texts) {
  std::vector<double> holders(kTextBuckets);
  std::vector<std::map<std::size_t, double>> counts(texts.size());
  for (std::size_t r = 0; r < texts.size(); ++r) {
    for (const std::string& token : tokens_of(texts[r])) counts[r][hash_of(token) % kTextBuckets] += 1;
    for (const auto& [bucket, count] : counts[r]) holders[bucket] += 1;
  }
  Matrix out(texts.size(), kTextBuckets);
  for (std::size_t r = 0; r < texts.size(); ++r) {
    double square = 0;
    for (auto& [bucket, count] : counts[r]) {
      count *= std::log((1 + static_cast<double>(texts.size())) / (1 + holders[bucket])) + 1;
      square += count * count;
    }
    for (const auto& [bucket, weight] : counts[r])
      out.row(r)[bucket] = static_cast<float>(weight / std::sqrt(square));
  }
  return out;
}

}  // namespace

Result<Matrix> encoded_features(const Dataset& data) {
  std::vector<Matrix> parts;
  if (!data.feature_columns().empty()) parts.push_back(TRY(comparable_features(data)));
  for (const Column& column : data.columns) {
    if (column.numeric || data.roles.covers(column.name)) continue;
    std::map<std::string_view, std::size_t> values;
    for (const std::string& text : column.texts) {
      values.emplace(text, values.size());
      if (values.size() > kCategoriesMax) break;
    }
    parts.push_back(values.size() <= kCategoriesMax ? one_column_a_value(column.texts, values)
                                                    : hashed_texts(column.texts));
  }
  std::size_t columns = 0;
  for (const Matrix& part : parts) columns += part.columns();
  if (columns == 0) return invalid("data set " + data.name + ": no column without a role");
  if (parts.size() == 1) return std::move(parts.front());
  Matrix out(data.rows(), columns);
  std::size_t at = 0;
  for (const Matrix& part : parts) {
    for (std::size_t r = 0; r < data.rows(); ++r)
      std::ranges::copy(part.row(r), out.row(r).begin() + static_cast<std::ptrdiff_t>(at));
    at += part.columns();
  }
  return out;
}

}  // namespace sallyport::learn
