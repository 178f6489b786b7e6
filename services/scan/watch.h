// Files that appear or change below some folders, as they do.
//
// A file is reported when whoever wrote it closes it, or moves it in: never half written. What a folder that
// appears already holds is reported with it. When the kernel had to drop events, all files are reported,
// since none may be missed. For one thread at a time; needs Linux's inotify.
#pragma once

#include <filesystem>
#include <map>
#include <vector>

#include "core/result.h"

namespace sallyport::services::scan {

class Watch {
 public:
  // Error: a path that is no folder, or more folders than the kernel lets a user watch.
  static Result<Watch> open(const std::vector<std::filesystem::path>& folders);
  ~Watch();
  Watch(Watch&& other) noexcept;
  Watch& operator=(Watch&&) = delete;

  // The files, sorted, each once; empty when there was none for `timeout_ms`, or a signal came.
  Result<std::vector<std::filesystem::path>> next(int timeout_ms);

 private:
  explicit Watch(int fd) : fd_(fd) {}
  Result<void> add(const std::filesystem::path& folder, std::vector<std::filesystem::path>* files);
  Result<void> read_events(std::vector<std::filesystem::path>& files);
  Result<void> take_event(int watch, unsigned mask, const char* name,
                          std::vector<std::filesystem::path>& files);

  int fd_ = -1;
  std::vector<std::filesystem::path> roots_ = {};
  std::map<int, std::filesystem::path> folders_ = {};
};

}  // namespace sallyport::services::scan
