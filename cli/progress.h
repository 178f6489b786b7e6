// Progress of a long piece of work: a bar on a terminal, JSON events with --format json, silence otherwise.
//
// Safe from any thread. It is told of at most ten times a second; the bar is gone when the Progress ends.
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <string_view>

#include "cli/output.h"

namespace sallyport::cli {

class Progress {
 public:
  // `what` is counted, "drills"; a `total` of 0 is not known.
  Progress(Output& output, std::string what, std::uint64_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `count` more are done; `item` names the last of them.
  void advance(std::string_view item, std::uint64_t count = 1);

 private:
  void draw(std::string_view item);

  Output& output_;
  std::string what_;
  std::uint64_t total_;
  std::mutex mutex_;
  std::uint64_t done_ = 0;
  std::chrono::steady_clock::time_point drawn_{};
};

}  // namespace sallyport::cli
