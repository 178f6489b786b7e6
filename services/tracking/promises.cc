#include "services/tracking/promises.h"

#include "trust/predicates.h"

namespace sallyport::services::tracking {
namespace {

constexpr std::string_view kRegistrarOnly[] = {trust::role::kRegistrar};

}  // namespace

Result<void> Promises::absorb(const trust::LedgerEntry& entry, const trust::Root& root) {
  const trust::Statement& statement = entry.statement;
  const bool ours = statement.predicate_type == trust::predicate::kVersion ||
                    statement.predicate_type == kGateResult || statement.predicate_type == kAliasMove;
  if (!ours || !trust::verify_envelope(entry.envelope, root, kRegistrarOnly)) return {};
  const Json& said = statement.predicate;
  const std::string model = TRY(get_string(said, "model"));
  const VersionName name{model, TRY(get_int(said, "version"))};
  if (statement.predicate_type == kAliasMove) {
    const std::string alias = TRY(get_string(said, "alias"));
    if (name.version == 0) {
      aliases_.erase({model, alias});
    } else {
      aliases_[{model, alias}] = name.version;
    }
    return {};
  }
  const Digest subject = statement.subjects.front().digest;
  if (statement.predicate_type == trust::predicate::kVersion) {
    promises_.emplace(name, Promise{.manifest = subject});
    return {};
  }
  const auto promised = promises_.find(name);
  if (promised == promises_.end() || promised->second.manifest != subject) return {};
  promised->second.gate_passed = TRY(get_bool(said, "passed"));
  return {};
}

std::optional<Promise> Promises::promise(const VersionName& name) const {
  const auto found = promises_.find(name);
  return found == promises_.end() ? std::nullopt : std::optional(found->second);
}

std::int64_t Promises::last_version(const std::string& model) const {
  std::int64_t last = 0;
  for (auto at = promises_.lower_bound({model, 0}); at != promises_.end() && at->first.model == model; ++at) {
    last = at->first.version;
  }
  return last;
}

std::optional<std::int64_t> Promises::alias(const std::string& model, const std::string& alias) const {
  const auto found = aliases_.find({model, alias});
  return found == aliases_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace sallyport::services::tracking
