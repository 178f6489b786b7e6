#include "trust/members.h"


#include "core/env.h"
#include "core/text.h"

namespace sallyport::trust {

Json named_json(const std::vector<NamedDigest>& values) {
  Json out = Json::array();
  for (const NamedDigest& value : values)
    out.push_back({{"name", value.name}, {"digest", value.digest.hex()}});
  return out;
}

Result<Digest> get_digest(const Json& object, std::string_view name) {
  return Digest::parse(TRY(get_string(object, name)));
}

Result<std::vector<NamedDigest>> get_named(const Json& object, std::string_view name) {
  std::vector<NamedDigest> out;
  for (const Json& item : TRY(get_array(object, name))) {
    TRY(only_members(item, {"name", "digest"}));
    NamedDigest one;
    one.name = TRY(get_string(item, "name"));
    one.digest = TRY(get_digest(item, "digest"));
    out.push_back(std::move(one));
  }
  return out;
}

Result<std::int64_t> get_time(const Json& object, std::string_view name) {
  return parse_time(TRY(get_string(object, name)));
}

Result<std::int64_t> get_count(const Json& object, std::string_view name, std::int64_t least) {
  const std::int64_t value = TRY(get_int(object, name));
  if (value < least) {
    return invalid("member '" + std::string(name) + "' must be at least " + std::to_string(least) + ", is " +
                   std::to_string(value));
  }
  return value;
}

std::optional<std::int64_t> version_number(std::string_view text) {
  const auto out = parsed_number<std::int64_t>(text);
  return out && *out >= 1 ? out : std::nullopt;
}

}  // namespace sallyport::trust
