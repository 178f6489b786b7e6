#include "services/tracking/wire.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/limits/tracking.h"
#include "core/text.h"
#include "formats/html.h"
#include "services/http/url.h"
#include "services/tracking/access.h"

namespace sallyport::services::tracking {
namespace {

std::unexpected<Error> wrong_type(std::string_view name, std::string_view wanted) {
  return invalid("Invalid value for parameter '" + std::string(name) + "': " + std::string(wanted) +
                 " was expected");
}

std::unexpected<Error> missing(std::string_view name) {
  return invalid("Missing value for required parameter '" + std::string(name) + "'");
}

bool is_disk_full(const Error& error) {
  return error.message.find("disk is full") != std::string::npos ||
         error.message.find("No space left on device") != std::string::npos ||
         error.message.find("Disk quota exceeded") != std::string::npos;
}

// Letters of any script, digits and MLflow's five marks.
bool is_key_character(unsigned char c) {
  return std::isalnum(c) != 0 || c >= 0x80 ||
         std::string_view("_/.- :").find(static_cast<char>(c)) != std::string_view::npos;
}

}  // namespace

http::Answer json_answer(const Json& value) { return {.body = formats::html::encode_json(canonical(value))}; }

http::Answer error_answer(int status, std::string_view code, const std::string& message) {
  http::Answer answer = json_answer(Json{{"error_code", code}, {"message", message}});
  answer.status = status;
  return answer;
}

http::Answer error_answer(const Error& error) {
  if (error.hint == kAlreadyExists) return error_answer(400, kAlreadyExists, error.message);
  if (error.hint == kInvalidState) return error_answer(500, kInvalidState, error.message);
  if (error.hint == kBudgetSpent) return error_answer(429, kBudgetSpent, error.message);
  if (error.hint == kNoEndpoint) return error_answer(404, kNoEndpoint, error.message);
  if (error.hint == kUnavailable) return error_answer(503, kUnavailable, error.message);
  switch (error.kind) {
    case ErrorKind::kInvalid: return error_answer(400, "INVALID_PARAMETER_VALUE", error.message);
    case ErrorKind::kLimit: return error_answer(413, "INVALID_PARAMETER_VALUE", error.message);
    case ErrorKind::kNotFound: return error_answer(404, "RESOURCE_DOES_NOT_EXIST", error.message);
    case ErrorKind::kDenied: return error_answer(403, "PERMISSION_DENIED", error.message);
    case ErrorKind::kUnsupported: return error_answer(501, "NOT_IMPLEMENTED", error.message);
    case ErrorKind::kIo: break;
  }
  if (is_disk_full(error)) return error_answer(507, "RESOURCE_EXHAUSTED", "the server's disk is full");
  return error_answer(500, "INTERNAL_ERROR", error.message);
}

Json number_out(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return value;
}

Result<Arguments> Arguments::of(const http::Request& request) {
  Json values = Json::object();
  if (request.method == "GET") {
    for (auto& [name, value] : TRY(http::parse_query(request.query))) {
      Json& slot = values[name];
      if (slot.is_null()) {
        slot = std::move(value);
      } else if (slot.is_array()) {
        slot.push_back(std::move(value));
      } else {
        slot = Json::array({std::move(slot), std::move(value)});
      }
    }
    return Arguments(std::move(values));
  }
  if (request.body.empty()) return Arguments(std::move(values));
  // A page of another site can make a browser send text, but not JSON.
  if (!request.header("Content-Type").starts_with("application/json")) {
    return invalid("Bad Request. Content-Type must be application/json");
  }
  auto parsed = parse_json(as_text(request.body));
  if (!parsed) return invalid("the body is not JSON: " + parsed.error().message);
  if (!parsed->is_object()) return invalid("the body is not a JSON object");
  return Arguments(std::move(*parsed));
}

const Json* Arguments::find(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() || found->is_null() ? nullptr : &*found;
}

bool Arguments::has(std::string_view name) const { return find(name) != nullptr; }

Result<std::string> Arguments::text(std::string_view name) const {
  std::string value = TRY(text_or(name, ""));
  if (value.empty()) return missing(name);
  return value;
}

Result<std::string> Arguments::text_or(std::string_view name, std::string fallback) const {
  const Json* value = find(name);
  if (value == nullptr) return fallback;
  if (value->is_string()) return value->get<std::string>();
  if (value->is_number_integer()) return value->dump();
  return wrong_type(name, "text");
}

Result<std::int64_t> Arguments::integer(std::string_view name) const {
  if (!has(name)) return missing(name);
  return integer_or(name, 0);
}

Result<std::int64_t> Arguments::integer_or(std::string_view name, std::int64_t fallback) const {
  const Json* value = find(name);
  if (value == nullptr) return fallback;
  if (value->is_number_integer()) {
    if (value->is_number_unsigned() &&
        value->get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max()) {
      return wrong_type(name, "a whole number of 64 bits");
    }
    return value->get<std::int64_t>();
  }
  if (value->is_number_float()) {
    const auto number = value->get<double>();
    if (number == std::floor(number) && std::abs(number) < 9e15) return static_cast<std::int64_t>(number);
  }
  if (value->is_string()) {
    const auto out = parsed_number<std::int64_t>(value->get_ref<const std::string&>());
    if (out) return *out;
  }
  return wrong_type(name, "a whole number");
}

Result<double> Arguments::number(std::string_view name) const {
  const Json* value = find(name);
  if (value == nullptr) return missing(name);
  if (value->is_number()) return value->get<double>();
  if (value->is_string()) {
    const auto& text = value->get_ref<const std::string&>();
    if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
    if (text == "Infinity") return std::numeric_limits<double>::infinity();
    if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
    const auto out = parsed_number<double>(text);
    if (out && std::isfinite(*out)) return *out;
  }
  return wrong_type(name, "a number");
}

Result<bool> Arguments::truth_or(std::string_view name, bool fallback) const {
  const Json* value = find(name);
  if (value == nullptr) return fallback;
  if (value->is_boolean()) return value->get<bool>();
  if (*value == "true") return true;
  if (*value == "false") return false;
  return wrong_type(name, "true or false");
}

Result<std::vector<std::string>> Arguments::texts(std::string_view name, std::size_t count_max) const {
  const Json* value = find(name);
  std::vector<std::string> out;
  if (value == nullptr) return out;
  const Json one = value->is_array() ? *value : Json::array({*value});
  if (one.size() > count_max) {
    return invalid("parameter '" + std::string(name) + "' has more than " + std::to_string(count_max) +
                   " values");
  }
  for (const Json& each : one) {
    if (!each.is_string() && !each.is_number_integer()) return wrong_type(name, "a list of texts");
    out.push_back(each.is_string() ? each.get<std::string>() : each.dump());
  }
  return out;
}

Result<std::vector<Arguments>> Arguments::objects(std::string_view name, std::size_t count_max) const {
  const Json* value = find(name);
  std::vector<Arguments> out;
  if (value == nullptr) return out;
  if (!value->is_array()) return wrong_type(name, "a list");
  if (value->size() > count_max) {
    return invalid("parameter '" + std::string(name) + "' has " + std::to_string(value->size()) +
                   " entries; at most " + std::to_string(count_max) + " are taken at once");
  }
  for (const Json& each : *value) {
    if (!each.is_object()) return wrong_type(name, "a list of objects");
    out.emplace_back(each);
  }
  return out;
}

Result<Arguments> Arguments::object(std::string_view name) const {
  const Json* value = find(name);
  if (value == nullptr) return missing(name);
  if (!value->is_object()) return wrong_type(name, "an object");
  return Arguments(*value);
}

std::string page_token(std::int64_t offset) {
  return to_base64(as_bytes(canonical(Json{{"offset", offset}})));
}

Result<std::int64_t> page_offset(const std::string& token) {
  if (token.empty()) return 0;
  const auto refused = [&] { return invalid("Invalid page token " + shown(token)); };
  const auto bytes = from_base64(token);
  if (!bytes) return refused();
  const auto parsed = parse_json(as_text(*bytes));
  if (!parsed || !parsed->is_object()) return refused();
  const auto offset = get_int(*parsed, "offset");
  if (!offset || *offset < 0) return refused();
  return *offset;
}

Result<std::vector<Pair>> pairs(const Arguments& arguments, std::string_view name, std::size_t count_max) {
  std::vector<Pair> out;
  for (const Arguments& one : TRY(arguments.objects(name, count_max))) {
    std::string key = TRY(one.text("key"));
    std::string value = TRY(one.text_or("value", ""));
    out.push_back({std::move(key), std::move(value)});
  }
  return out;
}

Json pairs_out(const std::vector<Pair>& pairs) {
  Json out = Json::array();
  for (const Pair& pair : pairs) out.push_back({{"key", pair.key}, {"value", pair.value}});
  return out;
}

Result<void> check_key(std::string_view what, std::string_view key) {
  const std::string named = "Invalid " + std::string(what) + " name " + shown(key);
  if (key.empty() || key.size() > limits::kEntityKeyBytesMax) {
    return invalid(named + ": a name has 1 to " + std::to_string(limits::kEntityKeyBytesMax) + " bytes");
  }
  if (!std::ranges::all_of(key, [](char c) { return is_key_character(static_cast<unsigned char>(c)); })) {
    return invalid(named + ": names may only contain letters, digits and _ - . / : and blanks");
  }
  const std::string path = "/" + std::string(key) + "/";
  for (const char* part : {"//", "/./", "/../"}) {
    if (path.find(part) != std::string::npos) return invalid(named + ": it is not a plain path");
  }
  return {};
}

Result<void> check_name(std::string_view what, std::string_view name) {
  const std::string named = "Invalid " + std::string(what) + " name " + shown(name);
  if (name.empty() || name.size() > limits::kEntityNameBytesMax) {
    return invalid(named + ": a name has 1 to " + std::to_string(limits::kEntityNameBytesMax) + " bytes");
  }
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::ranges::any_of(name, is_control)) return invalid(named + ": it has a control character");
  return {};
}

Result<void> check_value(std::string_view what, std::string_view key, std::string_view value,
                         std::size_t bytes_max) {
  const std::string named = std::string(what) + " " + shown(key);
  if (value.size() > bytes_max) {
    return invalid(named + ": its value has " + std::to_string(value.size()) + " bytes; at most " +
                   std::to_string(bytes_max) + " are stored");
  }
  if (value.find('\0') != std::string_view::npos) return invalid(named + ": its value has a NUL");
  return {};
}

}  // namespace sallyport::services::tracking
