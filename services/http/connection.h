// One connection of the transport: read a request, hand it to the handler, write the answer, and again while
// the client keeps it open.
//
// Runs on its strand; the handler is called on the pool of waiting threads, one call at a time.
#pragma once

// Boost 1.74's awaitable.hpp needs it and does not say so.
#include <utility>

#include <atomic>
#include <boost/asio.hpp>
#include <cstdint>

#include "services/http/http.h"

namespace sallyport::services::http {

// Requests that wait for their turn, for a commit or for a disk each hold one of these threads, and none of
// the transport's.
inline constexpr std::size_t kWaitingThreads = 64;

// What the connections of a server share.
struct Shared {
  Handler& handler;
  boost::asio::thread_pool waiting{kWaitingThreads};
  std::atomic<int> open{0};
  std::atomic<std::uint64_t> body_bytes{0};
  bool loopback = true;
  std::shared_ptr<const Tls> tls = {};
};

enum class Admission : std::uint8_t { kWelcome, kFull };
void serve_connection(boost::asio::ip::tcp::socket socket, Shared& shared, Admission admission);

}  // namespace sallyport::services::http
