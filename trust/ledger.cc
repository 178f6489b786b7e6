#include "trust/ledger.h"

#include <algorithm>
#include <set>

#include "core/json.h"
#include "core/limits.h"
#include "trust/ledger_entry.h"

namespace sallyport::trust {
namespace {

Result<std::pair<Digest, std::string>> read_entry(BytesView entry) {
  const Json whole = TRY(parse_json(as_text(entry)));
  TRY(only_members(whole, {"envelope", "predicateType"}));
  const Digest envelope = TRY(Digest::parse(TRY(get_string(whole, "envelope"))));
  const std::string predicate_type = TRY(get_string(whole, "predicateType"));
  if (ledger_entry(envelope, predicate_type) != as_text(entry)) return invalid("not in canonical JSON");
  return std::pair(envelope, predicate_type);
}

std::string at_index(std::uint64_t index) { return "log entry " + std::to_string(index); }

LogKeys keys_from(const Root& root) { return {root.log_origin(), root.keys_of(role::kLog)}; }

}  // namespace

std::string ledger_entry(const Digest& envelope, const std::string& predicate_type) {
  return canonical({{"envelope", envelope.hex()}, {"predicateType", predicate_type}});
}

Ledger::Ledger(Env& env, fs::path attestations, Log log, LogKeys keys)
    : env_(&env), attestations_(std::move(attestations)), log_(std::move(log)), keys_(std::move(keys)) {}

Result<Ledger> Ledger::create(Env& env, fs::path attestations, fs::path log, const Root& root,
                              const PrivateKey& log_key) {
  TRY(make_directories_durably(env, attestations));
  LogKeys keys = keys_from(root);
  Log made = TRY(Log::create(env, std::move(log), keys, log_key));
  return Ledger(env, std::move(attestations), std::move(made), std::move(keys));
}

Result<Ledger> Ledger::open(Env& env, fs::path attestations, fs::path log, const Root& root) {
  LogKeys keys = keys_from(root);
  Log opened = TRY(Log::open(env, std::move(log), keys));
  Ledger out(env, std::move(attestations), std::move(opened), std::move(keys));
  TRY(out.absorb(TRY(out.log_.fsck())));
  return out;
}

Result<LedgerEntry> Ledger::load_entry(std::uint64_t index, BytesView log_entry) const {
  const auto [digest, predicate_type] = TRY(read_entry(log_entry));
  const fs::path path = attestations_ / (digest.hex() + ".json");
  const Result<Bytes> file = env_->read_file(path, limits::kStatementBytesMax);
  if (!file && file.error().kind == ErrorKind::kNotFound) {
    return fail(ErrorKind::kDenied, "its envelope " + digest.hex() + ".json is missing",
                "restore the file from a copy of the attestations folder");
  }
  if (!file) return std::unexpected(file.error());
  if (sha256(*file) != digest) {
    return fail(ErrorKind::kDenied, "its envelope " + digest.hex() + ".json was changed",
                "restore the file from a copy of the attestations folder");
  }
  LedgerEntry out{
      .index = index, .envelope_digest = digest, .envelope = TRY(parse_envelope(*file)), .statement = {}};
  out.statement = TRY(statement_of(out.envelope));
  if (out.statement.predicate_type != predicate_type)
    return invalid("names another predicate type than its envelope");
  return out;
}

Result<void> Ledger::absorb(std::span<const Bytes> log_entries) {
  for (const Bytes& log_entry : log_entries) {
    const std::uint64_t index = entries_.size();
    Result<LedgerEntry> entry = load_entry(index, log_entry);
    if (!entry) return within(at_index(index), entry.error());
    const auto [first, fresh] = by_envelope_.emplace(entry->envelope_digest, index);
    if (!fresh) {
      return fail(ErrorKind::kDenied, at_index(index) + ": repeats entry " + std::to_string(first->second),
                  "restore the log from a copy");
    }
    std::set<Digest> subjects;
    for (const NamedDigest& subject : entry->statement.subjects) subjects.insert(subject.digest);
    for (const Digest& subject : subjects) by_subject_.emplace(subject, index);
    entries_.push_back(std::move(*entry));
  }
  return {};
}

Result<void> Ledger::refresh() {
  TRY(log_.refresh());
  return absorb(TRY(log_.entries(entries_.size(), log_.size())));
}

Result<std::uint64_t> Ledger::add(const Envelope& envelope, const PrivateKey& log_key) {
  return TRY(add(std::span(&envelope, 1), log_key)).front();
}

Result<std::vector<std::uint64_t>> Ledger::add(std::span<const Envelope> envelopes,
                                               const PrivateKey& log_key) {
  const std::unique_ptr<FileLock> lock = TRY(env_->lock(attestations_ / ".lock"));
  TRY(refresh());
  std::vector<PendingFile> files;
  std::vector<Bytes> log_entries;
  std::vector<Digest> digests;
  std::set<Digest> fresh;
  for (const Envelope& envelope : envelopes) {
    const std::string text = serialize(envelope);
    // Only what can be read back may be logged: the log is for ever.
    const Statement statement = TRY(statement_of(TRY(parse_envelope(as_bytes(text)))));
    const Digest digest = sha256(text);
    digests.push_back(digest);
    if (by_envelope_.contains(digest) || !fresh.insert(digest).second) continue;
    files.push_back({attestations_ / (digest.hex() + ".json"), to_bytes(text), 0444});
    log_entries.push_back(to_bytes(ledger_entry(digest, statement.predicate_type)));
  }
  if (!log_entries.empty()) {
    TRY(write_durably(*env_, files));
    TRY(log_.append(log_entries, log_key));
    TRY(absorb(log_entries));
  }
  std::vector<std::uint64_t> out;
  for (const Digest& digest : digests) out.push_back(by_envelope_.at(digest));
  return out;
}

std::vector<const LedgerEntry*> Ledger::find_subject(const Digest& subject) const {
  std::vector<const LedgerEntry*> out;
  const auto [begin, end] = by_subject_.equal_range(subject);
  for (auto at = begin; at != end; ++at) out.push_back(&entries_[at->second]);
  std::sort(out.begin(), out.end(), [](const auto* a, const auto* b) { return a->index < b->index; });
  return out;
}

std::vector<const LedgerEntry*> Ledger::find_type(std::string_view predicate_type) const {
  std::vector<const LedgerEntry*> out;
  for (const LedgerEntry& entry : entries_) {
    if (entry.statement.predicate_type == predicate_type) out.push_back(&entry);
  }
  return out;
}

const LedgerEntry* Ledger::find_envelope(const Digest& envelope_digest) const {
  const auto found = by_envelope_.find(envelope_digest);
  return found == by_envelope_.end() ? nullptr : &entries_[found->second];
}

Result<Ledger::Fsck> Ledger::fsck() {
  const std::vector<Bytes> log_entries = TRY(log_.fsck());
  entries_.clear();
  by_envelope_.clear();
  by_subject_.clear();
  TRY(absorb(log_entries));
  Fsck out{.entries = entries_.size(), .unlogged = {}};
  for (const std::string& name : TRY(env_->list(attestations_))) {
    if (!name.ends_with(".json")) continue;
    const Result<Digest> digest = Digest::parse(name.substr(0, name.size() - 5));
    if (!digest || !by_envelope_.contains(*digest)) out.unlogged.push_back(name);
  }
  return out;
}

}  // namespace sallyport::trust
