// MLflow's language of filters and orders: "metrics.loss < 0.5 AND tags.`a b` LIKE '%x' ", "params.lr DESC".
//
//   filter    = condition {AND condition}
//   condition = name (= | != | < | <= | > | >= | LIKE | ILIKE) value | name [NOT] IN (value, ...) |
//               name IS [NOT] NULL
//   name      = [entity .] key, where parts may stand in ` or "
//
// One pass, no recursion, bounded by limits::kFilter*. What a name may be compared with is checked here; how
// it is looked up is query.h. Pure functions; safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace sallyport::services::tracking {

enum class Entity : std::uint8_t { kAttribute, kMetric, kParam, kTag, kDataset };
enum class Comparator : std::uint8_t {
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kLike,
  kILike,
  kIn,
  kNotIn,
  kIsNull,
  kIsNotNull
};

struct Literal {
  bool is_text = false;  // it was quoted
  std::string text = {};
  double number = 0;
};

struct Condition {
  Entity entity = Entity::kAttribute;
  std::string key = {};
  Comparator comparator = Comparator::kEqual;
  std::vector<Literal> values = {};  // one; any number for IN; none for IS NULL
};
Result<std::vector<Condition>> parse_filter(std::string_view text);

struct Order {
  Entity entity = Entity::kAttribute;
  std::string key = {};
  bool descending = false;
};
Result<Order> parse_order(std::string_view text);

}  // namespace sallyport::services::tracking
