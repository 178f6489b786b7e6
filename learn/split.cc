#include "learn/split.h"

#include <cmath>

#include "learn/row_digest.h"

namespace sallyport::learn {

std::vector<std::string> split_units(const Dataset& data) {
  const Column* group = data.find(data.roles.group);
  return group == nullptr ? data.ids() : cell_texts(group);
}

bool falls_in_test(const SplitRule& rule, std::string_view unit) {
  const Digest hash = hmac_sha256(rule.key.bytes, as_bytes(unit));
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < 8; ++i) bits = bits << 8 | hash.bytes[i];
  return std::ldexp(static_cast<double>(bits >> 11), -53) < rule.test_share;
}

}  // namespace sallyport::learn
