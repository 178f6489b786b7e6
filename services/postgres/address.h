// Where a PostgreSQL database is: a URL as MLflow's users write it, read strictly.
//
//   postgresql://USER[:PASSWORD]@HOST[:PORT]/NAME[?PARAMETER=VALUE&...]
//   postgresql://USER[:PASSWORD]@/NAME?host=/SOCKET/FOLDER
//
// `postgres` and SQLAlchemy's `postgresql+psycopg2` and `postgresql+psycopg` are the same. Parameters: host,
// port, sslmode, sslrootcert, sslcert, sslkey, passfile, connect_timeout, each once. Off loopback the server
// has to show a certificate that is checked. No message quotes the URL, which may hold a password. Values
// only; safe from any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"

namespace sallyport::services::postgres {

struct Address {
  std::vector<std::pair<std::string, std::string>> parameters = {};  // libpq's keywords, with a password
  std::string shown = {};                                            // for people: without a password
};
Result<Address> parse_address(std::string_view url);

}  // namespace sallyport::services::postgres
