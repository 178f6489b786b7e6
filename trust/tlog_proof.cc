#include "trust/tlog_proof.h"

#include "core/limits/witness.h"

namespace sallyport::trust {
namespace {

constexpr std::string_view kFirstLine = "c2sp.org/tlog-proof@v1";
constexpr std::string_view kExtra = "extra ";
constexpr std::string_view kIndex = "index ";

}  // namespace

Result<TlogProof> parse_tlog_proof(std::string_view text) {
  if (text.size() > limits::kTlogProofBytesMax)
    return fail(ErrorKind::kLimit, "tlog proof: larger than 12 MiB");
  Reader reader(as_bytes(text));
  if (TRY(reader.until('\n')) != kFirstLine) return invalid("tlog proof: does not begin as version 1 does");
  TlogProof out;
  std::string_view line = TRY(reader.until('\n'));
  if (line.starts_with(kExtra)) {
    out.extra = TRY(from_base64(line.substr(kExtra.size())));
    line = TRY(reader.until('\n'));
  }
  if (!line.starts_with(kIndex)) return invalid("tlog proof: no index");
  out.index = TRY(parse_tree_size(line.substr(kIndex.size())));
  while (true) {
    line = TRY(reader.until('\n'));
    if (line.empty()) break;
    if (out.hashes.size() == limits::kInclusionHashesMax)
      return fail(ErrorKind::kLimit, "tlog proof: over 64 hashes");
    out.hashes.push_back(TRY(parse_tree_hash(line)));
  }
  out.checkpoint = as_text(TRY(reader.take(reader.remaining())));
  TRY(parse_note(out.checkpoint));
  return out;
}

std::string serialize(const TlogProof& proof) {
  std::string out = std::string(kFirstLine) + "\n";
  if (proof.extra) out += std::string(kExtra) + to_base64(*proof.extra) + "\n";
  out += std::string(kIndex) + std::to_string(proof.index) + "\n";
  for (const Hash& hash : proof.hashes) out += to_base64(hash.bytes) + "\n";
  return out + "\n" + proof.checkpoint;
}

Result<Witnessed> check_tlog_proof(const TlogProof& proof, BytesView entry, const WitnessPolicy& policy,
                                   const PolicyOptions& options) {
  Witnessed out = TRY(check_witnessed(proof.checkpoint, policy, options));
  TRY(check_inclusion(proof.hashes, proof.index, leaf_hash(entry), out.checkpoint.size, out.checkpoint.root));
  return out;
}

}  // namespace sallyport::trust
