#include "trust/batch.h"

#include <algorithm>

#include "trust/merkle.h"

namespace sallyport::trust {

Records records_of(BytesView data) {
  std::vector<Hash> leaves;
  std::string_view rest = as_text(data);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    leaves.push_back(leaf_hash(as_bytes(rest.substr(0, end))));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return {static_cast<std::int64_t>(leaves.size()), root_of_leaves(leaves)};
}

Statement batch_statement(const std::string& name, BytesView data, const std::string& feed,
                          std::int64_t sequence) {
  const Records records = records_of(data);
  const BatchPredicate predicate{
      .feed = feed, .sequence = sequence, .rows = records.count, .rows_root = records.root};
  return {{{name, sha256(data)}}, std::string(predicate::kBatch), to_json(predicate)};
}

Result<VerifiedBatch> verify_batch(BytesView envelope_file, BytesView data, const Root& root) {
  Envelope envelope = TRY(parse_envelope(envelope_file));
  const std::string_view roles[] = {role::kProducer};
  TRY(verify_envelope(envelope, root, roles));
  const Statement statement = TRY(statement_of(envelope));
  if (statement.predicate_type != predicate::kBatch) {
    return fail(ErrorKind::kDenied,
                "batch: the manifest is a statement of another kind: " + statement.predicate_type);
  }
  const BatchPredicate batch = TRY(parse_batch(statement.predicate));
  const Records records = records_of(data);
  if (records.count != batch.rows) {
    return fail(ErrorKind::kDenied, "batch: feed " + batch.feed + " signed " + std::to_string(batch.rows) +
                                        " records, " + std::to_string(records.count) + " arrived");
  }
  if (records.root != batch.rows_root) {
    return fail(ErrorKind::kDenied,
                "batch: feed " + batch.feed + ": the records are not the ones that were signed");
  }
  const Digest digest = sha256(data);
  if (!statement.has_subject(digest)) {
    return fail(ErrorKind::kDenied, "batch: feed " + batch.feed + ": sha256:" + digest.brief() +
                                        "... is not the file that was signed");
  }
  return VerifiedBatch{std::move(envelope), batch, digest};
}

Result<void> check_sequence(const VerifiedBatch& batch, const Ledger& ledger, Again again) {
  const Digest own = digest_of(batch.envelope);
  for (const LedgerEntry* entry : ledger.find_type(predicate::kBatch)) {
    const auto seen = parse_batch(entry->statement.predicate);
    if (!seen || seen->feed != batch.predicate.feed || seen->sequence < batch.predicate.sequence) continue;
    const bool same = seen->sequence == batch.predicate.sequence && entry->envelope_digest == own;
    if (same && again == Again::kAllowed) continue;
    return fail(ErrorKind::kDenied,
                "batch: feed " + batch.predicate.feed + ": sequence " +
                    std::to_string(batch.predicate.sequence) +
                    " was followed or used already: the log holds " + std::to_string(seen->sequence),
                "ask the producer for the current batch");
  }
  return {};
}

}  // namespace sallyport::trust
