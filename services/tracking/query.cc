#include "services/tracking/query.h"

namespace sallyport::services::tracking {
namespace {

std::string_view sql_of(Comparator comparator) {
  switch (comparator) {
    case Comparator::kEqual: return " = ?";
    case Comparator::kNotEqual: return " <> ?";
    case Comparator::kLess: return " < ?";
    case Comparator::kLessEqual: return " <= ?";
    case Comparator::kGreater: return " > ?";
    case Comparator::kGreaterEqual: return " >= ?";
    default: return " LIKE ? ESCAPE '\\'";
  }
}

bool orders_values(Comparator comparator) {
  return comparator == Comparator::kLess || comparator == Comparator::kLessEqual ||
         comparator == Comparator::kGreater || comparator == Comparator::kGreaterEqual;
}
bool is_list(Comparator comparator) {
  return comparator == Comparator::kIn || comparator == Comparator::kNotIn;
}
bool is_like(Comparator comparator) {
  return comparator == Comparator::kLike || comparator == Comparator::kILike;
}
bool is_null_test(Comparator comparator) {
  return comparator == Comparator::kIsNull || comparator == Comparator::kIsNotNull;
}

std::unexpected<Error> cannot(const Searched& searched, const Condition& condition, const std::string& why) {
  return invalid("Invalid filter on " + std::string(searched.what) + "s: " + shown(condition.key) + " " +
                 why);
}

Result<void> check_values(const Searched& searched, const Condition& condition, bool is_number) {
  const bool fits = is_number ? !is_list(condition.comparator) && !is_like(condition.comparator)
                              : !orders_values(condition.comparator);
  if (!fits) return cannot(searched, condition, "cannot be compared in this way");
  for (const Literal& literal : condition.values) {
    if (literal.is_text == is_number) {
      return cannot(searched, condition,
                    is_number ? "is compared with a number" : "is compared with a text in quotes");
    }
  }
  return {};
}

// In SQLite's LIKE nothing escapes, in PostgreSQL's a backslash does unless told otherwise. Both are told
// that it does, and given it twice: it stands for itself.
std::string like_pattern(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '\\' ? std::string("\\\\") : std::string(1, c);
  return out;
}

std::string ascii_lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

// The column against the condition's values.
void add_comparison(Clause& clause, std::string_view column, const Condition& condition) {
  const auto value_of = [](const Literal& literal) {
    return literal.is_text ? Value(literal.text) : Value(literal.number);
  };
  if (is_list(condition.comparator)) {
    clause.add(column);
    clause.add(condition.comparator == Comparator::kIn ? " IN (" : " NOT IN (");
    for (std::size_t i = 0; i < condition.values.size(); ++i) {
      clause.add(i == 0 ? "?" : ", ?", value_of(condition.values[i]));
    }
    clause.add(")");
  } else if (condition.comparator == Comparator::kILike) {
    // Lowered here: what the databases' own lower() makes of a parameter depends on their locale.
    clause.add("lower(" + std::string(column) + ") LIKE ? ESCAPE '\\'",
               ascii_lower(like_pattern(condition.values[0].text)));
  } else if (condition.comparator == Comparator::kLike) {
    clause.add(column);
    clause.add(sql_of(condition.comparator), like_pattern(condition.values[0].text));
  } else {
    clause.add(column);
    clause.add(sql_of(condition.comparator), value_of(condition.values[0]));
  }
}

const Searched::Attribute* attribute_named(const Searched& searched, const std::string& name) {
  for (const Searched::Attribute& attribute : searched.attributes) {
    if (attribute.name == name) return &attribute;
  }
  return nullptr;
}

Result<void> add_attribute(Clause& clause, const Searched& searched, const Condition& condition) {
  const Searched::Attribute* attribute = attribute_named(searched, condition.key);
  if (attribute == nullptr) return cannot(searched, condition, "is not an attribute that can be searched");
  if (is_null_test(condition.comparator)) {
    clause.add(" AND " + std::string(attribute->column) +
               (condition.comparator == Comparator::kIsNull ? " IS NULL" : " IS NOT NULL"));
    return {};
  }
  TRY(check_values(searched, condition, attribute->is_number));
  clause.add(" AND ");
  add_comparison(clause, attribute->column, condition);
  return {};
}

std::string_view side_table(const Searched& searched, Entity entity) {
  if (entity == Entity::kMetric) return searched.metrics;
  if (entity == Entity::kParam) return searched.params;
  return entity == Entity::kTag ? searched.tags : std::string_view();
}

void add_side_rows(Clause& clause, const Searched& searched, const Condition& condition,
                   std::string_view quantifier, bool compare) {
  clause.add(std::string(quantifier) + " (SELECT 1 FROM " +
                 std::string(side_table(searched, condition.entity)) + " s WHERE s." +
                 std::string(searched.owner) + " = " + std::string(searched.self) + " AND s.key = ?",
             condition.key);
  if (compare) {
    clause.add(condition.entity == Entity::kMetric ? " AND s.is_nan = 0 AND " : " AND ");
    add_comparison(clause, "s.value", condition);
  }
  clause.add(")");
}

Result<void> add_dataset(Clause& clause, const Searched& searched, const Condition& condition) {
  const bool known = condition.key == "name" || condition.key == "digest" || condition.key == "context";
  if (searched.datasets.empty() || !known || is_null_test(condition.comparator)) {
    return cannot(searched, condition, "of a data set cannot be searched like this");
  }
  TRY(check_values(searched, condition, false));
  clause.add(" AND EXISTS (SELECT 1 FROM " + std::string(searched.datasets) + " s WHERE s." +
             std::string(searched.owner) + " = " + std::string(searched.self) + " AND ");
  add_comparison(clause, "s." + condition.key, condition);
  clause.add(")");
  return {};
}

Result<void> add_side(Clause& clause, const Searched& searched, const Condition& condition) {
  if (side_table(searched, condition.entity).empty()) {
    return cannot(searched, condition, "is of an entity that cannot be searched here");
  }
  if (is_null_test(condition.comparator)) {
    const bool absent = condition.comparator == Comparator::kIsNull;
    add_side_rows(clause, searched, condition, absent ? " AND NOT EXISTS" : " AND EXISTS", false);
    return {};
  }
  TRY(check_values(searched, condition, condition.entity == Entity::kMetric));
  if (searched.absent_tag_differs && condition.comparator == Comparator::kNotEqual) {
    Condition same = condition;
    same.comparator = Comparator::kEqual;
    add_side_rows(clause, searched, same, " AND NOT EXISTS", true);
    return {};
  }
  add_side_rows(clause, searched, condition, " AND EXISTS", true);
  return {};
}

}  // namespace

Result<void> add_conditions(Clause& clause, const Searched& searched, std::span<const Condition> conditions) {
  for (const Condition& condition : conditions) {
    if (condition.entity == Entity::kAttribute) {
      TRY(add_attribute(clause, searched, condition));
    } else if (condition.entity == Entity::kDataset) {
      TRY(add_dataset(clause, searched, condition));
    } else {
      TRY(add_side(clause, searched, condition));
    }
  }
  return {};
}

Result<void> add_orders(Clause& clause, const Searched& searched, std::span<const Order> orders,
                        std::string_view tie_breakers) {
  clause.add(" ORDER BY ");
  for (const Order& order : orders) {
    std::string expression;
    const Searched::Attribute* attribute = attribute_named(searched, order.key);
    const std::string_view table = side_table(searched, order.entity);
    if (order.entity == Entity::kAttribute && attribute != nullptr) {
      expression = attribute->column;
    } else if (order.entity != Entity::kAttribute && !table.empty()) {
      const std::string value =
          order.entity == Entity::kMetric ? "CASE WHEN s.is_nan = 1 THEN NULL ELSE s.value END" : "s.value";
      expression = "(SELECT " + value + " FROM " + std::string(table) + " s WHERE s." +
                   std::string(searched.owner) + " = " + std::string(searched.self) + " AND s.key = ?)";
    } else {
      return invalid("Invalid order_by: " + std::string(searched.what) + "s cannot be ordered by " +
                     shown(order.key));
    }
    // What is absent comes last in both directions.
    clause.add(expression + " IS NULL, " + expression + (order.descending ? " DESC, " : " ASC, "));
    if (order.entity != Entity::kAttribute) clause.values.insert(clause.values.end(), 2, Value(order.key));
  }
  clause.add(tie_breakers);
  return {};
}

}  // namespace sallyport::services::tracking
