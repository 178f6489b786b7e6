// sallyport log prove: a receipt of one attestation, for those who do not have the log.

#include "cli/command.h"
#include "core/text.h"
#include "services/witness/receipt.h"

namespace sallyport::cli {
namespace {

constexpr Flag kFlags[] = {
    {.name = "out", .value = "FILE", .doc = "where the receipt goes; without it, to stdout"},
};
constexpr Positional kPositionals[] = {
    {.name = "ENTRY", .doc = "the number of a log entry, or the SHA-256 of an envelope"}};

Result<std::uint64_t> index_of(const trust::Ledger& ledger, const std::string& word) {
  if (const auto digest = Digest::parse(word)) {
    const trust::LedgerEntry* entry = ledger.find_envelope(*digest);
    if (entry != nullptr) return entry->index;
    return fail(ErrorKind::kNotFound, "log: no entry names the envelope " + word,
                "run `sallyport log show` to see what is there");
  }
  const auto out = parsed_number<std::uint64_t>(word);
  if (!out) return invalid("log prove: " + shown(word) + " is neither the number of an entry nor a SHA-256");
  return *out;
}

Result<Exit> run(const Arguments& arguments, Output& output) {
  const trust::Workspace workspace = TRY(trust::Workspace::open(system_env(), arguments.workspace()));
  const trust::Root root = TRY(workspace.load_root());
  trust::Ledger ledger = TRY(workspace.open_ledger(root));
  const std::uint64_t index = TRY(index_of(ledger, arguments.word("ENTRY")));
  const trust::TlogProof proof = TRY(services::witness::receipt_of(workspace, ledger, index));
  const std::string text = trust::serialize(proof);
  const std::string to = arguments.text("out");
  if (!to.empty()) TRY(write_durably(system_env(), to, as_bytes(text)));
  const trust::Checkpoint under = TRY(trust::parse_checkpoint(TRY(trust::parse_note(proof.checkpoint)).text));
  output.result(to.empty() ? text
                           : "receipt of #" + std::to_string(index) + " under the checkpoint of size " +
                                 std::to_string(under.size) + ": " + to + "\n",
                {{"index", index}, {"size", under.size}, {"receipt", text}});
  return Exit::kClean;
}

}  // namespace

extern const Command log_prove_command;
const Command log_prove_command{
    .name = "log prove",
    .summary = "write a receipt that an attestation is in the log, to be checked without the log",
    .example =
        "$ sallyport log prove 12 --out gate.tlog-proof\n"
        "receipt of #12 under the checkpoint of size 37: gate.tlog-proof",
    .flags = kFlags,
    .positionals = kPositionals,
    .run = run,
};

}  // namespace sallyport::cli
