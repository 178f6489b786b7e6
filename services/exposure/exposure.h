// What a store of artifacts gives to people who show nothing: by its settings, and by asking it.
//
// The linter reads a bucket policy (Version, Statement), a bucket's ACL (Grants) and its public access block,
// as S3 and those who speak its language have them, and presigned links in any text. It says what is granted
// to everybody, to whole services or for longer than a deployment takes; what it does not understand it says
// too. The probe asks without credentials, as a stranger would: it lists, reads one named object, and writes
// one of its own, which it takes away again. Values; safe from any thread.
#pragma once

#include <string>
#include <vector>

#include "core/env.h"
#include "services/http/fetch.h"

namespace sallyport::services::exposure {

// A link that lives longer is as good as a key that nobody can take back.
inline constexpr std::int64_t kPresignedSecondsMax = 3600;

struct Exposure {
  std::string rule = {};   // "public-read", "public-write", "public-list", "wildcard-grant", "long-link"
  std::string where = {};  // "policy.json: Statement 2"
  std::string what = {};
};

// `name` is for messages. An Error when it is JSON that does not parse or is over limits::kYamlDataBytesMax.
Result<std::vector<Exposure>> lint(const std::string& name, BytesView bytes);

struct ProbeOptions {
  std::string object = {};  // the key of an object that is there; "": none is read
  http::FetchOptions fetch = {.bytes_max = 1 << 20};
};
// `bucket` is its address without a final '/'. An Error when it cannot be reached: that says nothing.
Result<std::vector<Exposure>> probe(Env& env, const std::string& bucket, const ProbeOptions& options);

}  // namespace sallyport::services::exposure
