#include "services/witness/receipt.h"

#include "trust/ledger_entry.h"

namespace sallyport::services::witness {

Result<trust::TlogProof> receipt_of(const trust::Workspace& workspace, trust::Ledger& ledger,
                                    std::uint64_t index) {
  if (index >= ledger.entries().size()) {
    return fail(ErrorKind::kNotFound, "log: no entry #" + std::to_string(index),
                "the log has " + std::to_string(ledger.entries().size()) + " entries, from #0");
  }
  const trust::LedgerEntry& entry = ledger.entries()[index];
  trust::TlogProof out;
  out.extra = to_bytes(trust::serialize(entry.envelope));
  out.index = index;
  out.checkpoint = TRY(trust::read_cosigned(*workspace.env, workspace.log_directory()));
  std::uint64_t size = 0;
  if (!out.checkpoint.empty()) {
    const trust::LogKeys& keys = ledger.log_keys();
    const trust::Checkpoint cosigned = TRY(trust::open_checkpoint(out.checkpoint, keys.origin, keys.keys));
    TRY(trust::check_extends(cosigned, ledger.log(), "the witnesses have cosigned"));
    size = cosigned.size;
  }
  if (index >= size) {
    out.checkpoint = ledger.log().signed_checkpoint();
    size = ledger.log().size();
  }
  out.hashes = TRY(trust::prove_inclusion(index, size, ledger.log()));
  return out;
}

Result<Receipted> check_receipt(std::string_view file, const trust::WitnessPolicy& policy,
                                const trust::PolicyOptions& options) {
  const trust::TlogProof proof = TRY(trust::parse_tlog_proof(file));
  if (!proof.extra) return invalid("receipt: it does not carry its attestation");
  Receipted out;
  out.index = proof.index;
  out.envelope = TRY(trust::parse_envelope(*proof.extra));
  out.statement = TRY(trust::statement_of(out.envelope));
  const std::string entry = trust::ledger_entry(sha256(*proof.extra), out.statement.predicate_type);
  out.by = TRY(trust::check_tlog_proof(proof, as_bytes(entry), policy, options));
  return out;
}

}  // namespace sallyport::services::witness
