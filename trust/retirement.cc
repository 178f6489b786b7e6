#include "trust/retirement.h"

#include <algorithm>

#include "core/json.h"
#include "trust/statement.h"

namespace sallyport::trust {
namespace {

constexpr std::size_t kReasonBytesMax = 1'000;

struct Floor {
  std::int64_t version = 0;
  std::uint64_t log_index = 0;
  std::string reason = {};
};

// Roles are alternatives, so each is asked about alone.
bool is_signed(const LedgerEntry& entry, const Root& root) {
  const auto signers = verify_signatures(entry.envelope, root);
  if (!signers) return false;
  return std::ranges::any_of(*signers, [&](const std::string& keyid) {
    for (const std::string_view name : {role::kApprover, role::kRegistrar}) {
      const Role* one = root.find_role(name);
      if (one != nullptr && one->keyids.contains(keyid)) return true;
    }
    return false;
  });
}

Floor floor_of(const Ledger& ledger, const Root& root, const std::string& model) {
  Floor out;
  for (const LedgerEntry* entry : ledger.find_type(predicate::kRetirement)) {
    const auto said = parse_retirement(entry->statement.predicate);
    if (!said || said->model != model || said->floor <= out.version || !is_signed(*entry, root)) continue;
    out = {said->floor, entry->index, said->reason};
  }
  return out;
}

}  // namespace

Json to_json(const RetirementPredicate& retirement) {
  return {{"model", retirement.model}, {"floor", retirement.floor}, {"reason", retirement.reason}};
}

Result<RetirementPredicate> parse_retirement(const Json& predicate) {
  TRY(only_members(predicate, {"model", "floor", "reason"}));
  RetirementPredicate out;
  out.model = TRY(get_string(predicate, "model"));
  out.floor = TRY(get_int(predicate, "floor"));
  out.reason = TRY(get_string(predicate, "reason"));
  if (out.floor < 2 || out.reason.size() > kReasonBytesMax)
    return invalid("retirement: a floor below 2, or a long reason");
  return out;
}

std::int64_t version_floor(const Ledger& ledger, const Root& root, const std::string& model) {
  return floor_of(ledger, root, model).version;
}

Result<void> check_not_retired(const Ledger& ledger, const Root& root, const std::string& model,
                               std::int64_t version) {
  const Floor floor = floor_of(ledger, root, model);
  if (version >= floor.version) return {};
  return fail(ErrorKind::kDenied,
              "version " + std::to_string(version) + " of " + model + " was retired (log #" +
                  std::to_string(floor.log_index) + ", " + shown(floor.reason) + ")",
              "use version " + std::to_string(floor.version) + " or later");
}

}  // namespace sallyport::trust
