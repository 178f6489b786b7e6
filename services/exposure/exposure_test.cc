#include "services/exposure/exposure.h"

#include <gtest/gtest.h>

#include <map>
#include <mutex>

#include "services/http/http.h"

namespace sallyport::services::exposure {
namespace {

std::vector<std::string> rules(const std::string& text) {
  const auto found = lint("f", as_bytes(text));
  EXPECT_TRUE(found) << found.error().message;
  std::vector<std::string> out;
  for (const Exposure& one : found.value_or(std::vector<Exposure>{})) out.push_back(one.rule);
  return out;
}

using Rules = std::vector<std::string>;

TEST(Exposure, GrantsToEverybodyAreFound) {
  EXPECT_EQ(rules(R"({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
                     "Resource": "arn:aws:s3:::m/*"}]})"),
            (Rules{"public-read"}));
  EXPECT_EQ(rules(R"({"Statement": {"Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam::1:root", "*"]},
                     "Action": ["s3:PutObject", "s3:ListBucket"], "Resource": "*"}})"),
            (Rules{"public-write", "public-list"}));
  EXPECT_EQ(rules(R"({"Statement": [{"Effect": "Allow", "NotPrincipal": {"AWS": "x"}, "Action": "s3:*"}]})"),
            (Rules{"public-read", "public-write", "public-list"}));
  EXPECT_EQ(rules(R"({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
                     "Condition": {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}}]})"),
            (Rules{"public-read"}));
  EXPECT_EQ(rules(R"({"Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::1:role/d"},
                     "Action": "*", "Resource": "*"}]})"),
            (Rules{"wildcard-grant"}));
  EXPECT_EQ(rules(R"({"Grants": [{"Grantee": {"URI": "http://acs.amazonaws.com/groups/global/AllUsers"},
                     "Permission": "FULL_CONTROL"}]})"),
            (Rules{"public-write", "public-read"}));
  EXPECT_EQ(rules(R"({"PublicAccessBlockConfiguration": {"BlockPublicAcls": true, "IgnorePublicAcls": true,
                     "BlockPublicPolicy": false}})"),
            (Rules{"unblocked", "unblocked"}));
  EXPECT_EQ(rules("curl 'https://m.s3.example/w?X-Amz-Expires=604800&X-Amz-Signature=00'"),
            (Rules{"long-link"}));
  EXPECT_EQ(rules("X-Amz-Expires=99999999999999999999"), (Rules{"long-link"}));
}

TEST(Exposure, WhatIsNarrowIsNotFound) {
  for (const char* text :
       {R"({"Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::1:role/deployer"},
            "Action": ["s3:GetObject"], "Resource": "arn:aws:s3:::m/digits/*"}]})",
        R"({"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:*"}]})",
        R"({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
            "Condition": {"StringEquals": {"aws:SourceVpce": "vpce-1"}}}]})",
        R"({"Grants": [{"Grantee": {"ID": "abc"}, "Permission": "FULL_CONTROL"}]})",
        R"({"PublicAccessBlockConfiguration": {"BlockPublicAcls": true, "IgnorePublicAcls": true,
            "BlockPublicPolicy": true, "RestrictPublicBuckets": true}})",
        "https://m.s3.example/w?X-Amz-Expires=300", "nothing to see", "{}", ""}) {
    EXPECT_EQ(rules(text), Rules{}) << text;
  }
  EXPECT_FALSE(lint("f", as_bytes("{\"Statement\": ")));
}

// An object store that lets strangers do some of three things.
class Bucket : public http::Handler {
 public:
  http::Answer handle(const http::Request& request) override {
    const std::scoped_lock lock(mutex);
    if (request.method == "GET" && request.path == "/b/") return {.status = lists ? 200 : 403};
    if (request.method == "GET") {
      return {.status = reads && objects.contains(request.path) ? 200 : 403, .body = objects[request.path]};
    }
    if (!writes) return {.status = 403};
    if (request.method == "PUT") objects[request.path] = std::string(as_text(request.body));
    if (request.method == "DELETE") objects.erase(request.path);
    return {.status = 200};
  }
  http::Answer refuse(int status, const std::string&) override { return {.status = status}; }

  bool lists = false;
  bool reads = false;
  bool writes = false;
  std::mutex mutex;
  std::map<std::string, std::string> objects = {{"/b/w", "weights"}};
};

TEST(Exposure, TheProbeSeesWhatAStrangerMayAndLeavesNothing) {
  for (int mask = 0; mask < 8; ++mask) {
    Bucket bucket;
    bucket.lists = (mask & 1) != 0;
    bucket.reads = (mask & 2) != 0;
    bucket.writes = (mask & 4) != 0;
    const auto server = http::Server::start(bucket);
    ASSERT_TRUE(server);
    const std::string address = "http://127.0.0.1:" + std::to_string((*server)->port()) + "/b";
    const auto found = probe(system_env(), address, {.object = "w"});
    ASSERT_TRUE(found) << found.error().message;
    Rules seen;
    for (const Exposure& one : *found) seen.push_back(one.rule);
    Rules expected;
    if (bucket.lists) expected.push_back("public-list");
    if (bucket.reads) expected.push_back("public-read");
    if (bucket.writes) expected.push_back("public-write");
    EXPECT_EQ(seen, expected) << mask;
    (*server)->stop();
    EXPECT_EQ(bucket.objects.size(), 1U) << "the probe's own object is gone";
  }
  EXPECT_FALSE(probe(system_env(), "http://127.0.0.1:1/b", {})) << "what cannot be reached says nothing";
}

}  // namespace
}  // namespace sallyport::services::exposure
