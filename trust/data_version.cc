#include "trust/data_version.h"

#include <algorithm>

#include "core/limits/data_versions.h"
#include "trust/members.h"
#include "trust/predicates.h"

namespace sallyport::trust {
namespace {

std::string log_place(const DataVersion& version) { return "log #" + std::to_string(version.log_index); }

Result<DataVersionPredicate> read_version(const Json& json) {
  TRY(only_members(json, {"name", "version", "parent", "root", "files", "bytes", "inputs", "code", "step",
                          "message", "committedOn", "expires"}));
  DataVersionPredicate out;
  out.name = TRY(get_string(json, "name"));
  TRY(check_data_word("name", out.name));
  out.version = TRY(get_count(json, "version", 1));
  if (json.contains("parent")) out.parent = TRY(get_digest(json, "parent"));
  out.root = TRY(get_digest(json, "root"));
  out.files = TRY(get_count(json, "files", 0));
  out.bytes = TRY(get_count(json, "bytes", 0));
  if (TRY(get_array(json, "inputs")).size() > limits::kDataInputsMax) {
    return fail(ErrorKind::kLimit, "over 1,000 inputs");
  }
  out.inputs = TRY(get_named(json, "inputs"));
  out.code = TRY(get_string(json, "code"));
  out.step = TRY(get_string(json, "step"));
  out.message = TRY(get_string(json, "message"));
  out.committed_on = TRY(get_time(json, "committedOn"));
  out.expires_unix_s = TRY(get_time(json, "expires"));
  return out;
}

struct NamedVersion {
  std::int64_t number = 0;
  std::optional<Digest> manifest = {};  // as the approvers signed it
};

// The latest move of the tag that its approvers signed; an older one played again does not outrank it.
Result<NamedVersion> version_of_tag(const Ledger& ledger, const Root& root, const std::string& name,
                                    const std::string& tag, std::int64_t now) {
  static constexpr std::string_view kRoles[] = {role::kApprover};
  std::optional<DataTagPredicate> latest;
  NamedVersion out;
  for (const LedgerEntry* entry : ledger.find_type(predicate::kDataTag)) {
    const Result<DataTagPredicate> said = parse_data_tag(entry->statement.predicate);
    if (!said || said->name != name || said->tag != tag || entry->statement.subjects.size() != 1) continue;
    if (!verify_envelope(entry->envelope, root, kRoles)) continue;
    if (latest && said->sequence <= latest->sequence) continue;
    latest = *said;
    out = {said->version, entry->statement.subjects.front().digest};
  }
  if (!latest) {
    return fail(ErrorKind::kNotFound, "no tag of this name that its approvers signed is in the log");
  }
  if (now >= latest->expires_unix_s) {
    return fail(ErrorKind::kDenied, "the tag expired on " + format_time(latest->expires_unix_s),
                "have the approvers sign it again");
  }
  return out;
}

bool is_signed_by(const LedgerEntry& entry, const Root& root, std::string_view role_name) {
  return verify_envelope(entry.envelope, root, {{role_name}}).has_value();
}

// Whether the statement may stand for where a data set came from, and what that was made from in turn.
Result<std::optional<std::vector<NamedDigest>>> source(const LedgerEntry& entry, const Root& root) {
  const Statement& statement = entry.statement;
  if (statement.predicate_type == predicate::kBatch && is_signed_by(entry, root, role::kProducer)) {
    return std::optional(std::vector<NamedDigest>{});
  }
  if (statement.predicate_type == predicate::kDataVersion && is_signed_by(entry, root, role::kProducer)) {
    return std::optional(TRY(parse_data_version(statement.predicate)).inputs);
  }
  if (statement.predicate_type == predicate::kGate && is_signed_by(entry, root, role::kRunner)) {
    const GatePredicate gate = TRY(parse_gate(statement.predicate));
    if (gate.passes()) return std::optional(gate.inputs);
  }
  return std::optional<std::vector<NamedDigest>>{};
}

}  // namespace

Json to_json(const DataVersionPredicate& version) {
  Json out = {{"name", version.name},
              {"version", version.version},
              {"root", version.root.hex()},
              {"files", version.files},
              {"bytes", version.bytes},
              {"inputs", named_json(version.inputs)},
              {"code", version.code},
              {"step", version.step},
              {"message", version.message},
              {"committedOn", format_time(version.committed_on)},
              {"expires", format_time(version.expires_unix_s)}};
  if (version.parent) out["parent"] = version.parent->hex();
  return out;
}

Result<DataVersionPredicate> parse_data_version(const Json& predicate) {
  Result<DataVersionPredicate> out = read_version(predicate);
  if (!out) return within("data version", out.error());
  return out;
}

Json to_json(const DataTagPredicate& tag) {
  return {{"name", tag.name},
          {"tag", tag.tag},
          {"version", tag.version},
          {"sequence", tag.sequence},
          {"expires", format_time(tag.expires_unix_s)}};
}

Result<DataTagPredicate> parse_data_tag(const Json& predicate) {
  TRY(only_members(predicate, {"name", "tag", "version", "sequence", "expires"}));
  DataTagPredicate out;
  out.name = TRY(get_string(predicate, "name"));
  out.tag = TRY(get_string(predicate, "tag"));
  out.version = TRY(get_count(predicate, "version", 1));
  out.sequence = TRY(get_count(predicate, "sequence", 1));
  out.expires_unix_s = TRY(get_time(predicate, "expires"));
  return out;
}

Result<void> check_data_word(std::string_view what, std::string_view text) {
  const bool plain =
      !text.empty() && text.size() <= limits::kDataNameBytesMax && text.front() != '.' &&
      std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
      });
  if (plain) return {};
  return invalid(std::string(what) + ": " + shown(text) +
                 " is not a plain word: lower-case letters, digits, - _ . only");
}

Result<std::map<std::int64_t, DataVersion>> data_versions(const Ledger& ledger, const Root& root,
                                                          const std::string& name) {
  std::map<std::int64_t, DataVersion> out;
  for (const LedgerEntry* entry : ledger.find_type(predicate::kDataVersion)) {
    const Result<DataVersionPredicate> said = parse_data_version(entry->statement.predicate);
    if (!said || said->name != name || entry->statement.subjects.size() != 1) continue;
    // What the producer did not sign is no version; it must not stand in the way of what is one.
    if (!is_signed_by(*entry, root, role::kProducer)) continue;
    const DataVersion made{*said, entry->statement.subjects.front().digest, entry->envelope_digest,
                           entry->index};
    const auto [first, fresh] = out.emplace(said->version, made);
    if (!fresh) {
      return fail(ErrorKind::kDenied, name + ": version " + std::to_string(said->version) +
                                          " stands twice, " + log_place(first->second) + " and " +
                                          log_place(made));
    }
  }
  const DataVersion* before = nullptr;
  for (const auto& [number, version] : out) {
    const std::int64_t expected = before == nullptr ? 1 : before->said.version + 1;
    const std::optional<Digest> parent = before == nullptr ? std::nullopt : std::optional(before->envelope);
    if (number != expected) {
      return fail(ErrorKind::kDenied, name + ": version " + std::to_string(expected) + " is missing");
    }
    if (version.said.parent != parent) {
      return fail(ErrorKind::kDenied,
                  name + ": version " + std::to_string(number) + " does not descend from the one before it");
    }
    before = &version;
  }
  return out;
}

std::vector<std::string> data_names(const Ledger& ledger) {
  std::set<std::string> out;
  for (const LedgerEntry* entry : ledger.find_type(predicate::kDataVersion)) {
    const Result<DataVersionPredicate> said = parse_data_version(entry->statement.predicate);
    if (said) out.insert(said->name);
  }
  return {out.begin(), out.end()};
}

Result<DataVersion> resolve_data(const Ledger& ledger, const Root& root, const std::string& spec,
                                 std::int64_t now_unix_s) {
  const std::size_t at = spec.find('@');
  const std::string name = spec.substr(0, at);
  TRY(check_data_word("name", name));
  const auto versions = TRY(data_versions(ledger, root, name));
  if (versions.empty()) {
    return fail(ErrorKind::kNotFound, name + ": no version in the log", "`sallyport data commit` makes one");
  }
  NamedVersion wanted{.number = versions.rbegin()->first};
  if (at != std::string::npos) {
    const std::string word = spec.substr(at + 1);
    TRY(check_data_word("tag", word));
    const auto exact = version_number(word);
    Result<NamedVersion> named = exact ? Result<NamedVersion>(NamedVersion{.number = *exact})
                                       : version_of_tag(ledger, root, name, word, now_unix_s);
    if (!named) return within(spec, named.error());
    wanted = *named;
  }
  const auto found = versions.find(wanted.number);
  if (found == versions.end()) {
    return fail(ErrorKind::kNotFound, name + ": no version " + std::to_string(wanted.number) + " in the log");
  }
  if (wanted.manifest && *wanted.manifest != found->second.manifest) {
    return fail(ErrorKind::kDenied, spec + ": the approvers signed other bytes than that version has");
  }
  if (now_unix_s >= found->second.said.expires_unix_s) {
    return fail(ErrorKind::kDenied,
                spec + ": expired on " + format_time(found->second.said.expires_unix_s),
                "commit it again when it is still good");
  }
  return found->second;
}

Result<std::size_t> check_lineage(const Ledger& ledger, const Root& root, const DataVersion& version) {
  const std::string title = version.said.name + "@" + std::to_string(version.said.version);
  if (version.said.inputs.empty() && !version.said.step.empty()) {
    return fail(ErrorKind::kDenied, title + ": was made by a step, but names nothing that it was made from");
  }
  std::vector<NamedDigest> left = version.said.inputs;
  std::set<Digest> seen;
  std::size_t links = 1;
  while (!left.empty()) {
    const NamedDigest one = std::move(left.back());
    left.pop_back();
    if (!seen.insert(one.digest).second) continue;
    if (++links > limits::kChainLinksMax) return fail(ErrorKind::kLimit, title + ": over 10,000 links");
    bool known = false;
    for (const LedgerEntry* entry : ledger.find_subject(one.digest)) {
      const auto from = TRY(source(*entry, root));
      if (!from) continue;
      known = true;
      left.insert(left.end(), from->begin(), from->end());
    }
    if (!known) {
      return fail(ErrorKind::kDenied, title + ": descends from '" + one.name + "' (sha256:" +
                                          one.digest.brief() + "...), which nobody enrolled vouches for");
    }
  }
  return links;
}

}  // namespace sallyport::trust
