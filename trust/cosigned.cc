#include "trust/cosigned.h"

#include "core/limits.h"

namespace sallyport::trust {
namespace {

constexpr const char* kFile = "cosigned";

}  // namespace

Result<void> check_extends(const Checkpoint& old, Log& log, const std::string& whose) {
  if (log.size() < old.size) {
    return fail(ErrorKind::kDenied,
                "log: rolled back: it has " + std::to_string(log.size()) + " entries, " + whose + " " +
                    std::to_string(old.size),
                "restore the newer log from a copy");
  }
  const Proof proof = TRY(log.prove_consistency(old.size));
  if (!check_consistency(proof, old.size, old.root, log.size(), log.checkpoint().root)) {
    return fail(ErrorKind::kDenied,
                "log: forked: it does not extend the checkpoint of size " + std::to_string(old.size) +
                    " that " + whose,
                "restore the log that this client knows from a copy");
  }
  return {};
}

Result<void> keep_cosigned(Env& env, const fs::path& log_directory, const LogKeys& keys, const Note& note) {
  const std::unique_ptr<FileLock> lock = TRY(env.lock(log_directory / ".lock"));
  Log log = TRY(Log::open(env, log_directory, keys));
  const std::string text = serialize(note);
  const Checkpoint cosigned = TRY(open_checkpoint(text, keys.origin, keys.keys));
  TRY(check_extends(cosigned, log, "the witnesses have cosigned"));
  const std::string before = TRY(read_cosigned(env, log_directory));
  if (!before.empty() && TRY(open_checkpoint(before, keys.origin, keys.keys)).size > cosigned.size) return {};
  TRY(write_durably(env, log_directory / kFile, as_bytes(text)));
  if (cosigned != log.checkpoint()) return {};
  return write_durably(env, log_directory / "checkpoint", as_bytes(text));
}

Result<std::string> read_cosigned(Env& env, const fs::path& log_directory) {
  const Result<Bytes> bytes = env.read_file(log_directory / kFile, limits::kCheckpointBytesMax);
  if (!bytes && bytes.error().kind == ErrorKind::kNotFound) return std::string();
  if (!bytes) return std::unexpected(bytes.error());
  return std::string(as_text(*bytes));
}

}  // namespace sallyport::trust
