// What some stages' links need beside their gate: a producer's batch, a seal, a version, an evaluation.
#include <algorithm>

#include "trust/chain_walk.h"

namespace sallyport::trust {
void ChainWalk::check_stage(const Visit& visit, bool needs_evaluation) {
  const GatePredicate& gate = visit.judged.gate;
  Result<void> good;
  if (gate.stage == Stage::kAcquisition) good = check_batches(gate);
  if (gate.stage == Stage::kPreparation) good = check_seal(visit);
  if (gate.stage == Stage::kRegistry) good = check_version(gate);
  if (gate.stage == Stage::kValidation) {
    const Result<std::string> evaluated = check_evaluation(visit);
    if (evaluated) links_[visit.link].text += ", " + *evaluated;
    if (!evaluated && needs_evaluation) good = std::unexpected(evaluated.error());
  }
  if (!good) fail_link(visit.link, good.error());
}

// A file is covered by a logged batch that its producer signed, or is such a batch's own envelope.
bool ChainWalk::is_covered(const Digest& file) const {
  static constexpr std::string_view kRoles[] = {role::kProducer};
  const auto holds = [&](const LedgerEntry& entry) {
    return entry.statement.predicate_type == predicate::kBatch && parse_batch(entry.statement.predicate) &&
           verify_envelope(entry.envelope, root_, kRoles);
  };
  const LedgerEntry* own = ledger_.find_envelope(file);
  if (own != nullptr && holds(*own)) return true;
  const auto entries = ledger_.find_subject(file);
  return std::any_of(entries.begin(), entries.end(), [&](const LedgerEntry* entry) { return holds(*entry); });
}

Result<void> ChainWalk::check_batches(const GatePredicate& gate) const {
  const Store store = workspace_.store();
  const auto refuse = [](const std::string& name, const Digest& digest) -> Result<void> {
    return fail(
        ErrorKind::kDenied,
        "feed file " + name + " sha256:" + digest.brief() + "... has no batch statement by the producer",
        "ask the producer to sign the batch, then run the pipeline again");
  };
  if (gate.inputs.empty()) return invalid("it names no feed", "run the acquisition again");
  for (const NamedDigest& input : gate.inputs) {
    if (is_covered(input.digest)) continue;
    if (!store.has(input.digest) || !TRY(store.is_directory(input.digest)))
      return refuse(input.name, input.digest);
    const Manifest feed = TRY(store.manifest(input.digest));
    for (const ManifestEntry& entry : feed.entries) {
      if (entry.mode == EntryMode::kEmptyDirectory || is_covered(entry.sha256)) continue;
      return refuse(input.name + "/" + entry.path, entry.sha256);
    }
  }
  return {};
}

// One output is sealed by lead and audit, the one named `test` when there is one, and before any training
// that is in the chain: an evaluation split that is chosen afterwards proves nothing.
Result<void> ChainWalk::check_seal(const Visit& visit) const {
  static constexpr std::string_view kRoles[] = {role::kLead, role::kAudit};
  std::uint64_t trained = UINT64_MAX;
  for (const auto& [index, other] : visits_) {
    if (other.judged.gate.stage == Stage::kTraining) trained = std::min(trained, index);
  }
  const auto& outputs = visit.judged.entry->statement.subjects;
  const bool has_test =
      std::any_of(outputs.begin(), outputs.end(), [](const auto& o) { return o.name == "test"; });
  std::optional<Error> refusal;
  for (const NamedDigest& output : outputs) {
    if (has_test && output.name != "test") continue;
    for (const LedgerEntry* entry : ledger_.find_subject(output.digest)) {
      if (entry->statement.predicate_type != predicate::kSeal) continue;
      const auto signers = verify_envelope(entry->envelope, root_, kRoles);
      if (!signers) {
        refusal = signers.error();
        refusal->message = "the seal at " + log_place(entry->index) + " " + refusal->message;
      } else if (entry->index > trained) {
        refusal = Error{ErrorKind::kDenied,
                        "the split was sealed at " + log_place(entry->index) + ", after the training at " +
                            log_place(trained),
                        "train again, now that the split is sealed"};
      } else {
        return {};
      }
    }
  }
  if (refusal) return std::unexpected(*refusal);
  return fail(ErrorKind::kDenied, "the evaluation split has no seal by lead and audit",
              "run the preparation again with both keys at hand");
}

Result<void> ChainWalk::check_version(const GatePredicate& gate) const {
  static constexpr std::string_view kRoles[] = {role::kRegistrar};
  for (const NamedDigest& input : gate.inputs) {
    for (const LedgerEntry* entry : ledger_.find_subject(input.digest)) {
      if (entry->statement.predicate_type == predicate::kVersion &&
          parse_version(entry->statement.predicate) && verify_envelope(entry->envelope, root_, kRoles)) {
        return {};
      }
    }
  }
  return fail(ErrorKind::kDenied, "the registrar has signed no version of what the registry took in",
              "run the registry stage again with the registrar's key at hand");
}

// An evaluator's unexpired statement about something that the validation read or wrote; the newest that
// holds.
Result<std::string> ChainWalk::check_evaluation(const Visit& visit) const {
  static constexpr std::string_view kRoles[] = {role::kEvaluator};
  std::vector<NamedDigest> about = visit.judged.gate.inputs;
  const auto& outputs = visit.judged.entry->statement.subjects;
  about.insert(about.end(), outputs.begin(), outputs.end());
  Error refusal{ErrorKind::kDenied, "no evaluation by the evaluator",
                "evaluate the model: run the validation again"};
  const LedgerEntry* newest = nullptr;
  for (const NamedDigest& one : about) {
    for (const LedgerEntry* entry : ledger_.find_subject(one.digest)) {
      if (entry->statement.predicate_type != predicate::kEvaluation) continue;
      const auto evaluation = parse_evaluation(entry->statement.predicate);
      const auto signers = verify_envelope(entry->envelope, root_, kRoles);
      if (!evaluation || !signers) {
        refusal.message = "the evaluation at " + log_place(entry->index) + " " +
                          (evaluation ? signers.error().message : evaluation.error().message);
      } else if (now_unix_s_ >= evaluation->expires_unix_s) {
        refusal.message = "the evaluation at " + log_place(entry->index) + " expired on " +
                          format_time(evaluation->expires_unix_s);
      } else if (newest == nullptr || newest->index < entry->index) {
        newest = entry;
      }
    }
  }
  if (newest == nullptr) return std::unexpected(refusal);
  const EvaluationPredicate evaluation = TRY(parse_evaluation(newest->statement.predicate));
  return "evaluated on n = " + std::to_string(evaluation.sample_size) + " (" + log_place(newest->index) + ")";
}

}  // namespace sallyport::trust
