// Versions of registered models: registering seals what was uploaded, and the gate decides.
#include <algorithm>
#include <charconv>

#include "core/limits/tracking.h"
#include "services/tracking/artifacts.h"
#include "services/tracking/gatekeeper.h"
#include "services/tracking/query.h"
#include "services/tracking/registry.h"
#include "services/tracking/routes.h"

namespace sallyport::services::tracking {
namespace {

constexpr Searched::Attribute kVersionAttributes[] = {
    {"name", "m.name"},
    {"run_id", "v.run_id"},
    {"source_path", "v.source"},
    {"source_model_id", "v.model_id"},
    {"version_number", "v.version", true},
    {"version", "v.version", true},
    {"creation_timestamp", "v.created", true},
    {"last_updated_timestamp", "v.updated", true},
    {"status", "v.status"},
};
constexpr Searched kVersions{.what = "model version",
                             .attributes = kVersionAttributes,
                             .self = "v.id",
                             .owner = "version",
                             .tags = "version_tags",
                             .absent_tag_differs = true};

// Where the bytes are that a version is made of, and on whose behalf they may be read.
struct Origin {
  std::string prefix = {};
  Experiment experiment = {};
};

Result<Origin> origin_of_run(Session& session, const std::string& rest) {
  const std::size_t slash = rest.find('/');
  const Run run = TRY(run_by_id(session, rest.substr(0, slash)));
  const std::string path = slash == std::string::npos ? "" : rest.substr(slash + 1);
  std::string prefix = std::to_string(run.experiment.id) + "/" + run.run_id + "/artifacts";
  if (!path.empty()) prefix += "/" + path;
  return Origin{prefix, run.experiment};
}

Result<Origin> origin_of_model(Session& session, const std::string& id) {
  const auto row = TRY(session.first("SELECT experiment FROM logged_models WHERE model_id = ?", {id}));
  if (!row) return not_found("Logged model with ID " + shown(id) + " not found");
  Origin out;
  out.experiment = TRY(experiment_by_id(session, std::to_string(integer_at(*row, 0))));
  out.prefix = std::to_string(out.experiment.id) + "/models/" + id + "/artifacts";
  return out;
}

// Only what this server keeps can be registered: any other source would make it fetch, or its clients load,
// what nobody has searched.
Result<Origin> origin_of(Session& session, const std::string& source) {
  const auto behind = [&](std::string_view scheme) { return source.substr(scheme.size()); };
  Origin out;
  if (source.starts_with("models:/m-")) {
    out = TRY(origin_of_model(session, behind("models:/")));
  } else if (source.starts_with("runs:/")) {
    out = TRY(origin_of_run(session, behind("runs:/")));
  } else if (source.starts_with(kArtifactScheme)) {
    out.prefix = behind(kArtifactScheme);
    const std::size_t slash = out.prefix.find('/');
    out.experiment = TRY(experiment_by_id(session, out.prefix.substr(0, slash)));
  } else {
    return invalid("Invalid model version source " + shown(source) +
                   ": runs:/RUN/PATH, models:/MODEL or an artifact of this server was expected");
  }
  while (out.prefix.ends_with('/')) out.prefix.pop_back();
  const bool in_artifacts = (out.prefix + "/").find("/artifacts/") != std::string::npos;
  if (!in_artifacts || !trust::check_relative_path(out.prefix) ||
      out.prefix.find_first_of("\\?#%;") != std::string::npos) {
    return invalid("Invalid model version source " + shown(source));
  }
  return out;
}

Result<void> write_version_tag(Session& session, std::int64_t version, const Pair& tag) {
  TRY(check_key("tag", tag.key));
  TRY(check_value("tag", tag.key, tag.value, limits::kTagBytesMax));
  return session.execute(
      "INSERT INTO version_tags (version, key, value) VALUES (?, ?, ?) "
      "ON CONFLICT (version, key) DO UPDATE SET value = excluded.value",
      {version, tag.key, tag.value});
}

struct Registered {
  Json answer = {};
  VersionName name = {};
  trust::Manifest manifest = {};
};

Result<Registered> register_version(Call& call, Session& session, const std::vector<Pair>& tags) {
  const Arguments& arguments = call.arguments();
  const Model model = TRY(required_model(call, session, Verb::kWrite));
  const std::string source = TRY(arguments.text("source"));
  TRY(check_value("source", "source", source, limits::kUriBytesMax));
  const Origin origin = TRY(origin_of(session, source));
  TRY(call.require(Verb::kRead, origin.experiment.resource()));
  Registered out{.manifest = TRY(manifest_below(session, origin.prefix))};
  if (out.manifest.entries.empty()) return invalid("Unable to find a model at source " + shown(source));
  const std::string run_id = TRY(arguments.text_or("run_id", ""));
  // A version that borrows another run's name would borrow its good name too.
  if (!run_id.empty() && TRY(run_by_id(session, run_id)).experiment.id != origin.experiment.id) {
    return denied("run " + run_id + " is not of the experiment that the source is of");
  }
  const std::string description = TRY(arguments.text_or("description", ""));
  TRY(check_value("description", model.name, description, limits::kTagBytesMax));
  const auto last = TRY(session.first("SELECT max(version) FROM versions WHERE model = ?", {model.number}));
  out.name = {model.name,
              std::max(last ? integer_at(*last, 0) : 0, call.parts().notary.last_version(model.name)) + 1};
  TRY(seal_prefix(session, origin.prefix,
                  "registered as " + model.name + " version " + std::to_string(out.name.version)));
  TRY(session.execute(
      "INSERT INTO versions (model, version, source, prefix, run_id, model_id, description, stage, status, "
      "message, manifest, created, updated, author) VALUES (?, ?, ?, ?, ?, ?, ?, 'None', ?, ?, ?, ?, ?, ?)",
      {model.number, out.name.version, source, origin.prefix, run_id, TRY(arguments.text_or("model_id", "")),
       description, std::string(kPending), std::string("waiting for its gate"),
       trust::digest_of(out.manifest).hex(), call.now_ms(), call.now_ms(), call.principal().name}));
  const Version version = TRY(version_named(session, out.name));
  for (const Pair& tag : tags) TRY(write_version_tag(session, version.number, tag));
  out.answer = Json{{"model_version", TRY(version_out(session, version))}};
  return out;
}

}  // namespace

Result<Json> create_model_version(Call& call) {
  const auto tags = TRY(pairs(call.arguments(), "tags", limits::kTagsPerCreationMax));
  Registered made = TRY(writing(call.store(), [&](Session& session) -> Result<Registered> {
    return register_version(call, session, tags);
  }));
  call.parts().gatekeeper.enqueue(made.name, std::move(made.manifest));
  return made.answer;
}

Result<Json> get_model_version(Call& call) {
  return reading(call.store(), [&](Session& session) -> Result<Json> {
    const Version version = TRY(required_version(call, session, Verb::kRead));
    return Json{{"model_version", TRY(version_out(session, version))}};
  });
}

Result<Json> update_model_version(Call& call) {
  const std::string description = TRY(call.arguments().text_or("description", ""));
  TRY(check_value("description", "description", description, limits::kTagBytesMax));
  return writing(call.store(), [&](Session& session) -> Result<Json> {
    const Version version = TRY(required_version(call, session, Verb::kWrite));
    TRY(session.execute("UPDATE versions SET description = ?, updated = ? WHERE id = ?",
                        {description, call.now_ms(), version.number}));
    return Json{{"model_version", TRY(version_out(session, TRY(version_named(session, version.name()))))}};
  });
}

Result<Json> delete_model_version(Call& call) {
  return writing(call.store(), [&](Session& session) -> Result<Json> {
    const Version version = TRY(required_version(call, session, Verb::kDelete));
    const auto alias = TRY(session.first("SELECT alias FROM aliases WHERE model = ? AND version = ?",
                                         {version.model.number, version.version}));
    if (alias) return denied("alias " + text_at(*alias, 0) + " points at this version: move it first");
    TRY(session.execute("DELETE FROM version_tags WHERE version = ?", {version.number}));
    TRY(session.execute("DELETE FROM versions WHERE id = ?", {version.number}));
    return Json::object();
  });
}

// The gate of every load: the client fetches what this names, and checks nothing itself.
Result<Json> get_model_version_download_uri(Call& call) {
  return reading(call.store(), [&](Session& session) -> Result<Json> {
    const Version version = TRY(required_version(call, session, Verb::kRead));
    TRY(check_ready(call.parts().notary, version));
    return Json{{"artifact_uri", std::string(kArtifactScheme) + "versions/" + version.model.name + "/" +
                                     std::to_string(version.version)}};
  });
}

Result<Json> search_model_versions(Call& call) {
  const Arguments& arguments = call.arguments();
  call.filters_by_leave();
  const Page page = TRY(page_of(arguments, 10'000, limits::kSearchResultsMax));
  Clause clause{.sql =
                    "SELECT " + std::string(kVersionColumns) + std::string(kVersionTables) + "WHERE 1 = 1"};
  TRY(add_conditions(clause, kVersions, TRY(parse_filter(TRY(arguments.text_or("filter", ""))))));
  std::vector<Order> orders;
  for (const std::string& text : TRY(arguments.texts("order_by", limits::kOrderByMax))) {
    orders.push_back(TRY(parse_order(text)));
  }
  TRY(add_orders(clause, kVersions, orders, "v.updated DESC, m.name, v.version DESC"));
  return reading(call.store(), [&](Session& session) -> Result<Json> {
    Json found = Json::array();
    Json out = Json::object();
    std::int64_t seen = 0;
    for (const Row& row : TRY(session.query(clause.sql, clause.values))) {
      const Version version = version_in(row);
      if (!call.may(Verb::kRead, version.model.resource()) || seen++ < page.offset) continue;
      if (std::ssize(found) == page.count) {
        out["next_page_token"] = page_token(page.offset + page.count);
        break;
      }
      found.push_back(TRY(version_out(session, version)));
    }
    out["model_versions"] = std::move(found);
    return out;
  });
}

Result<Json> set_model_version_tag(Call& call) {
  const std::string key = TRY(call.arguments().text("key"));
  const std::string value = TRY(call.arguments().text_or("value", ""));
  return writing(call.store(), [&](Session& session) -> Result<Json> {
    TRY(write_version_tag(session, TRY(required_version(call, session, Verb::kWrite)).number, {key, value}));
    return Json::object();
  });
}

Result<Json> delete_model_version_tag(Call& call) {
  const std::string key = TRY(call.arguments().text("key"));
  return writing(call.store(), [&](Session& session) -> Result<Json> {
    const Version version = TRY(required_version(call, session, Verb::kWrite));
    TRY(session.execute("DELETE FROM version_tags WHERE version = ? AND key = ?", {version.number, key}));
    return Json::object();
  });
}

}  // namespace sallyport::services::tracking
