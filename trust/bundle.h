// bundle.json: what each file of an exported model is for, bound by its digest.
//
//   {"format": "sallyport-bundle/1",
//    "parts": [{"path": "labels.json", "role": "labels", "sha256": "…", "size": 42}, …]}
//
// Every other file of the directory is a part, sorted by path, so that no label map, prompt or generation
// setting can be changed, added or left out beside intact weights. Whoever signs the directory, or
// bundle.json alone, signs them all. The role is taken from the name and is for people and loaders; what
// binds is the digest. Limits: core/limits/bundle.h. Values only; safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/digest.h"
#include "trust/manifest.h"

namespace sallyport::trust {

inline constexpr std::string_view kBundleFile = "bundle.json";

enum class PartRole : std::uint8_t {
  kWeights,
  kLabels,         // class names in the order of the outputs
  kPreprocessing,  // what is done to an input before the weights see it
  kGolden,         // inputs whose answers are known
  kInterface,      // names, types and shapes of inputs and outputs
  kPrompt,         // system prompts and chat templates
  kGeneration,     // temperature, stop tokens and the like
  kTokenizer,
  kDescription,  // bills of materials, cards, licences
  kOther,
};
std::string_view name_of(PartRole role);
// By the file's name, as the ecosystem's tools and ours write it.
PartRole part_role_of(std::string_view path);

struct Part {
  std::string path = {};
  PartRole role = PartRole::kOther;
  Digest sha256 = {};
  std::uint64_t size = 0;

  bool operator==(const Part&) const = default;
};

struct Bundle {
  std::vector<Part> parts = {};  // sorted by path

  const Part* find(std::string_view path) const;
  // The first part of that role, or nullptr.
  const Part* find(PartRole role) const;
  bool operator==(const Bundle&) const = default;
};

// The files of a directory; bundle.json itself is none of its parts.
Bundle bundle_of(const Manifest& manifest);
std::string serialize(const Bundle& bundle);
// Strict: known members and roles, sorted and unique safe paths, never bundle.json itself.
Result<Bundle> parse_bundle(BytesView bytes);

// Where the directory is not what the bundle says, one line a file: changed, missing, added.
std::vector<std::string> check_bundle(const Bundle& bundle, const Manifest& manifest);

}  // namespace sallyport::trust
