// One document from an address that the operator has written down: a key set, a log, a file of a model; or
// one question put to a service there, as a log asks its witnesses.
//
// https with trusted roots and the host's name checked, or plain http from this machine alone. No redirects
// and no proxies; the whole answer is in memory. Safe from any thread.
#pragma once

#include <filesystem>
#include <string>

#include "core/result.h"

namespace sallyport::services::http {

struct FetchOptions {
  std::size_t bytes_max = 0;
  std::string bearer = {};           // a token to show; "" for none
  std::filesystem::path roots = {};  // PEM, trusted instead of the system's
  unsigned patience_s = 10;          // for all of it
};
// The body of the answer, which must be 200 and no longer than `bytes_max`.
Result<std::string> fetch(const std::string& address, const FetchOptions& options);

struct Posted {
  std::string body = {};
  std::string content_type = "text/plain; charset=utf-8";
  std::string method = "POST";
};
struct Answered {
  int status = 0;
  std::string content_type = {};
  std::string body = {};
};
// Whatever the service answers, no longer than `bytes_max`.
Result<Answered> post(const std::string& address, const Posted& posted, const FetchOptions& options);

}  // namespace sallyport::services::http
