#include "trust/witnessed.h"

#include "core/limits/witness.h"

namespace sallyport::trust {

fs::path witness_policy_file(const Workspace& workspace) { return workspace.root / "log.policy"; }

Result<std::optional<WitnessPolicy>> load_witness_policy(const Workspace& workspace) {
  const fs::path file = witness_policy_file(workspace);
  const Result<Bytes> bytes = workspace.env->read_file(file, limits::kWitnessPolicyBytesMax);
  if (!bytes && bytes.error().kind == ErrorKind::kNotFound) return std::optional<WitnessPolicy>();
  if (!bytes) return std::unexpected(bytes.error());
  Result<WitnessPolicy> policy = parse_witness_policy(as_text(*bytes));
  if (!policy) return within(file.string(), policy.error());
  return std::optional<WitnessPolicy>(std::move(*policy));
}

Result<std::optional<Witnessed>> check_witnesses(const Workspace& workspace, Log& log, const LogKeys& keys,
                                                 std::int64_t now_unix_s,
                                                 std::optional<std::int64_t> age_max_s) {
  const auto policy = TRY(load_witness_policy(workspace));
  if (age_max_s && !(policy && policy->quorum)) {
    return fail(ErrorKind::kDenied,
                witness_policy_file(workspace).string() + ": no quorum of witnesses is demanded there",
                "only witnesses can say how old a log is: `sallyport help log cosign` shows a policy");
  }
  if (!policy) return std::optional<Witnessed>();
  const std::string hint = "ask the witnesses: sallyport log cosign";
  std::string note = TRY(read_cosigned(*workspace.env, workspace.log_directory()));
  if (!policy->quorum) note = log.signed_checkpoint();
  if (note.empty()) return fail(ErrorKind::kDenied, "log: no quorum of witnesses has cosigned it", hint);
  Result<Witnessed> by = check_witnessed(
      note, *policy,
      {.now_unix_s = now_unix_s, .age_max_s = age_max_s, .keys = &keys.keys, .origin = keys.origin});
  if (!by) {
    by.error().hint = hint;
    return within("log", by.error());
  }
  TRY(check_extends(by->checkpoint, log, "the witnesses have cosigned"));
  const std::uint64_t newer = log.size() - by->checkpoint.size;
  if (newer == 0) return std::optional<Witnessed>(std::move(*by));
  return fail(ErrorKind::kDenied,
              "log: " + std::to_string(newer) + " of its " + std::to_string(log.size()) +
                  " entries wait for the witnesses",
              hint);
}

}  // namespace sallyport::trust
