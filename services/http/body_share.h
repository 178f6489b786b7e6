// What a body that is held in memory takes of the memory that all bodies may take together.
//
// For one connection; the total is shared by all.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/limits/http.h"

namespace sallyport::services::http {

// A share of kHttpBodyBytesInHandMax, given back when it is destroyed.
class BodyShare {
 public:
  BodyShare() = default;
  BodyShare(const BodyShare&) = delete;
  BodyShare& operator=(const BodyShare&) = delete;
  ~BodyShare() { release(); }

  bool take(std::atomic<std::uint64_t>& total, std::uint64_t bytes) {
    release();
    if (total.fetch_add(bytes) + bytes > limits::kHttpBodyBytesInHandMax) {
      total.fetch_sub(bytes);
      return false;
    }
    total_ = &total;
    bytes_ = bytes;
    return true;
  }
  void release() {
    if (total_ != nullptr) total_->fetch_sub(bytes_);
    total_ = nullptr;
  }

 private:
  std::atomic<std::uint64_t>* total_ = nullptr;
  std::uint64_t bytes_ = 0;
};

}  // namespace sallyport::services::http
