// Filters and orders as SQL over one of our tables. Values are bound; column names come from our own tables.
//
// Pure functions; safe from any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "services/tracking/filter.h"
#include "services/tracking/store.h"

namespace sallyport::services::tracking {

// What can be searched. `owner` is the column of the side tables that holds `self`, the searched row's own
// column. An empty table name means that there is no such thing.
struct Searched {
  struct Attribute {
    std::string_view name;
    std::string_view column;
    bool is_number = false;
  };
  std::string_view what;  // "run", for messages
  std::span<const Attribute> attributes;
  std::string_view self;
  std::string_view owner;
  std::string_view metrics = {};
  std::string_view params = {};
  std::string_view tags = {};
  std::string_view datasets = {};  // its columns name, digest and context
  // A thing without the tag is unlike every value. MLflow has it so for registered models alone.
  bool absent_tag_differs = false;
};

struct Clause {
  std::string sql = {};
  std::vector<Value> values = {};

  void add(std::string_view text) { sql += text; }
  void add(std::string_view text, Value value) {
    sql += text;
    values.push_back(std::move(value));
  }
};

// Appends " AND ..." for each condition.
Result<void> add_conditions(Clause& clause, const Searched& searched, std::span<const Condition> conditions);
// Appends " ORDER BY ..." with the tie-breakers behind what was asked for.
Result<void> add_orders(Clause& clause, const Searched& searched, std::span<const Order> orders,
                        std::string_view tie_breakers);

}  // namespace sallyport::services::tracking
