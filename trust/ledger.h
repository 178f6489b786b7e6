// The attestations folder and the log as one: every envelope has its entry, every entry its envelope.
//
// An envelope is the file SHA256.json; its log entry is canonical JSON {"envelope": "<sha256>",
// "predicateType": "..."}. add() is durable when it returns: first the file, then the entry, then the
// checkpoint. Opening reads the whole log, rebuilds its tree and checks it against the checkpoint, so a
// dropped, repeated or reordered entry is refused. A file without an entry was never acknowledged and is
// passed over. For one thread at a time; writers of several processes exclude one another.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/env.h"
#include "trust/dsse.h"
#include "trust/root.h"
#include "trust/statement.h"
#include "trust/tlog.h"

namespace sallyport::trust {

struct LedgerEntry {
  std::uint64_t index = 0;  // in the log
  Digest envelope_digest = {};
  Envelope envelope = {};
  Statement statement = {};
};

class Ledger {
 public:
  static Result<Ledger> create(Env& env, fs::path attestations, fs::path log, const Root& root,
                               const PrivateKey& log_key);
  static Result<Ledger> open(Env& env, fs::path attestations, fs::path log, const Root& root);

  // Durable, all or nothing in the log, idempotent: an envelope that is logged already keeps its index. The
  // signatures are not judged here; whoever reads a statement judges them by role.
  Result<std::uint64_t> add(const Envelope& envelope, const PrivateKey& log_key);
  Result<std::vector<std::uint64_t>> add(std::span<const Envelope> envelopes, const PrivateKey& log_key);

  // In log order. Pointers hold until the next add.
  const std::vector<LedgerEntry>& entries() const { return entries_; }
  std::vector<const LedgerEntry*> find_subject(const Digest& subject) const;
  std::vector<const LedgerEntry*> find_type(std::string_view predicate_type) const;
  const LedgerEntry* find_envelope(const Digest& envelope_digest) const;

  Log& log() { return log_; }
  const LogKeys& log_keys() const { return keys_; }

  struct Fsck {
    std::uint64_t entries = 0;
    std::vector<std::string> unlogged = {};  // files in the folder that no entry names, sorted
  };
  // Everything again from disk: tiles, checkpoint, entries, envelopes.
  Result<Fsck> fsck();

 private:
  Ledger(Env& env, fs::path attestations, Log log, LogKeys keys);
  Result<LedgerEntry> load_entry(std::uint64_t index, BytesView log_entry) const;
  Result<void> absorb(std::span<const Bytes> log_entries);
  Result<void> refresh();

  Env* env_;
  fs::path attestations_;
  Log log_;
  LogKeys keys_;
  std::vector<LedgerEntry> entries_;
  std::map<Digest, std::size_t> by_envelope_;
  std::multimap<Digest, std::size_t> by_subject_;
};

}  // namespace sallyport::trust
