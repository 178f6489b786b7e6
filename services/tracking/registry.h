// Registered models and their versions, as the store holds them and as the notary promised them.
//
// For the thread that holds the session.
#pragma once

#include <string>

#include "services/tracking/call.h"

namespace sallyport::services::tracking {

inline constexpr std::string_view kPending = "PENDING_REGISTRATION";
inline constexpr std::string_view kReady = "READY";
inline constexpr std::string_view kFailed = "FAILED_REGISTRATION";

struct Model {
  std::int64_t number = 0;
  std::string name = {};
  std::string description = {};
  std::int64_t created_ms = 0;
  std::int64_t updated_ms = 0;
  std::string author = {};

  Resource resource() const { return {Kind::kModel, name}; }
};
inline constexpr std::string_view kModelColumns =
    "m.id, m.name, m.description, m.created, m.updated, m.author";
Model model_in(const Row& row, std::size_t at);
// The model that the call names, once its principal may do that with it.
Result<Model> required_model(Call& call, Session& session, Verb verb);
Result<Json> model_out(Session& session, const Model& model);

struct Version {
  std::int64_t number = 0;  // the key of its rows
  std::int64_t version = 0;
  std::string source = {};  // as it was given
  std::string prefix = {};  // where its files are
  std::string run_id = {};
  std::string model_id = {};
  std::string description = {};
  std::string stage = {};
  std::string status = {};
  std::string message = {};
  std::string manifest = {};
  std::int64_t created_ms = 0;
  std::int64_t updated_ms = 0;
  std::string author = {};
  Model model = {};

  VersionName name() const { return {model.name, version}; }
};
inline constexpr std::string_view kVersionColumns =
    "v.id, v.version, v.source, v.prefix, v.run_id, v.model_id, v.description, v.stage, v.status, v.message, "
    "v.manifest, v.created, v.updated, v.author, m.id, m.name, m.description, m.created, m.updated, m.author";
inline constexpr std::string_view kVersionTables =
    " FROM versions v JOIN registered_models m ON m.id = v.model ";
Version version_in(const Row& row);
Result<Version> version_named(Session& session, const VersionName& name);
Result<Version> required_version(Call& call, Session& session, Verb verb);
Result<Json> version_out(Session& session, const Version& version);

// The version's bytes, if its gate has passed and the store still says what the notary promised.
Result<trust::Manifest> ready_manifest(Call& call, Session& session, const VersionName& name);
Result<void> check_ready(const Notary& notary, const Version& version);

// Whether the policy asks for approvals before that alias, or that stage, moves. The case does not matter.
bool is_protected(const Policy& policy, const std::string& name);

Result<void> check_model_name(const std::string& name);

}  // namespace sallyport::services::tracking
