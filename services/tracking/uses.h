// Which leave was made use of: the last day on which each principal did what to what.
//
// A file of lines of JSON in the server's folder, for `sallyport access audit`. The server adds a line when
// something is used for the first time on a day; a line that could not be written is lost, and no request
// with it. When the file is opened for writing it is written anew without what later lines repeat; its first
// line says when the record began. Safe from any thread; of several processes one at a time may write.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "core/env.h"
#include "services/tracking/access.h"

namespace sallyport::services::tracking {

// In the server's folder.
inline constexpr const char* kUsesFile = "uses.jsonl";

struct Use {
  std::string principal = {};
  Verb verb = Verb::kRead;
  Resource resource = {};
  auto operator<=>(const Use&) const = default;
};

struct UseRecord {
  std::int64_t since_unix_s = 0;  // the day when it began; 0: there is none
  std::map<Use, std::int64_t> last_unix_s = {};
};
// No file is an empty record. A line that is cut short or not one of ours is passed over.
Result<UseRecord> read_uses(Env& env, const fs::path& file);

class Uses {
 public:
  static Result<std::unique_ptr<Uses>> open(Env& env, fs::path file);
  void note(const std::string& principal, Verb verb, const Resource& resource);

 private:
  Uses(Env& env, fs::path file, UseRecord record)
      : env_(env), file_(std::move(file)), record_(std::move(record)) {}

  Env& env_;
  fs::path file_;
  std::mutex mutex_;
  UseRecord record_;
};

}  // namespace sallyport::services::tracking
