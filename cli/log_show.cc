// sallyport log show: what the log holds, or one of its entries whole.

#include "cli/command.h"
#include "core/text.h"
#include "trust/workspace.h"

namespace sallyport::cli {
namespace {

using trust::LedgerEntry;

constexpr Positional kPositionals[] = {
    {.name = "NUMBER", .doc = "print this entry's statement, signers and proof", .arity = Arity::kOptional}};

// "https://sallyport.dev/gate/v1" is "gate": the words before the version, for people.
std::string short_type(const std::string& predicate_type) {
  const std::size_t version = predicate_type.rfind('/');
  if (version == std::string::npos || version == 0) return predicate_type;
  const std::size_t begin = predicate_type.rfind('/', version - 1);
  return predicate_type.substr(begin == std::string::npos ? 0 : begin + 1, version - begin - 1);
}

std::vector<std::string> signers_of(const LedgerEntry& entry, const trust::Root& root) {
  std::vector<std::string> out;
  for (const trust::Signature& signature : entry.envelope.signatures) {
    out.push_back(root.name_of_key(signature.keyid));
  }
  return out;
}

Json summary_json(const LedgerEntry& entry, const trust::Root& root) {
  Json subjects = Json::array();
  for (const trust::NamedDigest& subject : entry.statement.subjects) {
    subjects.push_back({{"name", subject.name}, {"sha256", subject.digest.hex()}});
  }
  return Json{{"index", entry.index},
              {"envelope", entry.envelope_digest.hex()},
              {"predicateType", entry.statement.predicate_type},
              {"subjects", std::move(subjects)},
              {"signers", signers_of(entry, root)}};
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(text.size(), width), ' ');
  return text;
}

void print_summary(const LedgerEntry& entry, const trust::Root& root, Output& output) {
  std::vector<std::string> subjects;
  for (const trust::NamedDigest& subject : entry.statement.subjects) {
    subjects.push_back(subject.name + " " + subject.digest.brief());
  }
  std::string what = short_type(entry.statement.predicate_type);
  const auto stage = entry.statement.predicate.find("stage");
  if (stage != entry.statement.predicate.end() && stage->is_string()) what += " " + stage->get<std::string>();
  output.line(padded("#" + std::to_string(entry.index), 6) + padded(what, 22) +
              padded("by " + joined(signers_of(entry, root)), 18) + joined(subjects));
}

Result<Exit> show_one(trust::Ledger& ledger, const trust::Root& root, std::uint64_t index, Output& output) {
  if (index >= ledger.entries().size()) {
    return fail(ErrorKind::kNotFound, "log: no entry #" + std::to_string(index),
                "the log has " + std::to_string(ledger.entries().size()) + " entries, from #0");
  }
  const LedgerEntry& entry = ledger.entries()[index];
  Json proof = Json::array();
  for (const trust::Hash& hash : TRY(ledger.log().prove_inclusion(index))) {
    proof.push_back(to_base64(hash.bytes));
  }
  Json whole = summary_json(entry, root);
  whole["predicate"] = entry.statement.predicate;
  whole["inclusion"] = std::move(proof);
  whole["checkpoint"] = ledger.log().signed_checkpoint();
  if (output.is_json()) {
    output.json(whole);
    return Exit::kClean;
  }
  print_summary(entry, root, output);
  output.line("  envelope  " + entry.envelope_digest.hex());
  output.line("  in log    " + std::to_string(whole["inclusion"].size()) +
              " hashes lead to the checkpoint of size " + std::to_string(ledger.log().size()));
  output.print(pretty(entry.statement.predicate));
  return Exit::kClean;
}

Result<Exit> run(const Arguments& arguments, Output& output) {
  const std::string number = arguments.word("NUMBER");
  const auto index = parsed_number<std::uint64_t>(number);
  if (!number.empty() && !index) {
    return output.usage("log show: '" + number + "' is not the number of an entry");
  }
  const trust::Workspace workspace = TRY(trust::Workspace::open(system_env(), arguments.workspace()));
  const trust::Root root = TRY(workspace.load_root());
  trust::Ledger ledger = TRY(workspace.open_ledger(root));
  if (index) return show_one(ledger, root, *index, output);
  if (output.is_json()) {
    Json list = Json::array();
    for (const LedgerEntry& entry : ledger.entries()) list.push_back(summary_json(entry, root));
    output.json(list);
    return Exit::kClean;
  }
  for (const LedgerEntry& entry : ledger.entries()) print_summary(entry, root, output);
  output.note(std::to_string(ledger.entries().size()) + " entries in " + ledger.log().checkpoint().origin);
  return Exit::kClean;
}

}  // namespace

extern const Command log_show_command;
const Command log_show_command{
    .name = "log show",
    .summary = "what the log holds, or one entry whole",
    .example =
        "$ sallyport log show\n"
        "#0    batch                 by producer       digits.csv 41aa0b77c0de\n"
        "#1    gate acquisition      by runner         raw 9f2c41aa0b77",
    .positionals = kPositionals,
    .run = run,
};

}  // namespace sallyport::cli
