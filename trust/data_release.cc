#include "trust/data_release.h"

#include <algorithm>

#include "core/limits/data_versions.h"
#include "trust/data_version.h"
#include "trust/members.h"

namespace sallyport::trust {
namespace {

constexpr std::string_view kFormat = "sallyport-data-lock/1";

Result<DataPin> read_pin(const Json& json) {
  if (!json.is_object()) return invalid("an object was expected");
  TRY(only_members(json, {"manifest", "publisher", "version"}));
  DataPin out{.publisher = TRY(get_string(json, "publisher"))};
  if (!out.publisher.empty()) TRY(PublicKey::from_pem(out.publisher));
  out.version = TRY(get_count(json, "version", 0));
  out.manifest = TRY(get_digest(json, "manifest"));
  return out;
}

}  // namespace

Statement statement_of(const DataRelease& release) {
  return {{{"data", release.manifest}},
          std::string(predicate::kDataRelease),
          {{"name", release.name},
           {"version", release.version},
           {"expires", format_time(release.expires_unix_s)}}};
}

Result<DataRelease> read_release(BytesView bytes, const PublicKey& publisher) {
  if (bytes.size() > limits::kStatementBytesMax) return fail(ErrorKind::kLimit, "release.json: too long");
  const Envelope envelope = TRY(parse_envelope(bytes));
  TRY(verify_envelope(envelope, {&publisher, 1}, 1));
  const Statement statement = TRY(trust::statement_of(envelope));
  if (statement.predicate_type != predicate::kDataRelease || statement.subjects.size() != 1) {
    return invalid("release.json: says something else");
  }
  TRY(only_members(statement.predicate, {"name", "version", "expires"}));
  DataRelease out{.name = TRY(get_string(statement.predicate, "name"))};
  TRY(check_data_word("name", out.name));
  out.version = TRY(get_count(statement.predicate, "version", 1));
  out.expires_unix_s = TRY(get_time(statement.predicate, "expires"));
  out.manifest = statement.subjects.front().digest;
  return out;
}

Manifest released_part(const Manifest& folder) {
  Manifest out = folder;
  std::erase_if(out.entries, [](const ManifestEntry& entry) { return entry.path == kReleaseFile; });
  return out;
}

Result<DataLock> parse_data_lock(BytesView bytes) {
  if (bytes.size() > limits::kStatementBytesMax) return fail(ErrorKind::kLimit, "data.lock: too long");
  const Json json = TRY(parse_json(as_text(bytes)));
  if (!json.is_object()) return invalid("data.lock: an object was expected");
  TRY(only_members(json, {"datasets", "format"}));
  if (TRY(get_string(json, "format")) != kFormat) return invalid("data.lock: not of the format that we know");
  DataLock out;
  const Json datasets = TRY(get_object(json, "datasets"));
  for (const auto& [name, pin] : datasets.items()) {
    TRY(check_data_word("data.lock: name", name));
    auto read = read_pin(pin);
    if (!read) return within("data.lock: " + name, read.error());
    out.pins.emplace(name, std::move(*read));
  }
  return out;
}

std::string serialize(const DataLock& lock) {
  Json pins = Json::object();
  for (const auto& [name, pin] : lock.pins) {
    pins[name] = {{"manifest", pin.manifest.hex()}, {"publisher", pin.publisher}, {"version", pin.version}};
  }
  return pretty(Json{{"datasets", std::move(pins)}, {"format", kFormat}});
}

Result<DataPin> next_pin(const DataPin& pin, const std::string& name, const Manifest& folder,
                         const Bytes* release, std::int64_t now_unix_s) {
  const Digest manifest = digest_of(released_part(folder));
  if (release == nullptr) {
    if (manifest == pin.manifest) return pin;
    return fail(ErrorKind::kDenied,
                name + ": is not what data.lock has, and no release of its publisher says so",
                "take it from the publisher, or have it signed by them");
  }
  if (pin.publisher.empty()) {
    if (manifest == pin.manifest) return pin;
    return fail(ErrorKind::kDenied, name + ": data.lock knows no publisher whose word could exchange it");
  }
  const auto said = read_release(*release, TRY(PublicKey::from_pem(pin.publisher)));
  if (!said) {
    return fail(ErrorKind::kDenied,
                name + ": its release is not the pinned publisher's: " + said.error().message);
  }
  if (said->name != name) return fail(ErrorKind::kDenied, name + ": its release is of " + shown(said->name));
  if (said->manifest != manifest) {
    return fail(ErrorKind::kDenied, name + ": its files are not those that the publisher signed");
  }
  if (said->version < pin.version) {
    return fail(ErrorKind::kDenied, name + ": version " + std::to_string(said->version) +
                                        " is older than version " + std::to_string(pin.version) +
                                        ", which was taken before");
  }
  if (said->version == pin.version && manifest != pin.manifest) {
    return fail(ErrorKind::kDenied,
                name + ": the publisher signed two contents as version " + std::to_string(said->version));
  }
  if (now_unix_s >= said->expires_unix_s) {
    return fail(ErrorKind::kDenied, name + ": its release expired on " + format_time(said->expires_unix_s),
                "a newer one should be there; a mirror that hides it looks like this");
  }
  return DataPin{.publisher = pin.publisher, .version = said->version, .manifest = manifest};
}

}  // namespace sallyport::trust
