// URLs of databases: what MLflow's users write is understood, everything else refused, no password repeated.
#include "services/postgres/address.h"

#include <gtest/gtest.h>

#include "core/limits/postgres.h"

namespace sallyport::services::postgres {
namespace {

std::string parameter(const Address& address, std::string_view name) {
  for (const auto& [keyword, value] : address.parameters) {
    if (keyword == name) return value;
  }
  return {};
}

TEST(PostgresAddress, what_users_write_is_understood) {
  const auto full = parse_address("postgresql://ml:p%40ss%3A%2F@localhost:5433/runs?connect_timeout=9");
  ASSERT_TRUE(full) << full.error().message;
  EXPECT_EQ(parameter(*full, "host"), "localhost");
  EXPECT_EQ(parameter(*full, "port"), "5433");
  EXPECT_EQ(parameter(*full, "user"), "ml");
  EXPECT_EQ(parameter(*full, "password"), "p@ss:/");
  EXPECT_EQ(parameter(*full, "dbname"), "runs");
  EXPECT_EQ(parameter(*full, "connect_timeout"), "9");
  EXPECT_EQ(full->shown, "postgresql://ml@localhost:5433/runs");
  const auto socket = parse_address("postgres://ml@/runs?host=/run/postgresql&port=5433");
  ASSERT_TRUE(socket) << socket.error().message;
  EXPECT_EQ(parameter(*socket, "host"), "/run/postgresql");
  EXPECT_EQ(parameter(*socket, "port"), "5433");
  EXPECT_EQ(socket->shown, "postgresql://ml@:5433/runs?host=/run/postgresql");
  const auto six = parse_address("postgresql+psycopg2://[::1]:1/runs");
  ASSERT_TRUE(six) << six.error().message;
  EXPECT_EQ(parameter(*six, "host"), "::1");
  EXPECT_TRUE(parse_address("postgresql+psycopg://127.0.0.1/runs"));
}

TEST(PostgresAddress, another_machine_has_to_prove_itself) {
  const auto far = parse_address("postgresql://ml@db.example.org/runs?sslrootcert=/etc/ca.pem");
  ASSERT_TRUE(far) << far.error().message;
  EXPECT_EQ(parameter(*far, "sslmode"), "verify-full");
  EXPECT_TRUE(parse_address("postgresql://ml@db.example.org/runs?sslmode=verify-ca"));
  for (const char* mode : {"disable", "allow", "prefer", "require", "none"}) {
    EXPECT_FALSE(parse_address("postgresql://ml@db.example.org/runs?sslmode=" + std::string(mode))) << mode;
    EXPECT_FALSE(parse_address("postgresql://ml@127.evil.org/runs?sslmode=" + std::string(mode))) << mode;
  }
  EXPECT_TRUE(parse_address("postgresql://ml@localhost/runs?sslmode=disable"));
}

TEST(PostgresAddress, everything_else_is_refused_and_no_password_repeated) {
  for (const std::string& url :
       std::vector<std::string>{"",
                                "postgresql",
                                "postgresql:/ml:s3cret@h/d",
                                "mysql://ml:s3cret@h/d",
                                "sqlite:///s3cret.db",
                                "POSTGRESQL://ml:s3cret@localhost/d",
                                "postgresql://ml:s3cret@localhost",
                                "postgresql://ml:s3cret@/d",
                                "postgresql://ml:s3cret@localhost/",
                                "postgresql://ml:s3cret@localhost/a/b",
                                "postgresql://:s3cret@localhost/d",
                                "postgresql://ml:s3cret:x@localhost/d",
                                "postgresql://ml:s3cret@x@localhost/d",
                                "postgresql://ml:s3cret%@localhost/d",
                                "postgresql://ml:s3cret%00@localhost/d",
                                "postgresql://ml:s3cret%0a@localhost/d",
                                "postgresql://ml:s3cret%ff@localhost/d",
                                "postgresql://ml:s3cret@localhost:/d",
                                "postgresql://ml:s3cret@localhost:0/d",
                                "postgresql://ml:s3cret@localhost:65536/d",
                                "postgresql://ml:s3cret@localhost:54 32/d",
                                "postgresql://ml:s3cret@localhost:+5432/d",
                                "postgresql://ml:s3cret@a,b/d",
                                "postgresql://ml:s3cret@a%2Cb/d",
                                "postgresql://ml:s3cret@a b/d",
                                "postgresql://ml:s3cret@[::1/d",
                                "postgresql://ml:s3cret@[s3cret]/d",
                                "postgresql://ml:s3cret@[::1]x/d",
                                "postgresql://ml:s3cret@localhost/d#s3cret",
                                "postgresql://ml@localhost/d?password=s3cret",
                                "postgresql://ml@localhost/d?s3cret",
                                "postgresql://ml@localhost/d?options=-csynchronous_commit%3Doff",
                                "postgresql://ml@localhost/d?service=s3cret",
                                "postgresql://ml@localhost/d?dbname=s3cret",
                                "postgresql://ml@localhost/d?host=/tmp",
                                "postgresql://ml@localhost/d?sslmode",
                                "postgresql://ml@localhost/d?sslmode=",
                                "postgresql://ml@localhost/d?sslmode=s3cret",
                                "postgresql://ml@localhost/d?sslmode=prefer&sslmode=prefer",
                                "postgresql://ml@localhost:1/d?port=2",
                                "postgresql://ml@/d?host=/tmp&port=s3cret",
                                "postgresql://ml@localhost/d?connect_timeout=0",
                                "postgresql://ml@localhost/d?connect_timeout=1e3",
                                "postgresql://ml@localhost/d?passfile=%0a",
                                "postgresql://ml@localhost/d?&",
                                "postgresql://ml@/d?host=@abstract",
                                "postgresql://ml:s3cret@localhost/%00d"}) {
    const auto address = parse_address(url);
    ASSERT_FALSE(address) << url;
    EXPECT_EQ((address.error().message + address.error().hint).find("s3cret"), std::string::npos) << url;
  }
  const std::string start = "postgresql://ml@localhost/";
  EXPECT_TRUE(parse_address(start + std::string(60, 'd')));
  EXPECT_FALSE(parse_address(start + std::string(limits::kDatabaseUrlBytesMax, 'd')));
}

}  // namespace
}  // namespace sallyport::services::postgres
