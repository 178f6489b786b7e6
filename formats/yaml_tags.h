// The tags of a YAML stream (YAML 1.2, chapter 6.8.2): what a loader is asked to construct.
//
// Only the events of the parser are read; nothing is constructed, no alias is expanded, and nesting is
// bounded by yaml-cpp (500). Limit: limits::kYamlDataBytesMax. Pure functions, safe from any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace sallyport::formats {

struct YamlTag {
  std::string tag;  // resolved: "tag:yaml.org,2002:python/object/apply:os.system", "!local"
  std::size_t line = 0;
};

// A scalar that stands behind another one as a key's value does.
struct YamlPair {
  std::string key;
  std::string value;
  std::size_t line = 0;
};

struct YamlTags {
  std::vector<YamlTag> tags = {};    // those up to the error, when there is one; plain scalars have none
  std::vector<YamlPair> pairs = {};  // those whose key was asked for
  std::string error = {};            // "line 3: ..."; empty when the whole stream was read
};

// `wanted` says which keys' values matter; without it none do.
Result<YamlTags> yaml_tags(std::string_view text, bool (*wanted)(std::string_view key) = nullptr);

// Whether a tag is one of YAML's own types or of its registry: str, seq, binary, timestamp, ...
bool is_plain_yaml_tag(std::string_view tag);

}  // namespace sallyport::formats
