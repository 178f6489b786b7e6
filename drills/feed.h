// A feed over HTTP/1.1 on the loopback: a producer's server, whoever sits in between, and a collector's
// client.
//
// Real sockets, so that what a proxy does to a delivery is done to bytes on a wire. A server answers one
// connection at a time from a thread of its own and stops when it is destroyed; a fetch is for one thread.
// Bodies are bounded by kFeedBytesMax and every wait by kFeedWaitMs.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/result.h"

namespace sallyport::drills {

inline constexpr std::size_t kFeedBytesMax = 16U << 20;
inline constexpr int kFeedWaitMs = 5000;

class FeedServer {
 public:
  // The bytes to send for a path, in pieces that are written apart. An empty piece is a pause. The connection
  // is closed after the last one, complete or not.
  using Answer = std::function<std::vector<Bytes>(const std::string& path)>;

  static Result<std::unique_ptr<FeedServer>> start(Answer answer);
  ~FeedServer();
  FeedServer(const FeedServer&) = delete;
  FeedServer& operator=(const FeedServer&) = delete;

  int port() const;

 private:
  struct Running;
  explicit FeedServer(std::unique_ptr<Running> running);
  std::unique_ptr<Running> running_;
};

// How a body travels. Every one of these says the same to an honest client.
struct Framing {
  std::size_t piece_bytes = kFeedBytesMax;
  bool chunked = false;  // Transfer-Encoding, in chunks of piece_bytes
  bool gzip = false;     // Content-Encoding
  bool slow = false;     // with pauses in between
  bool cut = false;      // the connection dies halfway
};
std::vector<Bytes> response_of(BytesView body, const Framing& framing = {});

// GET; tries again when the connection dies early, three times in all. Decodes chunks and gzip.
Result<Bytes> fetch(int port, std::string_view path);

}  // namespace sallyport::drills
