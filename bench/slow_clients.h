// Clients that begin a request and never end it, as many as the machine lets one process hold.
//
// Closed when destroyed. For one thread at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "core/result.h"

namespace sallyport::bench {

class SlowClients {
 public:
  // `count` of them, or an Error when that many cannot be had.
  static Result<SlowClients> connect(std::uint16_t port, std::size_t count);
  ~SlowClients();
  SlowClients(SlowClients&& other) noexcept;
  SlowClients& operator=(SlowClients&&) = delete;

 private:
  SlowClients() = default;

  std::vector<int> fds_;
};

}  // namespace sallyport::bench
