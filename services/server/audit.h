// The server's audit log: what was asked and answered, by whom, in a chain that cannot be rewritten
// backwards.
//
//   000001.jsonl[.gz] …   segments of one chain of records (trust/forward_chain.h)
//   state.json            the key for the next record, 0600; replaced with every sync
//
// Records by kind: start {heartbeat_ms, session, dropped_bytes}, answer {answer}, heartbeat {answered},
// rotate, stop; each with time, uptime_ms, sequence and chain. The first key is given out once, by create():
// whoever keeps it off this host can verify the log (guard audit_chain), and nobody on this host can rewrite
// what was synced.
//
// Durability: append() returns when the operating system has the record (kWritten: it outlives the process)
// or when the disk has it (kSynced); records of all threads that wait share one sync. With kWritten a sync
// follows within sync_interval_ms; until then a power cut loses records, and a thief of state.json can
// rewrite them. A full disk makes append() fail, and the server then refuses to answer. Files that were
// replaced may linger in the file system's free blocks: the key's forgetting is as good as the disk's.
//
// Thread rule: any number of threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/env.h"
#include "core/json.h"

namespace sallyport::services::server {

enum class AuditDurability : std::uint8_t { kWritten, kSynced };
enum class AuditThread : std::uint8_t {
  kOwn,
  kNone
};  // kNone: heartbeats and syncs when the caller asks for them

struct AuditOptions {
  AuditDurability durability = AuditDurability::kWritten;
  std::int64_t heartbeat_ms = 10'000;
  std::int64_t sync_interval_ms = 50;
  std::uint64_t segment_bytes_max = 64 << 20;
  AuditThread thread = AuditThread::kOwn;
  // Milliseconds since the session began; the monotonic clock when empty.
  std::function<std::int64_t()> uptime_ms = {};
};

// A head of the chain: what is anchored elsewhere. `sequence` is that of the last record.
struct AuditHead {
  std::uint64_t sequence = 0;
  Digest chain = {};
  std::uint64_t answered = 0;
};
Json to_json(const AuditHead& head);

class Audit {
 public:
  // Makes a new log in an empty folder and returns its first key, which is kept nowhere.
  static Result<Digest> create(Env& env, const fs::path& directory);
  // Opens the log for writing and writes a start record. Verifies what was written after the last sync; a
  // record that a power cut tore is cut off and counted in the start record. kDenied when the log ends before
  // the key does: then records are missing, and going on would hide it.
  static Result<std::unique_ptr<Audit>> open(Env& env, fs::path directory, AuditOptions options = {});
  ~Audit();  // stops, when stop() was not called

  // One record of kind "answer" with `fields` in it, before the answer goes out.
  Result<void> append(Json fields);
  // The gateway has sent an answer. Its own count, apart from append(), so that a record withheld shows.
  void count_answer();
  std::uint64_t answered() const;  // since the chain began

  Result<void> heartbeat();
  Result<void> sync();
  Result<void> rotate();
  // A stop record, synced; nothing can be appended after it.
  Result<void> stop();
  AuditHead head() const;

 private:
  class Impl;
  explicit Audit(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// All lines of all segments in order, decompressed; the last may be torn. Refuses segments that are not
// consecutive.
Result<std::vector<std::string>> read_audit(Env& env, const fs::path& directory);
// Replaces NNNNNN.jsonl by NNNNNN.jsonl.gz. Not for the segment that is being written.
Result<void> compress_segment(Env& env, const fs::path& segment);

}  // namespace sallyport::services::server
