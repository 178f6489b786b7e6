#include "trust/bundle.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/json.h"
#include "core/limits/bundle.h"

namespace sallyport::trust {
namespace {

constexpr std::string_view kFormat = "sallyport-bundle/1";

constexpr std::pair<PartRole, std::string_view> kRoles[] = {
    {PartRole::kWeights, "weights"},
    {PartRole::kLabels, "labels"},
    {PartRole::kPreprocessing, "preprocessing"},
    {PartRole::kGolden, "golden"},
    {PartRole::kInterface, "interface"},
    {PartRole::kPrompt, "prompt"},
    {PartRole::kGeneration, "generation"},
    {PartRole::kTokenizer, "tokenizer"},
    {PartRole::kDescription, "description"},
    {PartRole::kOther, "other"},
};

Result<PartRole> role_from(std::string_view text) {
  for (const auto& [role, name] : kRoles) {
    if (name == text) return role;
  }
  return invalid("role: " + shown(text) + " is none");
}

struct NamedRole {
  std::string_view name;  // of the file; "*.onnx" goes by the end
  PartRole role;
};

constexpr NamedRole kNames[] = {
    {"labels.json", PartRole::kLabels},
    {"id2label.json", PartRole::kLabels},
    {"labels.txt", PartRole::kLabels},
    {"classes.txt", PartRole::kLabels},
    {"preprocessing.json", PartRole::kPreprocessing},
    {"preprocessor_config.json", PartRole::kPreprocessing},
    {"processor_config.json", PartRole::kPreprocessing},
    {"image_processor.json", PartRole::kPreprocessing},
    {"feature_extractor.json", PartRole::kPreprocessing},
    {"golden.json", PartRole::kGolden},
    {"metadata.json", PartRole::kInterface},
    {"config.json", PartRole::kInterface},
    {"signature.json", PartRole::kInterface},
    {"MLmodel", PartRole::kInterface},
    {"chat_template.json", PartRole::kPrompt},
    {"*.jinja", PartRole::kPrompt},
    {"*.jinja2", PartRole::kPrompt},
    {"*.prompt", PartRole::kPrompt},
    {"prompt.txt", PartRole::kPrompt},
    {"system_prompt.txt", PartRole::kPrompt},
    {"system_prompt.md", PartRole::kPrompt},
    {"config_sentence_transformers.json", PartRole::kPrompt},
    {"generation_config.json", PartRole::kGeneration},
    {"tokenizer.json", PartRole::kTokenizer},
    {"tokenizer_config.json", PartRole::kTokenizer},
    {"special_tokens_map.json", PartRole::kTokenizer},
    {"added_tokens.json", PartRole::kTokenizer},
    {"tokenizer.model", PartRole::kTokenizer},
    {"vocab.txt", PartRole::kTokenizer},
    {"vocab.json", PartRole::kTokenizer},
    {"merges.txt", PartRole::kTokenizer},
    {"bom.cdx.json", PartRole::kDescription},
    {"croissant.json", PartRole::kDescription},
    {"README.md", PartRole::kDescription},
    {"LICENSE", PartRole::kDescription},
    {"*.onnx", PartRole::kWeights},
    {"*.safetensors", PartRole::kWeights},
    {"*.gguf", PartRole::kWeights},
    {"*.tflite", PartRole::kWeights},
    {"*.pt", PartRole::kWeights},
    {"*.pth", PartRole::kWeights},
    {"*.pkl", PartRole::kWeights},
    {"*.joblib", PartRole::kWeights},
    {"*.skops", PartRole::kWeights},
    {"*.h5", PartRole::kWeights},
    {"*.keras", PartRole::kWeights},
    {"*.msgpack", PartRole::kWeights},
    {"*.npz", PartRole::kWeights},
    {"*.bin", PartRole::kWeights},
    {"*.pb", PartRole::kWeights},
    {"*.ubj", PartRole::kWeights},
};

Result<Part> read_part(const Json& json) {
  if (!json.is_object()) return invalid("an object was expected");
  TRY(only_members(json, {"path", "role", "sha256", "size"}));
  Part part{.path = TRY(get_string(json, "path"))};
  TRY(check_relative_path(part.path));
  if (part.path == kBundleFile) return invalid("a bundle is none of its own parts");
  part.role = TRY(role_from(TRY(get_string(json, "role"))));
  part.sha256 = TRY(Digest::parse(TRY(get_string(json, "sha256"))));
  const std::int64_t size = TRY(get_int(json, "size"));
  if (size < 0) return invalid("size: must not be negative");
  part.size = static_cast<std::uint64_t>(size);
  return part;
}

}  // namespace

std::string_view name_of(PartRole role) {
  for (const auto& [known, name] : kRoles) {
    if (known == role) return name;
  }
  return "other";
}

PartRole part_role_of(std::string_view path) {
  const std::string_view file = path.substr(path.rfind('/') + 1);
  for (const auto& [name, role] : kNames) {
    const bool by_end = name.front() == '*';
    if (by_end ? file.ends_with(name.substr(1)) : file == name) return role;
  }
  return PartRole::kOther;
}

const Part* Bundle::find(std::string_view path) const {
  const auto at =
      std::find_if(parts.begin(), parts.end(), [&](const Part& part) { return part.path == path; });
  return at == parts.end() ? nullptr : &*at;
}

const Part* Bundle::find(PartRole role) const {
  const auto at =
      std::find_if(parts.begin(), parts.end(), [&](const Part& part) { return part.role == role; });
  return at == parts.end() ? nullptr : &*at;
}

Bundle bundle_of(const Manifest& manifest) {
  Bundle bundle;
  for (const ManifestEntry& entry : manifest.entries) {
    if (entry.mode == EntryMode::kEmptyDirectory || entry.path == kBundleFile) continue;
    bundle.parts.push_back({entry.path, part_role_of(entry.path), entry.sha256, entry.size});
  }
  return bundle;
}

std::string serialize(const Bundle& bundle) {
  Json parts = Json::array();
  for (const Part& part : bundle.parts) {
    parts.push_back({{"path", part.path},
                     {"role", name_of(part.role)},
                     {"sha256", part.sha256.hex()},
                     {"size", part.size}});
  }
  return pretty(Json{{"format", kFormat}, {"parts", std::move(parts)}});
}

Result<Bundle> parse_bundle(BytesView bytes) {
  if (bytes.size() > limits::kBundleBytesMax) {
    return fail(ErrorKind::kLimit, "bundle.json: over " + std::to_string(limits::kBundleBytesMax) + " bytes");
  }
  const Json json = TRY(parse_json(as_text(bytes)));
  if (!json.is_object()) return invalid("bundle.json: an object was expected");
  TRY(only_members(json, {"format", "parts"}));
  if (TRY(get_string(json, "format")) != kFormat)
    return invalid("bundle.json: not of the format that we know");
  const Json parts = TRY(get_array(json, "parts"));
  if (parts.size() > limits::kBundlePartsMax) {
    return fail(ErrorKind::kLimit, "bundle.json: over " + std::to_string(limits::kBundlePartsMax) + " parts");
  }
  Bundle bundle;
  for (const Json& item : parts) {
    auto part = read_part(item);
    if (!part) return within("bundle.json: part " + std::to_string(bundle.parts.size()), part.error());
    if (!bundle.parts.empty() && !(bundle.parts.back().path < part->path)) {
      return invalid("bundle.json: " + shown(part->path) + " is out of order or stands twice");
    }
    bundle.parts.push_back(std::move(*part));
  }
  return bundle;
}

std::vector<std::string> check_bundle(const Bundle& bundle, const Manifest& manifest) {
  std::vector<std::string> out;
  const Bundle found = bundle_of(manifest);
  for (const Part& part : bundle.parts) {
    const Part* const there = found.find(part.path);
    const std::string what = part.path + ", its " + std::string(name_of(part.role)) + " part,";
    if (there == nullptr) {
      out.push_back(what + " is missing");
    } else if (there->sha256 != part.sha256 || there->size != part.size) {
      out.push_back(what + " was changed");
    }
  }
  for (const Part& part : found.parts) {
    if (bundle.find(part.path) == nullptr) out.push_back(part.path + " is no part of the bundle");
  }
  return out;
}

}  // namespace sallyport::trust
