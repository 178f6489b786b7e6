// Runs the worker executables that stand beside the tests: for tests alone.
//
// For one thread at a time.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "core/result.h"

namespace sallyport::learn::workers {

// A folder that goes away with the object.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

struct Ended {
  int status = -1;
  std::string stderr_text = {};
};
// Runs `sallyport-NAME words...` to its end with these variables in its environment.
Ended run_worker(const std::string& name, const std::vector<std::string>& words,
                 const std::vector<std::pair<std::string, std::string>>& environment);

// A running worker with a socket as its descriptor 3; killed with the object.
class RunningWorker {
 public:
  explicit RunningWorker(const std::string& name);
  ~RunningWorker();
  RunningWorker(const RunningWorker&) = delete;
  RunningWorker& operator=(const RunningWorker&) = delete;

  int socket() const { return socket_; }
  // Waits for its end; the exit status, or -1 when a signal ended it.
  int wait();

 private:
  int socket_ = -1;
  int pid_ = -1;
};

}  // namespace sallyport::learn::workers
