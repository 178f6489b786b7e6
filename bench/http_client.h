// A client for benchmarks: one connection that is kept, with TCP_NODELAY, and no work that would be measured
// instead of the server's.
//
// Plain HTTP/1.1 to this machine; answers with a length, in chunks, or until the connection ends. A server
// that says nothing for a minute is an Error. For one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "core/bytes.h"
#include "core/result.h"

namespace sallyport::bench {

struct Reply {
  int status = 0;
  std::string body = {};  // empty where the bytes went to `take`
  std::uint64_t bytes = 0;
};

class HttpClient {
 public:
  static Result<HttpClient> connect(std::uint16_t port);
  ~HttpClient();
  HttpClient(HttpClient&& other) noexcept;
  HttpClient& operator=(HttpClient&&) = delete;

  using Take = std::function<void(BytesView)>;
  // Sends and waits for the whole answer; its bytes go to `take` where there is one.
  Result<Reply> ask(std::string_view method, std::string_view target, BytesView body = {},
                    std::string_view content_type = "application/json", const Take& take = {});

 private:
  explicit HttpClient(int fd) : fd_(fd) {}
  Result<void> send(std::string_view head, BytesView body);
  Result<void> fill();
  Result<std::string> line();
  Result<void> body(std::uint64_t bytes, Reply& reply, const Take& take);
  Result<void> chunks(Reply& reply, const Take& take);

  int fd_ = -1;
  Bytes buffer_ = Bytes(256 * 1024);
  std::size_t at_ = 0;
  std::size_t end_ = 0;
};

}  // namespace sallyport::bench
