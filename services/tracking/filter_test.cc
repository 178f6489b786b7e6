// MLflow's filters: what they mean, and that nothing else gets through.
#include "services/tracking/filter.h"

#include <gtest/gtest.h>

namespace sallyport::services::tracking {
namespace {

std::string error_of(std::string_view text) {
  const auto parsed = parse_filter(text);
  return parsed ? "" : parsed.error().message;
}

TEST(Filter, reads_names_in_all_their_spellings) {
  for (const char* text : {"params.lr = '1'", "parameter.lr='1'", "param.`lr` = '1'",
                           "parameters.\"lr\" = \"1\"", "`params`.lr = '1'", "  params.lr\t=\n'1'  "}) {
    const auto parsed = parse_filter(text);
    ASSERT_TRUE(parsed) << text << ": " << parsed.error().message;
    ASSERT_EQ(parsed->size(), 1U) << text;
    EXPECT_EQ(parsed->front().entity, Entity::kParam) << text;
    EXPECT_EQ(parsed->front().key, "lr") << text;
    EXPECT_EQ(parsed->front().values.at(0).text, "1") << text;
  }
  EXPECT_EQ(parse_filter("tag.mlflow.source.name = 'a'").value().at(0).key, "mlflow.source.name");
  EXPECT_EQ(parse_filter("name = 'a'").value().at(0).entity, Entity::kAttribute);
  EXPECT_TRUE(parse_filter("").value().empty());
  EXPECT_TRUE(parse_filter("  ").value().empty());
}

TEST(Filter, reads_every_comparison) {
  EXPECT_EQ(parse_filter("metrics.a >= -1.5e3").value().at(0).values.at(0).number, -1500);
  EXPECT_EQ(parse_filter("metrics.a<1").value().at(0).comparator, Comparator::kLess);
  EXPECT_EQ(parse_filter("tags.a not in ('x', \"y\")").value().at(0).comparator, Comparator::kNotIn);
  EXPECT_EQ(parse_filter("run_id IN ('x','y','z')").value().at(0).values.size(), 3U);
  EXPECT_EQ(parse_filter("tags.a is not null").value().at(0).comparator, Comparator::kIsNotNull);
  EXPECT_EQ(parse_filter("tags.a IS NULL AND tags.b ILIKE '%x'").value().at(1).comparator,
            Comparator::kILike);
  EXPECT_EQ(parse_filter("tags.a = 'it''s'").value().at(0).values.at(0).text, "it's");
}

TEST(Filter, refuses_what_it_does_not_know) {
  for (const char* text : {"a",
                           "a =",
                           "= 1",
                           "a = b",
                           "a = 'x' OR b = 'y'",
                           "a = 'x' AND",
                           "a = 'x'; DROP TABLE runs",
                           "a = 'x",
                           "a IN ()",
                           "a IN ('x'",
                           "a IN 'x'",
                           "a NOT 'x'",
                           "a IS 'x'",
                           "nope.a = 'x'",
                           "metrics. = 1",
                           "a = 1x",
                           "a = 1e999",
                           "a == 'x'",
                           "(a = 'x')",
                           "a = 'x' a = 'y'",
                           "a LIKE",
                           "`a = 'x'",
                           "a = --1",
                           "a = NaN"}) {
    EXPECT_NE(error_of(text), "") << text;
  }
  EXPECT_EQ(error_of("a = 'x' OR b = 'y'"), "Invalid filter: AND was expected at character 8");
}

TEST(Filter, is_bounded) {
  std::string many = "a = 'x'";
  for (int i = 0; i < 200; ++i) many += " AND a = 'x'";
  EXPECT_NE(error_of(many).find("kFilterConditionsMax"), std::string::npos);
  EXPECT_NE(error_of("a = '" + std::string(20'000, 'x') + "'").find("kFilterBytesMax"), std::string::npos);
}

TEST(Filter, any_change_of_a_byte_ends_in_a_value_or_an_error) {
  const std::string text = "metrics.`a b` >= 1.5 AND tags.c NOT IN ('x', \"y\") AND d IS NOT NULL";
  for (std::size_t at = 0; at <= text.size(); ++at) {
    std::ignore = parse_filter(std::string_view(text).substr(0, at));
    for (int byte = 0; byte < 256 && at < text.size(); ++byte) {
      std::string changed = text;
      changed[at] = static_cast<char>(byte);
      const auto parsed = parse_filter(changed);
      EXPECT_TRUE(parsed || !parsed.error().message.empty());
    }
  }
}

TEST(Filter, orders) {
  EXPECT_TRUE(parse_order("metrics.loss DESC").value().descending);
  EXPECT_FALSE(parse_order("`start_time` asc").value().descending);
  EXPECT_EQ(parse_order("params.`a b`").value().key, "a b");
  for (const char* text : {"", "DESC DESC DESC", "a b", "a DESC, b", "a; DROP", "1"}) {
    EXPECT_FALSE(parse_order(text)) << text;
  }
}

}  // namespace
}  // namespace sallyport::services::tracking
