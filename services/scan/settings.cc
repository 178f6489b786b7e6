#include "services/scan/settings.h"

#include <algorithm>

#include "services/scan/packs.h"
#include "trust/keys.h"

namespace sallyport::services::scan {
namespace {

constexpr std::int64_t kThreadsMax = 256;
constexpr std::int64_t kDepthMax = 64;

Result<std::int64_t> number_or(const Json& json, const char* name, std::int64_t fallback) {
  return json.contains(name) ? get_int(json, name) : Result<std::int64_t>(fallback);
}

Result<std::string> text_or_none(const Json& json, const char* name) {
  return json.contains(name) ? get_string(json, name) : Result<std::string>("");
}

}  // namespace

Result<ScanOptions> read_options(Env& env, const Settings& settings) {
  for (const std::int64_t number : {settings.threads, settings.depth_max, settings.layers_max,
                                    settings.unpacked_mb_max, settings.file_mb_max}) {
    if (number < 0) return invalid("scan: a limit below zero");
  }
  if (settings.packs_folder.empty() != settings.packs_key_file.empty()) {
    return invalid("scan: packs and the key that signed them go together",
                   "sallyport sign-pack makes signed packs");
  }
  ScanOptions out;
  out.now_unix_s = env.now_unix_s();
  if (!settings.policy_file.empty()) {
    const Bytes text = TRY(env.read_file(settings.policy_file, limits::kYamlBytesMax));
    out.policy = TRY(parse_policy(as_text(text), settings.policy_file.string()));
  }
  if (!settings.packs_folder.empty()) {
    const trust::PublicKey key = TRY(trust::load_public_key(env, settings.packs_key_file));
    out.packs = TRY(load_packs(env, settings.packs_folder, key));
  }
  out.explain = settings.explain;
  out.threads = static_cast<unsigned>(std::min(settings.threads, kThreadsMax));
  out.depth_max = static_cast<int>(std::min(settings.depth_max, kDepthMax));
  out.layers_max = static_cast<std::uint64_t>(settings.layers_max);
  out.unpacked_bytes_max = static_cast<std::uint64_t>(settings.unpacked_mb_max) * limits::kMiB;
  if (settings.file_mb_max > 0) {
    out.file_bytes_max = static_cast<std::uint64_t>(settings.file_mb_max) * limits::kMiB;
  }
  return out;
}

Result<Settings> parse_settings(std::string_view text) {
  const Json json = TRY(parse_json(text));
  if (!json.is_object()) return invalid("scan: the settings are no JSON object");
  for (const auto& [name, value] : json.items()) {
    constexpr std::string_view kKnown[] = {"policy",  "packs",     "packs_key",  "explain",
                                           "threads", "max_depth", "max_layers", "max_unpacked_mb",
                                           "max_file_mb"};
    if (std::find(std::begin(kKnown), std::end(kKnown), name) == std::end(kKnown)) {
      return invalid("scan: there is no setting '" + name + "'");
    }
  }
  Settings out;
  out.policy_file = TRY(text_or_none(json, "policy"));
  out.packs_folder = TRY(text_or_none(json, "packs"));
  out.packs_key_file = TRY(text_or_none(json, "packs_key"));
  out.explain = json.contains("explain") && TRY(get_bool(json, "explain"));
  out.threads = TRY(number_or(json, "threads", out.threads));
  out.depth_max = TRY(number_or(json, "max_depth", out.depth_max));
  out.layers_max = TRY(number_or(json, "max_layers", out.layers_max));
  out.unpacked_mb_max = TRY(number_or(json, "max_unpacked_mb", out.unpacked_mb_max));
  out.file_mb_max = TRY(number_or(json, "max_file_mb", out.file_mb_max));
  return out;
}

}  // namespace sallyport::services::scan
