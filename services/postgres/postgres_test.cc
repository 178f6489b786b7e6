// Connections to a real server: values both ways, what is durable, and what is lost.
#include "services/postgres/postgres.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/limits/postgres.h"
#include "tests/postgres.h"

namespace sallyport::services::postgres {
namespace {

class PostgresDatabase : public testing::Test {
 protected:
  void SetUp() override {
    server_ = tests::Postgres::shared();
    if (server_ == nullptr) GTEST_SKIP() << "no PostgreSQL server can be run here";
    auto database = connect("sallyport");
    ASSERT_TRUE(database) << database.error().message;
    database_ = std::make_unique<Database>(std::move(*database));
  }
  Result<Database> connect(const std::string& user) {
    return Database::connect(parse_address(server_->url("postgres", user)).value());
  }
  // What comes back of one value, of its own type.
  Value echo(const std::string& sql, const Value& value) {
    const auto rows = database_->query(sql, std::vector<Value>{value});
    EXPECT_TRUE(rows) << (rows ? "" : rows.error().message);
    return rows && rows->size() == 1 ? rows->at(0).at(0) : Value(std::string("nothing"));
  }

  tests::Postgres* server_ = nullptr;
  std::unique_ptr<Database> database_;
};

TEST_F(PostgresDatabase, values_come_back_as_they_went) {
  for (const std::int64_t integer :
       {std::int64_t{0}, std::int64_t{-1}, std::numeric_limits<std::int64_t>::min(),
        std::numeric_limits<std::int64_t>::max()}) {
    EXPECT_EQ(echo("SELECT ?", integer), Value(integer));
  }
  for (const double number : {0.0, -0.5, 0.1, 1e308, 5e-324, 1.0 / 3, HUGE_VAL, -HUGE_VAL}) {
    EXPECT_EQ(echo("SELECT ?", number), Value(number));
  }
  for (const std::string& text :
       {std::string(), std::string("it's a `?` \\ \"quoted\" \n$1"),
        std::string("pr\xc3\xa4zision \xf0\x9f\x90\x8d"), std::string(70'000, 'x')}) {
    EXPECT_EQ(echo("SELECT ?", text), Value(text));
  }
  EXPECT_EQ(echo("SELECT ?::text", std::monostate()), Value(std::monostate()));
  EXPECT_EQ(echo("SELECT ? = 'a?'", std::string("a?")), Value(std::int64_t{1}));
}

TEST_F(PostgresDatabase, what_is_no_text_is_refused_before_it_is_sent) {
  for (const std::string& text : {std::string("a\0b", 3), std::string("\xff"), std::string("\xed\xa0\x80")}) {
    const auto rows = database_->query("SELECT ?", std::vector<Value>{text});
    ASSERT_FALSE(rows);
    EXPECT_EQ(rows.error().kind, ErrorKind::kInvalid);
  }
  EXPECT_TRUE(database_->alive());
  EXPECT_EQ(echo("SELECT ?", std::int64_t{1}), Value(std::int64_t{1}));
}

TEST_F(PostgresDatabase, commits_wait_for_the_disk_whatever_the_server_is_set_to) {
  const auto own = database_->query("SELECT current_setting('synchronous_commit')");
  ASSERT_TRUE(own);
  EXPECT_EQ(own->at(0).at(0), Value(std::string("on")));
  const auto servers =
      database_->query("SELECT reset_val FROM pg_settings WHERE name = 'synchronous_commit'");
  ASSERT_TRUE(servers);
  EXPECT_EQ(servers->at(0).at(0), Value(std::string("off"))) << "the test's server is careless";
}

TEST_F(PostgresDatabase, more_statements_than_are_kept) {
  for (std::size_t i = 0; i < 2 * limits::kDatabaseStatementsKeptMax + 3; ++i) {
    const auto rows = database_->query("SELECT " + std::to_string(i));
    ASSERT_TRUE(rows) << rows.error().message;
    EXPECT_EQ(rows->at(0).at(0), Value(static_cast<std::int64_t>(i)));
  }
  const auto kept = database_->query("SELECT count(*) FROM pg_prepared_statements");
  ASSERT_TRUE(kept);
  EXPECT_LE(std::get<std::int64_t>(kept->at(0).at(0)),
            static_cast<std::int64_t>(limits::kDatabaseStatementsKeptMax));
}

TEST_F(PostgresDatabase, a_transaction_that_failed_does_not_say_commit) {
  ASSERT_TRUE(database_->execute("BEGIN"));
  const auto wrong = database_->query("SELECT 1 / 0");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().hint, "") << "asking again would not help";
  const auto ended = database_->execute("COMMIT");
  ASSERT_TRUE(ended);
  EXPECT_EQ(*ended, "ROLLBACK");
}

TEST_F(PostgresDatabase, a_session_that_was_ended_is_lost_and_says_so) {
  auto other = connect("sallyport");
  ASSERT_TRUE(other);
  const auto number = other->query("SELECT pg_backend_pid()");
  ASSERT_TRUE(number);
  EXPECT_EQ(echo("SELECT pg_terminate_backend(?::int)", number->at(0).at(0)), Value(std::int64_t{1}));
  const auto rows = other->query("SELECT 1");
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().hint, kAskAgain);
  EXPECT_FALSE(other->alive());
  EXPECT_FALSE(other->query("SELECT 1"));
  EXPECT_FALSE(other->execute("SELECT 1"));
}

TEST_F(PostgresDatabase, a_wrong_password_is_not_repeated) {
  server_->sql("postgres", "DROP ROLE IF EXISTS locked");
  server_->sql("postgres", "CREATE ROLE locked LOGIN PASSWORD 'right'");
  const auto wrong = connect("locked:s3cret");
  ASSERT_FALSE(wrong);
  EXPECT_EQ((wrong.error().message + wrong.error().hint).find("s3cret"), std::string::npos);
  EXPECT_NE(wrong.error().message.find("locked"), std::string::npos) << wrong.error().message;
  EXPECT_TRUE(connect("locked:right"));
}

TEST_F(PostgresDatabase, a_database_of_another_encoding_is_refused) {
  server_->sql("postgres", "DROP DATABASE IF EXISTS latin");
  server_->sql("postgres", "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
  const auto latin = Database::connect(parse_address(server_->url("latin")).value());
  ASSERT_FALSE(latin);
  EXPECT_NE(latin.error().message.find("UTF8"), std::string::npos) << latin.error().message;
}

}  // namespace
}  // namespace sallyport::services::postgres
