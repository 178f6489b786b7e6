#include "services/tracking/artifacts.h"

#include <set>

#include "core/text.h"
#include "services/http/url.h"
#include "services/tracking/registry.h"

namespace sallyport::services::tracking {
namespace {

// Who owns a path: an experiment, through one of its runs or models, or a registered version.
struct Place {
  std::optional<Experiment> experiment = {};
  std::optional<VersionName> version = {};
  std::string rest = {};  // below the version
};

std::vector<std::string> split(const std::string& path) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    out.push_back(path.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

std::string without_slash(std::string path) {
  while (path.ends_with('/')) path.pop_back();
  return path;
}

std::unexpected<Error> no_place(const std::string& path) {
  return not_found("no run, model or version has artifacts at " + shown(path));
}

Result<Place> place_of_version(const std::vector<std::string>& parts, const std::string& path) {
  Place place;
  if (parts.size() < 3) return no_place(path);
  const auto number = parsed_number<std::int64_t>(parts[2]);
  if (!number) return no_place(path);
  place.version = VersionName{parts[1], *number};
  for (std::size_t at = 3; at < parts.size(); ++at) place.rest += (at == 3 ? "" : "/") + parts[at];
  return place;
}

// A name that means another to a client which decodes it once more, or which cuts what follows a ';'.
bool has_second_reading(const std::string& path) {
  for (const std::string& segment : split(path)) {
    const auto again = http::percent_decode(segment);
    if (!again) continue;  // a '%' that escapes nothing
    const std::string_view name = std::string_view(*again).substr(0, again->find(';'));
    const bool leads_out =
        name == "." || name == ".." || name.find_first_of("/\\%") != std::string_view::npos;
    if (leads_out) return true;
  }
  return false;
}

Result<Place> place_of(Session& session, const std::string& path) {
  if (path.empty() || path.find('\\') != std::string::npos || !trust::check_relative_path(path) ||
      has_second_reading(path)) {
    return invalid("Invalid path " + shown(path));
  }
  const std::vector<std::string> parts = split(path);
  if (parts[0] == "versions") return place_of_version(parts, path);
  const bool of_model = parts.size() >= 4 && parts[1] == "models" && parts[3] == "artifacts";
  const bool of_run = parts.size() >= 3 && parts[1] != "models" && parts[2] == "artifacts";
  if (!of_model && !of_run) return no_place(path);
  const auto owner =
      of_model ? TRY(session.first("SELECT experiment FROM logged_models WHERE model_id = ?", {parts[2]}))
               : TRY(session.first("SELECT experiment FROM runs WHERE run_id = ?", {parts[1]}));
  if (!owner || std::to_string(integer_at(*owner, 0)) != parts[0]) return no_place(path);
  Place place;
  place.experiment = TRY(experiment_by_id(session, parts[0]));
  return place;
}

// A registered version is read through its model's name; everything else through its experiment's.
Result<Place> permitted(Call& call, Session& session, const std::string& path, Verb verb) {
  const Place place = TRY(place_of(session, path));
  if (place.experiment) {
    TRY(call.require(verb, place.experiment->resource()));
    return place;
  }
  TRY(call.require(verb, {Kind::kModel, place.version->model}));
  if (verb != Verb::kRead)
    return denied("the bytes of a registered version are never changed: " + shown(path));
  return place;
}

Result<void> check_unsealed(Session& session, const std::string& path) {
  std::string ancestor = path;
  while (true) {
    if (const auto seal = TRY(session.first("SELECT reason FROM seals WHERE prefix = ?", {ancestor}))) {
      return denied(shown(path) + " is sealed: " + text_at(*seal, 0));
    }
    const std::size_t slash = ancestor.rfind('/');
    if (slash == std::string::npos) return {};
    ancestor.resize(slash);
  }
}

// '0' is the character behind '/': all paths below `prefix` are between the two.
Result<std::vector<Row>> rows_below(Session& session, const std::string& prefix) {
  return session.query("SELECT path, digest, size FROM artifacts WHERE path > ? AND path < ? ORDER BY path",
                       {prefix + "/", prefix + "0"});
}

Json listing(const trust::Manifest& manifest, const std::string& below) {
  Json files = Json::array();
  std::set<std::string> folders;
  const std::string start = below.empty() ? "" : below + "/";
  for (const trust::ManifestEntry& entry : manifest.entries) {
    if (!entry.path.starts_with(start)) continue;
    const std::string rest = entry.path.substr(start.size());
    if (const std::size_t slash = rest.find('/'); slash != std::string::npos) {
      if (folders.insert(rest.substr(0, slash)).second) {
        files.push_back({{"path", rest.substr(0, slash)}, {"is_dir", true}});
      }
      continue;
    }
    files.push_back({{"path", rest}, {"is_dir", false}, {"file_size", entry.size}});
  }
  return Json{{"files", std::move(files)}};
}

http::Answer streamed(const Blob& blob, std::shared_ptr<http::Source> source) {
  http::Answer answer{.content_type = "application/octet-stream"};
  answer.headers.emplace_back("Content-Disposition", "attachment");
  answer.headers.emplace_back("X-Sallyport-SHA256", blob.digest.hex());
  answer.source = std::move(source);
  answer.source_bytes = blob.size;
  return answer;
}

// A path names a file or a folder, never both: otherwise no directory on a disk could hold it.
Result<void> check_no_clash(Session& session, const std::string& path) {
  if (!TRY(rows_below(session, path)).empty()) return invalid(shown(path) + " is a folder");
  std::string ancestor = path;
  for (std::size_t slash; (slash = ancestor.rfind('/')) != std::string::npos;) {
    ancestor.resize(slash);
    if (TRY(session.first("SELECT 1 FROM artifacts WHERE path = ?", {ancestor}))) {
      return invalid(shown(ancestor) + " is a file");
    }
  }
  return {};
}

Result<void> check_writable(Call& call, Session& session, const std::string& path, Verb verb) {
  TRY(permitted(call, session, path, verb));
  return check_unsealed(session, path);
}

}  // namespace

Result<trust::Manifest> manifest_below(Session& session, const std::string& prefix) {
  trust::Manifest manifest;
  for (const Row& row : TRY(rows_below(session, prefix))) {
    trust::ManifestEntry entry{.path = text_at(row, 0).substr(prefix.size() + 1)};
    entry.size = static_cast<std::uint64_t>(integer_at(row, 2));
    entry.sha256 = TRY(Digest::parse(text_at(row, 1)));
    manifest.entries.push_back(std::move(entry));
  }
  return manifest;
}

Result<void> seal_prefix(Session& session, const std::string& prefix, const std::string& reason) {
  return session.execute("INSERT INTO seals (prefix, reason) VALUES (?, ?) ON CONFLICT DO NOTHING",
                         {prefix, reason});
}

Result<http::Answer> list_artifacts(Call& call, const std::string& asked) {
  const std::string path = without_slash(asked);
  return reading(call.store(), [&](Session& session) -> Result<http::Answer> {
    const Place place = TRY(permitted(call, session, path, Verb::kRead));
    if (place.version) {
      return json_answer(listing(TRY(ready_manifest(call, session, *place.version)), place.rest));
    }
    return json_answer(listing(TRY(manifest_below(session, path)), ""));
  });
}

Result<http::Answer> get_artifact(Call& call, const std::string& path) {
  const Blob blob = TRY(reading(call.store(), [&](Session& session) -> Result<Blob> {
    const Place place = TRY(permitted(call, session, path, Verb::kRead));
    if (place.version) {
      const trust::Manifest manifest = TRY(ready_manifest(call, session, *place.version));
      const trust::ManifestEntry* entry = manifest.find(place.rest);
      if (entry == nullptr) return not_found("No artifact at " + shown(path));
      return Blob{entry->sha256, entry->size};
    }
    const auto row = TRY(session.first("SELECT digest, size FROM artifacts WHERE path = ?", {path}));
    if (!row) return not_found("No artifact at " + shown(path));
    return Blob{TRY(Digest::parse(text_at(*row, 0))), static_cast<std::uint64_t>(integer_at(*row, 1))};
  }));
  return streamed(blob, TRY(call.parts().blobs.read(blob)));
}

Result<http::Answer> delete_artifacts(Call& call, const std::string& asked) {
  const std::string path = without_slash(asked);
  return writing(call.store(), [&](Session& session) -> Result<http::Answer> {
    TRY(check_writable(call, session, path, Verb::kDelete));
    const auto seal = TRY(
        session.first("SELECT reason FROM seals WHERE prefix > ? AND prefix < ?", {path + "/", path + "0"}));
    if (seal) return denied("something below " + shown(path) + " is sealed: " + text_at(*seal, 0));
    TRY(session.execute("DELETE FROM artifacts WHERE path = ? OR (path > ? AND path < ?)",
                        {path, path + "/", path + "0"}));
    return json_answer(Json::object());
  });
}

Result<std::unique_ptr<Upload>> begin_artifact(Call& call, const std::string& path) {
  TRY(reading(call.store(), [&](Session& session) -> Result<bool> {
    TRY(check_writable(call, session, path, Verb::kWrite));
    return true;
  }));
  return call.parts().blobs.begin();
}

Result<http::Answer> finish_artifact(Call& call, const std::string& path, Upload& upload) {
  const Blob blob = TRY(upload.commit());
  return writing(call.store(), [&](Session& session) -> Result<http::Answer> {
    TRY(check_writable(call, session, path, Verb::kWrite));
    TRY(check_no_clash(session, path));
    TRY(
        session.execute("INSERT INTO artifacts (path, digest, size, author, created) VALUES (?, ?, ?, ?, ?) "
                        "ON CONFLICT (path) DO UPDATE SET digest = excluded.digest, size = excluded.size, "
                        "author = excluded.author, created = excluded.created",
                        {path, blob.digest.hex(), static_cast<std::int64_t>(blob.size), call.principal().name,
                         call.now_ms()}));
    return json_answer(Json::object());
  });
}

}  // namespace sallyport::services::tracking
