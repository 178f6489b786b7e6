// Registered models: their names, descriptions and tags.
#include <algorithm>
#include <cctype>
#include <map>

#include "core/limits/tracking.h"
#include "services/tracking/entities.h"
#include "services/tracking/query.h"
#include "services/tracking/registry.h"
#include "services/tracking/routes.h"

namespace sallyport::services::tracking {
namespace {

constexpr Searched::Attribute kModelAttributes[] = {
    {"name", "m.name"},
    {"creation_timestamp", "m.created", true},
    {"last_updated_timestamp", "m.updated", true},
    {"timestamp", "m.updated", true},
};
constexpr Searched kModels{.what = "registered model",
                           .attributes = kModelAttributes,
                           .self = "m.id",
                           .owner = "model",
                           .tags = "registered_model_tags",
                           .absent_tag_differs = true};

Result<void> write_model_tag(Session& session, std::int64_t model, const Pair& tag) {
  TRY(check_key("tag", tag.key));
  TRY(check_value("tag", tag.key, tag.value, limits::kTagBytesMax));
  return session.execute(
      "INSERT INTO registered_model_tags (model, key, value) VALUES (?, ?, ?) "
      "ON CONFLICT (model, key) DO UPDATE SET value = excluded.value",
      {model, tag.key, tag.value});
}

Result<Json> updated_model(Call& call, Session& session, const Model& model) {
  TRY(session.execute("UPDATE registered_models SET updated = ? WHERE id = ?",
                      {call.now_ms(), model.number}));
  return Json{{"registered_model", TRY(model_out(session, model))}};
}

}  // namespace

Result<Json> create_registered_model(Call& call) {
  const std::string name = TRY(call.arguments().text("name"));
  TRY(check_model_name(name));
  TRY(call.require(Verb::kWrite, {Kind::kModel, name}));
  const std::string description = TRY(call.arguments().text_or("description", ""));
  TRY(check_value("description", name, description, limits::kTagBytesMax));
  const auto tags = TRY(pairs(call.arguments(), "tags", limits::kTagsPerCreationMax));
  return writing(call.store(), [&](Session& session) -> Result<Json> {
    if (TRY(session.first("SELECT id FROM registered_models WHERE name = ?", {name}))) {
      return already_exists("Registered Model (name=" + name + ") already exists.");
    }
    TRY(
        session.execute("INSERT INTO registered_models (name, description, created, updated, author) "
                        "VALUES (?, ?, ?, ?, ?)",
                        {name, description, call.now_ms(), call.now_ms(), call.principal().name}));
    const Model model = TRY(required_model(call, session, Verb::kWrite));
    for (const Pair& tag : tags) TRY(write_model_tag(session, model.number, tag));
    return Json{{"registered_model", TRY(model_out(session, model))}};
  });
}

Result<Json> get_registered_model(Call& call) {
  return reading(call.store(), [&](Session& session) -> Result<Json> {
    const Model model = TRY(required_model(call, session, Verb::kRead));
    return Json{{"registered_model", TRY(model_out(session, model))}};
  });
}

Result<Json> update_registered_model(Call& call) {
  const std::string description = TRY(call.arguments().text_or("description", ""));
  TRY(check_value("description", "description", description, limits::kTagBytesMax));
  return writing(call.store(), [&](Session& session) -> Result<Json> {
    Model model = TRY(required_model(call, session, Verb::kWrite));
    TRY(session.execute("UPDATE registered_models SET description = ? WHERE id = ?",
                        {description, model.number}));
    model.description = description;
    return updated_model(call, session, model);
  });
}

// The versions keep their promises: they are made again under the new name, which nobody else may have used.
namespace {

// What was promised of a model's versions and aliases is promised again under its new name, with what it was
// called before: the database alone moves nothing. An alias that the policy protects was approved for one
// name, not for another.
Result<void> promise_again(Call& call, Session& session, const Model& model, const std::string& to) {
  Notary& notary = call.parts().notary;
  const auto versions = TRY(session.query(
      "SELECT version, manifest, status, message FROM versions WHERE model = ? ORDER BY version",
      {model.number}));
  const auto aliases =
      TRY(session.query("SELECT alias, version FROM aliases WHERE model = ? ORDER BY alias", {model.number}));
  for (const Row& row : aliases) {
    if (!call.parts().access.knows_principals()) break;
    if (is_protected(call.parts().policy, text_at(row, 0))) {
      return denied("alias " + text_at(row, 0) + " of " + model.name +
                    " is protected: register the version again as " + to + " and have it approved");
    }
  }
  std::map<std::int64_t, Digest> manifests;
  for (const Row& row : versions) {
    const std::int64_t version = integer_at(row, 0);
    const auto promise = notary.promise({model.name, version});
    if (text_at(row, 2) == kPending || !promise || promise->manifest.hex() != text_at(row, 1)) {
      return denied(model.name + " version " + std::to_string(version) + " is " + text_at(row, 2) +
                    " or not what was promised: it cannot be renamed");
    }
    manifests[version] = promise->manifest;
  }
  for (const auto& [version, manifest] : manifests) {
    const VersionName name{to, version};
    const bool passed = notary.promise({model.name, version})->gate_passed;
    if (!notary.promise(name)) TRY(notary.seal(name, manifest));
    TRY(notary.attest_gate(name, manifest, Json{{"renamed_from", model.name}}, passed));
  }
  for (const Row& row : aliases) {
    const auto found = manifests.find(integer_at(row, 1));
    if (found == manifests.end()) continue;
    TRY(notary.move_alias(to, text_at(row, 0), found->first, found->second,
                          Json::array({call.principal().name})));
  }
  return {};
}

}  // namespace

Result<Json> rename_registered_model(Call& call) {
  const std::string to = TRY(call.arguments().text("new_name"));
  TRY(check_model_name(to));
  TRY(call.require(Verb::kWrite, {Kind::kModel, to}));
  const Notary& notary = call.parts().notary;
  return writing(call.store(), [&](Session& session) -> Result<Json> {
    Model model = TRY(required_model(call, session, Verb::kDelete));
    const bool taken =
        TRY(session.first("SELECT id FROM registered_models WHERE name = ?", {to})).has_value();
    if (taken || notary.last_version(to) > 0) {
      return already_exists("Registered Model (name=" + to + ") already exists.");
    }
    if (notary.last_version(model.name) > 0) TRY(promise_again(call, session, model, to));
    TRY(session.execute("UPDATE registered_models SET name = ? WHERE id = ?", {to, model.number}));
    model.name = to;
    return updated_model(call, session, model);
  });
}

// What was promised stays in the log, so a model of the same name that comes later counts on from there.
Result<Json> delete_registered_model(Call& call) {
  return writing(call.store(), [&](Session& session) -> Result<Json> {
    const Model model = TRY(required_model(call, session, Verb::kDelete));
    const Value number = model.number;
    TRY(session.execute("DELETE FROM version_tags WHERE version IN (SELECT id FROM versions WHERE model = ?)",
                        {number}));
    for (const char* table : {"versions", "aliases", "approvals", "registered_model_tags"}) {
      TRY(session.execute("DELETE FROM " + std::string(table) + " WHERE model = ?", {number}));
    }
    TRY(session.execute("DELETE FROM registered_models WHERE id = ?", {number}));
    return Json::object();
  });
}

Result<Json> search_registered_models(Call& call) {
  const Arguments& arguments = call.arguments();
  call.filters_by_leave();
  const Page page = TRY(page_of(arguments, 100, limits::kSearchResultsDefault));
  Clause clause{.sql = "SELECT " + std::string(kModelColumns) + " FROM registered_models m WHERE 1 = 1"};
  TRY(add_conditions(clause, kModels, TRY(parse_filter(TRY(arguments.text_or("filter", ""))))));
  std::vector<Order> orders;
  for (const std::string& text : TRY(arguments.texts("order_by", limits::kOrderByMax))) {
    orders.push_back(TRY(parse_order(text)));
  }
  TRY(add_orders(clause, kModels, orders, "m.name"));
  return reading(call.store(), [&](Session& session) -> Result<Json> {
    Json found = Json::array();
    Json out = Json::object();
    std::int64_t seen = 0;
    for (const Row& row : TRY(session.query(clause.sql, clause.values))) {
      const Model model = model_in(row, 0);
      if (!call.may(Verb::kRead, model.resource()) || seen++ < page.offset) continue;
      if (std::ssize(found) == page.count) {
        out["next_page_token"] = page_token(page.offset + page.count);
        break;
      }
      found.push_back(TRY(model_out(session, model)));
    }
    out["registered_models"] = std::move(found);
    return out;
  });
}

Result<Json> get_latest_versions(Call& call) {
  const auto stages = TRY(call.arguments().texts("stages", limits::kOrderByMax));
  return reading(call.store(), [&](Session& session) -> Result<Json> {
    const Model model = TRY(required_model(call, session, Verb::kRead));
    Json out = Json::array();
    const Json whole = TRY(model_out(session, model));
    for (const Json& version : whole["latest_versions"]) {
      const auto stage = version["current_stage"].get<std::string>();
      const auto same = [&](const std::string& wanted) {
        return wanted.size() == stage.size() &&
               std::ranges::equal(wanted, stage, [](unsigned char a, unsigned char b) {
                 return std::tolower(a) == std::tolower(b);
               });
      };
      if (stages.empty() || std::ranges::any_of(stages, same)) out.push_back(version);
    }
    return Json{{"model_versions", std::move(out)}};
  });
}

Result<Json> set_registered_model_tag(Call& call) {
  const std::string key = TRY(call.arguments().text("key"));
  const std::string value = TRY(call.arguments().text_or("value", ""));
  return writing(call.store(), [&](Session& session) -> Result<Json> {
    TRY(write_model_tag(session, TRY(required_model(call, session, Verb::kWrite)).number, {key, value}));
    return Json::object();
  });
}

Result<Json> delete_registered_model_tag(Call& call) {
  const std::string key = TRY(call.arguments().text("key"));
  return writing(call.store(), [&](Session& session) -> Result<Json> {
    const Model model = TRY(required_model(call, session, Verb::kWrite));
    TRY(session.execute("DELETE FROM registered_model_tags WHERE model = ? AND key = ?",
                        {model.number, key}));
    return Json::object();
  });
}

}  // namespace sallyport::services::tracking
