#include "services/tracking/registry.h"

#include <charconv>

#include "core/limits/tracking.h"
#include "services/tracking/entities.h"

namespace sallyport::services::tracking {
namespace {

Result<Json> tags_of(Session& session, const std::string& sql, std::int64_t owner) {
  Json out = Json::array();
  for (const Row& row : TRY(session.query(sql, {owner}))) {
    out.push_back({{"key", text_at(row, 0)}, {"value", text_at(row, 1)}});
  }
  return out;
}

std::unexpected<Error> no_version(const VersionName& name) {
  return not_found("Model Version (name=" + name.model + ", version=" + std::to_string(name.version) +
                   ") not found");
}

}  // namespace

Model model_in(const Row& row, std::size_t at) {
  return {.number = integer_at(row, at),
          .name = text_at(row, at + 1),
          .description = text_at(row, at + 2),
          .created_ms = integer_at(row, at + 3),
          .updated_ms = integer_at(row, at + 4),
          .author = text_at(row, at + 5)};
}

Result<Model> required_model(Call& call, Session& session, Verb verb) {
  const std::string name = TRY(call.arguments().text("name"));
  TRY(call.require(verb, {Kind::kModel, name}));
  const auto row = TRY(session.first(
      "SELECT " + std::string(kModelColumns) + " FROM registered_models m WHERE m.name = ?", {name}));
  if (!row) return not_found("Registered Model with name=" + name + " not found");
  return model_in(*row, 0);
}

Result<Json> model_out(Session& session, const Model& model) {
  Json out{{"name", model.name},
           {"creation_timestamp", model.created_ms},
           {"last_updated_timestamp", model.updated_ms}};
  if (!model.author.empty()) out["user_id"] = model.author;
  if (!model.description.empty()) out["description"] = model.description;
  out["tags"] = TRY(tags_of(
      session, "SELECT key, value FROM registered_model_tags WHERE model = ? ORDER BY key", model.number));
  Json aliases = Json::array();
  for (const Row& row : TRY(session.query("SELECT alias, version FROM aliases WHERE model = ? ORDER BY alias",
                                          {model.number}))) {
    aliases.push_back({{"alias", text_at(row, 0)}, {"version", std::to_string(integer_at(row, 1))}});
  }
  out["aliases"] = std::move(aliases);
  Json latest = Json::array();
  for (const Row& row :
       TRY(session.query("SELECT " + std::string(kVersionColumns) + std::string(kVersionTables) +
                             "WHERE v.model = ? AND v.version = (SELECT max(o.version) FROM versions o WHERE "
                             "o.model = v.model "
                             "AND o.stage = v.stage) ORDER BY v.version",
                         {model.number}))) {
    latest.push_back(TRY(version_out(session, version_in(row))));
  }
  out["latest_versions"] = std::move(latest);
  return out;
}

Version version_in(const Row& row) {
  Version out{.number = integer_at(row, 0),
              .version = integer_at(row, 1),
              .source = text_at(row, 2),
              .prefix = text_at(row, 3),
              .run_id = text_at(row, 4),
              .model_id = text_at(row, 5),
              .description = text_at(row, 6),
              .stage = text_at(row, 7),
              .status = text_at(row, 8),
              .message = text_at(row, 9),
              .manifest = text_at(row, 10),
              .created_ms = integer_at(row, 11),
              .updated_ms = integer_at(row, 12),
              .author = text_at(row, 13)};
  out.model = model_in(row, 14);
  return out;
}

Result<Version> version_named(Session& session, const VersionName& name) {
  const auto row = TRY(session.first("SELECT " + std::string(kVersionColumns) + std::string(kVersionTables) +
                                         "WHERE m.name = ? AND v.version = ?",
                                     {name.model, name.version}));
  if (!row) return no_version(name);
  return version_in(*row);
}

Result<Version> required_version(Call& call, Session& session, Verb verb) {
  VersionName name{.model = TRY(call.arguments().text("name"))};
  name.version = TRY(call.arguments().integer("version"));
  TRY(call.require(verb, {Kind::kModel, name.model}));
  return version_named(session, name);
}

Result<Json> version_out(Session& session, const Version& version) {
  Json out{{"name", version.model.name},
           {"version", std::to_string(version.version)},
           {"creation_timestamp", version.created_ms},
           {"last_updated_timestamp", version.updated_ms},
           {"current_stage", version.stage},
           {"source", version.source},
           {"status", version.status}};
  if (!version.message.empty()) out["status_message"] = version.message;
  if (!version.run_id.empty()) out["run_id"] = version.run_id;
  if (!version.model_id.empty()) out["model_id"] = version.model_id;
  if (!version.description.empty()) out["description"] = version.description;
  if (!version.author.empty()) out["user_id"] = version.author;
  out["tags"] = TRY(
      tags_of(session, "SELECT key, value FROM version_tags WHERE version = ? ORDER BY key", version.number));
  Json aliases = Json::array();
  for (const Row& row :
       TRY(session.query("SELECT alias FROM aliases WHERE model = ? AND version = ? ORDER BY alias",
                         {version.model.number, version.version}))) {
    aliases.push_back(text_at(row, 0));
  }
  out["aliases"] = std::move(aliases);
  return out;
}

Result<void> check_ready(const Notary& notary, const Version& version) {
  const auto promise = notary.promise(version.name());
  const std::string named = version.model.name + " version " + std::to_string(version.version);
  if (!promise || promise->manifest.hex() != version.manifest) {
    return denied(named + ": the database does not say what was signed and logged: it was changed");
  }
  if (promise->gate_passed) return {};
  return denied(named + " is " + version.status + ", not READY" +
                (version.message.empty() ? "" : ": " + version.message));
}

Result<trust::Manifest> ready_manifest(Call& call, Session& session, const VersionName& name) {
  const Version version = TRY(version_named(session, name));
  TRY(check_ready(call.parts().notary, version));
  return call.parts().blobs.manifest(TRY(Digest::parse(version.manifest)));
}

Result<void> check_model_name(const std::string& name) {
  TRY(check_name("registered model", name));
  if (name.find_first_of("/\\:%#?") == std::string::npos && name != "." && name != "..") return {};
  return invalid("Invalid registered model name " + shown(name) + ": it must not contain / \\ : % # or ?");
}

}  // namespace sallyport::services::tracking
