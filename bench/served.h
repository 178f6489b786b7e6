// A server in a process group of its own, for benchmarks: started, waited for, weighed, and ended with all
// that it started.
//
// For one thread at a time.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/result.h"

namespace sallyport::bench {

class Served {
 public:
  // Returns when `GET /health` answers 200; an Error when it does not within `limit_s`. "{port}" in a word is
  // a port that was free just before.
  static Result<Served> start(std::vector<std::string> words, double limit_s);
  ~Served();
  Served(Served&& other) noexcept;
  Served& operator=(Served&&) = delete;

  std::uint16_t port() const { return port_; }
  double start_s() const { return start_s_; }
  // Resident memory of all its processes together, in bytes.
  std::uint64_t resident_bytes() const;

 private:
  Served(pid_t group, std::uint16_t port) : group_(group), port_(port) {}

  pid_t group_ = -1;
  std::uint16_t port_ = 0;
  double start_s_ = 0;
};

// What to start: our tracking server over a folder, and MLflow's with its own defaults over SQLite and files
// in a folder that is there.
std::vector<std::string> our_server_words(const std::filesystem::path& root);
std::vector<std::string> mlflow_server_words(const std::filesystem::path& peer,
                                             const std::filesystem::path& root);
inline constexpr double kReadyWithinS = 180;
// MLflow, installed from PyPI for benchmarks and tests alone; empty where it cannot be.
std::filesystem::path mlflow_peer();

}  // namespace sallyport::bench
