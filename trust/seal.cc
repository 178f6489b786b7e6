#include "trust/seal.h"

#include <algorithm>
#include <optional>

#include "core/limits/data_versions.h"
#include "trust/manifest.h"
#include "trust/members.h"

namespace sallyport::trust {
namespace {

// Version that a seal of versioned data is about; a pipeline's seal of its split is of another kind.
std::optional<std::int64_t> version_of(const SealPredicate& seal) {
  const auto version = get_int(seal.details, "version");
  if (!version || *version < 1) return std::nullopt;
  return *version;
}

SealedVersion sealed_of(const LedgerEntry& entry, std::vector<std::string> signers) {
  SealedVersion out{.manifest = entry.statement.subjects.front().digest,
                    .envelope = entry.envelope_digest,
                    .log_index = entry.index};
  out.signed_by = std::move(signers);
  return out;
}

// The first seal of the name; a later one would be an amendment that says nothing.
std::optional<SealedVersion> first_seal(const Ledger& ledger, const Root& root, const std::string& name) {
  for (const LedgerEntry* entry : ledger.find_type(predicate::kSeal)) {
    const auto said = parse_seal(entry->statement.predicate);
    if (!said || said->split != name || entry->statement.subjects.size() != 1) continue;
    const auto version = version_of(*said);
    auto signers = sealed_by(entry->envelope, root);
    if (!version || !signers) continue;
    SealedVersion out = sealed_of(*entry, std::move(*signers));
    out.version = *version;
    out.rows = said->rows;
    out.rows_root = said->rows_root;
    return out;
  }
  return std::nullopt;
}

}  // namespace

Json to_json(const AmendmentPredicate& amendment) {
  return {{"name", amendment.name},   {"from", amendment.from},
          {"to", amendment.to},       {"amends", amendment.amends.hex()},
          {"rows", amendment.rows},   {"rowsRoot", amendment.rows_root.hex()},
          {"added", amendment.added}, {"removed", amendment.removed},
          {"files", amendment.files}, {"reason", amendment.reason}};
}

Result<AmendmentPredicate> parse_amendment(const Json& predicate) {
  TRY(only_members(predicate, {"name", "from", "to", "amends", "rows", "rowsRoot", "added", "removed",
                               "files", "reason"}));
  AmendmentPredicate out;
  out.name = TRY(get_string(predicate, "name"));
  TRY(check_data_word("name", out.name));
  out.from = TRY(get_count(predicate, "from", 1));
  out.to = TRY(get_count(predicate, "to", 1));
  out.amends = TRY(get_digest(predicate, "amends"));
  out.rows = TRY(get_count(predicate, "rows", 0));
  out.rows_root = TRY(get_digest(predicate, "rowsRoot"));
  out.added = TRY(get_count(predicate, "added", 0));
  out.removed = TRY(get_count(predicate, "removed", 0));
  for (const Json& file : TRY(get_array(predicate, "files"))) {
    if (!file.is_string()) return invalid("files: paths were expected");
    out.files.push_back(file.get<std::string>());
    TRY(check_relative_path(out.files.back()));
  }
  if (out.files.size() > limits::kAmendedFilesMax) return fail(ErrorKind::kLimit, "files: over 1,000");
  out.reason = TRY(get_string(predicate, "reason"));
  if (out.reason.empty()) return invalid("reason: is empty");
  if (out.to <= out.from) return invalid("an amendment leads from a version to a later one");
  return out;
}

Result<std::vector<std::string>> sealed_by(const Envelope& envelope, const Root& root) {
  static constexpr std::string_view kRoles[] = {role::kLead, role::kAudit};
  const std::set<std::string> keys = TRY(verify_envelope(envelope, root, kRoles));
  if (keys.size() < 2) return fail(ErrorKind::kDenied, "one key signed for both roles");
  std::vector<std::string> out;
  for (const std::string& keyid : keys) out.push_back(root.name_of_key(keyid));
  std::sort(out.begin(), out.end());
  return out;
}

Result<std::map<std::int64_t, SealedVersion>> sealed_versions(const Ledger& ledger, const Root& root,
                                                              const std::string& name) {
  std::map<std::int64_t, SealedVersion> out;
  const auto seal = first_seal(ledger, root, name);
  if (!seal) return out;
  out.emplace(seal->version, *seal);
  std::map<Digest, std::int64_t> continued;  // what an amendment has led on from, and where to
  for (const LedgerEntry* entry : ledger.find_type(predicate::kDataAmendment)) {
    const auto said = parse_amendment(entry->statement.predicate);
    if (!said || said->name != name || entry->statement.subjects.size() != 1) continue;
    auto signers = sealed_by(entry->envelope, root);
    const auto from = out.find(said->from);
    if (!signers || from == out.end() || from->second.envelope != said->amends) continue;
    const auto [first, fresh] = continued.emplace(said->amends, said->to);
    if (!fresh) {
      return fail(ErrorKind::kDenied, name + ": version " + std::to_string(said->from) +
                                          " was amended twice, to " + std::to_string(first->second) +
                                          " and to " + std::to_string(said->to));
    }
    SealedVersion next = sealed_of(*entry, std::move(*signers));
    next.version = said->to;
    next.rows = said->rows;
    next.rows_root = said->rows_root;
    next.reason = said->reason;
    out.emplace(said->to, std::move(next));
  }
  return out;
}

Result<void> check_sealed(const Ledger& ledger, const Root& root, const DataVersion& version) {
  const std::string& name = version.said.name;
  const auto sealed = TRY(sealed_versions(ledger, root, name));
  if (sealed.empty()) return {};
  const std::string title = name + "@" + std::to_string(version.said.version);
  const auto found = sealed.find(version.said.version);
  if (found == sealed.end()) {
    return fail(ErrorKind::kDenied,
                title + ": " + name + " is sealed, and lead and audit have not signed this version",
                "`sallyport data amend " + title + " --reason WHY` proposes it; sealed is " + name + "@" +
                    std::to_string(sealed.rbegin()->first));
  }
  if (found->second.manifest == version.manifest) return {};
  return fail(ErrorKind::kDenied, title + ": lead and audit signed other bytes than that version has");
}

}  // namespace sallyport::trust
