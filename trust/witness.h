// A witness of logs (C2SP tlog-witness): it cosigns a checkpoint when that extends the last one that it
// cosigned, and remembers the new one before it answers.
//
// What it remembers is the cosigned checkpoint itself, one file a log, which it verifies when it starts: a
// file that does not bear its own cosignature is an error, never a fresh start. One witness at a time holds
// its folder. What it answers is for HTTP; services/witness/ carries it. Safe from any thread.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/env.h"
#include "trust/cosignature.h"

namespace sallyport::trust {

// What a log asks for. The checkpoint is a note as it came.
struct AddCheckpoint {
  std::uint64_t old_size = 0;
  Proof proof = {};
  std::string checkpoint = {};
};
// At most limits::kAddCheckpointBytesMax and limits::kConsistencyHashesMax.
Result<AddCheckpoint> parse_add_checkpoint(std::string_view body);
std::string serialize(const AddCheckpoint& request);

struct WitnessAnswer {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body = {};
};
inline constexpr std::string_view kTreeSizeType = "text/x.tlog.size";

struct WitnessOptions {
  std::string name = {};
  std::vector<VerifierKey> logs = {};  // whose checkpoints it cosigns; several keys of one origin are fine
};

class Witness {
 public:
  // `directory` is made when it is missing. Waits for another witness that holds it.
  static Result<std::unique_ptr<Witness>> open(Env& env, const fs::path& directory,
                                               const WitnessOptions& options, PrivateKey key);

  // 200 and a cosignature, or 400, 403, 404, 409, 422 as the specification says, or 500 when it could not be
  // remembered.
  WitnessAnswer add_checkpoint(std::string_view body);

  // What a client's policy calls this witness's key.
  std::string verifier_key() const;
  // Of the log with that origin; 0 when it never cosigned one.
  std::uint64_t size_of(const std::string& origin) const;

 private:
  struct Followed {
    std::vector<PublicKey> keys = {};
    Checkpoint last = {};
  };
  Witness(Env& env, fs::path directory, std::string name, PrivateKey key, std::unique_ptr<FileLock> lock);
  Result<void> follow(const VerifierKey& log);
  Result<void> recall(const std::string& origin, Followed& log);
  WitnessAnswer judge(const AddCheckpoint& request, const Note& note, const Checkpoint& checkpoint,
                      Followed& log);
  fs::path file_of(const std::string& origin) const;

  Env* env_;
  fs::path directory_;
  std::string name_;
  PrivateKey key_;
  std::unique_ptr<FileLock> lock_;
  mutable std::mutex mutex_;
  std::map<std::string, Followed, std::less<>> logs_;
};

}  // namespace sallyport::trust
