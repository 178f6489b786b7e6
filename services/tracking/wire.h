// What MLflow's REST API says on the wire: arguments in, JSON and errors out.
//
// A GET has its arguments in the query, where everything is text; a POST has them in a JSON object. Numbers
// may come as text, as protobuf's JSON allows. Members that we do not know are passed over, as MLflow does.
// Values only; safe from any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/json.h"
#include "services/http/http.h"

namespace sallyport::services::tracking {

// MLflow's code for an Error whose kind does not say it: it stands in the hint.
inline constexpr std::string_view kAlreadyExists = "RESOURCE_ALREADY_EXISTS";
inline constexpr std::string_view kInvalidState = "INVALID_STATE";
inline constexpr std::string_view kNoEndpoint = "ENDPOINT_NOT_FOUND";
// MLflow's clients ask again by themselves.
inline constexpr std::string_view kUnavailable = "TEMPORARILY_UNAVAILABLE";
inline std::unexpected<Error> already_exists(std::string message) {
  return fail(ErrorKind::kInvalid, std::move(message), std::string(kAlreadyExists));
}
inline std::unexpected<Error> not_found(std::string message) {
  return fail(ErrorKind::kNotFound, std::move(message));
}
inline std::unexpected<Error> denied(std::string message) {
  return fail(ErrorKind::kDenied, std::move(message));
}

// {"error_code": ..., "message": ...} with MLflow's status. 507 when the disk is full, 503 when the database
// cannot be reached.
http::Answer error_answer(const Error& error);
http::Answer error_answer(int status, std::string_view code, const std::string& message);
// '<', '>' and '&' are spelled with escapes: a browser that is talked into reading an answer as a page finds
// no markup.
http::Answer json_answer(const Json& value);

// JSON has no NaN and no infinities; protobuf spells them as text.
Json number_out(double value);

class Arguments {
 public:
  // Refuses a POST whose body is no JSON object or not said to be one.
  static Result<Arguments> of(const http::Request& request);
  explicit Arguments(Json values) : values_(std::move(values)) {}

  bool has(std::string_view name) const;
  // What the path says goes before what the query or the body says.
  void set(const std::string& name, const std::string& value) { values_[name] = value; }
  // Required: an absent or empty one is MLflow's "Missing value for required parameter".
  Result<std::string> text(std::string_view name) const;
  Result<std::string> text_or(std::string_view name, std::string fallback) const;
  Result<std::int64_t> integer(std::string_view name) const;
  Result<std::int64_t> integer_or(std::string_view name, std::int64_t fallback) const;
  Result<double> number(std::string_view name) const;
  Result<bool> truth_or(std::string_view name, bool fallback) const;
  // One value counts as a list of one. At most `count_max`.
  Result<std::vector<std::string>> texts(std::string_view name, std::size_t count_max) const;
  // A list of objects.
  Result<std::vector<Arguments>> objects(std::string_view name, std::size_t count_max) const;
  // An object within.
  Result<Arguments> object(std::string_view name) const;

 private:
  const Json* find(std::string_view name) const;
  Json values_;
};

// Opaque to clients; holds how many results came before.
std::string page_token(std::int64_t offset);
Result<std::int64_t> page_offset(const std::string& token);

struct Pair {
  std::string key = {};
  std::string value = {};
};
// [{"key": ..., "value": ...}, ...]
Result<std::vector<Pair>> pairs(const Arguments& arguments, std::string_view name, std::size_t count_max);
Json pairs_out(const std::vector<Pair>& pairs);

// The grammar of keys and names, and how long a value may be. What is stored here is later shown on pages,
// printed by shells and pasted into prompts: no control characters, no path that leads out.
Result<void> check_key(std::string_view what, std::string_view key);
Result<void> check_name(std::string_view what, std::string_view name);
Result<void> check_value(std::string_view what, std::string_view key, std::string_view value,
                         std::size_t bytes_max);

}  // namespace sallyport::services::tracking
