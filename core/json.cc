#include "core/json.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "core/limits.h"

namespace sallyport {
namespace {

// Builds the value through the library's own DOM callback and refuses what it would let pass.
class StrictBuilder : public nlohmann::detail::json_sax_dom_parser<Json> {
 public:
  using Base = nlohmann::detail::json_sax_dom_parser<Json>;
  explicit StrictBuilder(Json& target) : Base(target, false) {}

  bool start_object(std::size_t count) {
    keys_.emplace_back();
    return enter() && Base::start_object(count);
  }
  bool end_object() {
    keys_.pop_back();
    --depth_;
    return Base::end_object();
  }
  bool start_array(std::size_t count) { return enter() && Base::start_array(count); }
  bool end_array() {
    --depth_;
    return Base::end_array();
  }
  bool key(std::string& name) {
    if (!keys_.back().insert(name).second) {
      error_ = "duplicate key '" + name + "'";
      return false;
    }
    return Base::key(name);
  }
  bool number_float(double value, const std::string& text) {
    if (!std::isfinite(value)) {
      error_ = "number out of range: " + text;
      return false;
    }
    return Base::number_float(value, text);
  }
  template <class Exception>
  bool parse_error(std::size_t position, const std::string& token, const Exception&) {
    error_ = "syntax error at byte " + std::to_string(position) + " near '" + token.substr(0, 40) + "'";
    return false;
  }
  const std::string& error() const { return error_; }

 private:
  bool enter() {
    if (++depth_ <= limits::kJsonDepthMax) return true;
    error_ = "nested deeper than " + std::to_string(limits::kJsonDepthMax);
    return false;
  }

  std::vector<std::set<std::string>> keys_;
  std::string error_;
  int depth_ = 0;
};

template <class Check>
Result<const Json*> member(const Json& object, std::string_view name, const char* wanted, Check check) {
  if (!object.is_object()) return invalid("an object was expected, got " + std::string(object.type_name()));
  const auto found = object.find(name);
  if (found == object.end()) return invalid("member '" + std::string(name) + "' is missing");
  if (!check(*found)) {
    return invalid("member '" + std::string(name) + "' must be " + wanted + ", is " + found->type_name());
  }
  return &*found;
}

}  // namespace

Result<Json> parse_json(std::string_view text) {
  if (text.size() > limits::kJsonBytesMax) return fail(ErrorKind::kLimit, "json: larger than 64 MiB");
  Json root;
  StrictBuilder builder(root);
  try {
    if (Json::sax_parse(text, &builder, Json::input_format_t::json, true)) return root;
  } catch (const nlohmann::json::exception& error) {
    return invalid(std::string("json: ") + error.what());
  }
  return invalid("json: " + (builder.error().empty() ? std::string("syntax error") : builder.error()));
}

std::string canonical(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}
std::string pretty(const Json& value) {
  return value.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<std::string> get_string(const Json& object, std::string_view name) {
  return TRY(member(object, name, "text", [](const Json& v) { return v.is_string(); }))->get<std::string>();
}
Result<std::int64_t> get_int(const Json& object, std::string_view name) {
  const Json* value = TRY(member(object, name, "an integer", [](const Json& v) {
    return v.is_number_integer() && (!v.is_number_unsigned() || v.get<std::uint64_t>() <= INT64_MAX);
  }));
  return value->get<std::int64_t>();
}
Result<double> get_number(const Json& object, std::string_view name) {
  return TRY(member(object, name, "a number", [](const Json& v) { return v.is_number(); }))->get<double>();
}
Result<bool> get_bool(const Json& object, std::string_view name) {
  return TRY(member(object, name, "true or false", [](const Json& v) { return v.is_boolean(); }))
      ->get<bool>();
}
Result<Json> get_array(const Json& object, std::string_view name) {
  return Json(*TRY(member(object, name, "an array", [](const Json& v) { return v.is_array(); })));
}
Result<Json> get_object(const Json& object, std::string_view name) {
  return Json(*TRY(member(object, name, "an object", [](const Json& v) { return v.is_object(); })));
}

Result<void> only_members(const Json& object, std::initializer_list<std::string_view> allowed) {
  if (!object.is_object()) return invalid("an object was expected, got " + std::string(object.type_name()));
  for (const auto& [name, value] : object.items()) {
    if (std::find(allowed.begin(), allowed.end(), name) == allowed.end()) {
      return invalid("unknown member '" + name + "'");
    }
  }
  return {};
}

}  // namespace sallyport
