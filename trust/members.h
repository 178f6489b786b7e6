// Members that the predicates of statements share: digests, times, counts, and artifacts by name.
//
// Error when a member is missing, of another type or out of range. Pure functions, safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/digest.h"
#include "core/json.h"
#include "trust/predicates.h"

namespace sallyport::trust {

Result<Digest> get_digest(const Json& object, std::string_view name);
// Seconds since 1970, written as RFC 3339.
Result<std::int64_t> get_time(const Json& object, std::string_view name);
Result<std::int64_t> get_count(const Json& object, std::string_view name, std::int64_t least);

// [{"name", "digest"}]
Json named_json(const std::vector<NamedDigest>& values);
Result<std::vector<NamedDigest>> get_named(const Json& object, std::string_view name);

// A version as people write it: a whole number from 1 on, and nothing else.
std::optional<std::int64_t> version_number(std::string_view text);

}  // namespace sallyport::trust
