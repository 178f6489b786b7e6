// export-object-store-exposure enacted: exported models lie with an object server on this machine that lets
// strangers list, read and write below the model's prefix. A thief lists what is there, copies the weights
// and puts others in their place. The honest twin is a deployer with a presigned link, good for five minutes
// and one object.
#include <map>
#include <mutex>

#include "core/digest.h"
#include "drills/drill.h"
#include "services/exposure/exposure.h"
#include "services/http/http.h"
#include "trust/vault.h"

namespace sallyport::production::model_export {

extern const drills::Drill store_exposure_drill;

namespace {

using drills::World;
namespace exposure = services::exposure;
namespace http = services::http;

constexpr const char* kPrefix = "/models/digits/";
constexpr const char* kWeights = "model.onnx";
constexpr int kLinkSeconds = 300;

// An object server: for strangers when it is open, else for who shows a link that it signed.
class Bucket : public http::Handler {
 public:
  http::Answer handle(const http::Request& request) override {
    const std::scoped_lock lock(mutex);
    if (!open && request.query != link_to(request.path)) return {.status = 403};
    if (request.method == "PUT") {
      objects[request.path] = std::string(as_text(request.body));
      return {.status = 200};
    }
    if (request.method == "DELETE") {
      objects.erase(request.path);
      return {.status = 204};
    }
    if (request.path == kPrefix) {
      std::string names;
      for (const auto& [name, bytes] : objects) names += name + "\n";
      return {.status = 200, .body = names};
    }
    const auto object = objects.find(request.path);
    if (object == objects.end()) return {.status = 404};
    return {.status = 200, .content_type = "application/octet-stream", .body = object->second};
  }
  http::Answer refuse(int status, const std::string&) override { return {.status = status}; }

  // The query of a link for one object; nobody else can make it.
  std::string link_to(const std::string& path) const {
    const std::string terms = "X-Amz-Expires=" + std::to_string(kLinkSeconds);
    return terms + "&X-Amz-Signature=" + hmac_sha256(as_bytes(secret), as_bytes(path + terms)).hex();
  }

  bool open = true;
  std::string secret = {};
  std::mutex mutex;
  std::map<std::string, std::string> objects = {};
};

struct Story {
  bool hostile = false;
  std::string weights = {};   // as they were exported
  std::string policy = {};    // of the bucket, as its owner wrote it
  std::string taken = {};     // what the thief went away with
  std::string deployed = {};  // what the deployer loads afterwards
};

Result<void> prepare(World& world, bool hostile) {
  Story& story = world.state<Story>();
  story.hostile = hostile;
  Bytes weights(100'000);
  system_env().random(weights);
  story.weights = std::string(as_text(weights));
  const std::string principal = hostile ? "\"*\"" : R"({"AWS": "arn:aws:iam::1:role/deployer"})";
  story.policy = R"({"Statement": [{"Effect": "Allow", "Principal": )" + principal +
                 R"(, "Action": ["s3:GetObject", "s3:PutObject", "s3:ListBucket"],
                     "Resource": "arn:aws:s3:::models/digits/*"}]})";
  return {};
}
Result<void> attack(World& world) { return prepare(world, true); }
Result<void> honest(World& world) { return prepare(world, false); }

// The thief's visit to an open bucket, then the deployer's; what the deployer gets is what lies there.
Result<void> visit(Bucket& bucket, Story& story) {
  const auto server = TRY(http::Server::start(bucket));
  const std::uint16_t port = server->port();
  const std::string object = std::string(kPrefix) + kWeights;
  story.taken.clear();
  if (story.hostile) {
    const http::Exchange names = TRY(http::ask(port, {.target = kPrefix}));
    if (names.body.find(object) != std::string::npos) {
      story.taken = TRY(http::ask(port, {.target = object})).body;
    }
    const std::string trojan(story.weights.size(), 't');
    TRY(http::ask(port, {.method = "PUT", .target = object, .body = trojan}));
  }
  const http::Exchange got = TRY(http::ask(port, {.target = object + "?" + bucket.link_to(object)}));
  if (got.status != 200) return invalid("the deployer's link was not honoured");
  story.deployed = got.body;
  return {};
}

// The bucket with what was exported in it, as `stored`.
void furnish(Bucket& bucket, const Story& story, std::string stored) {
  bucket.open = story.hostile;
  bucket.secret = "the bucket's own";
  bucket.objects[std::string(kPrefix) + kWeights] = std::move(stored);
}

Result<void> victim(World& world) {
  Story& story = world.state<Story>();
  Bucket bucket;
  furnish(bucket, story, story.weights);
  return visit(bucket, story);
}

bool harmed(const World& world) {
  const Story& story = world.state<Story>();
  return story.taken == story.weights || story.deployed != story.weights;
}

// How many bytes of the weights stand in what was taken, in pieces of sixteen.
std::size_t plain_bytes(const Story& story) {
  std::size_t out = 0;
  for (std::size_t at = 0; at + 16 <= story.weights.size(); at += 16) {
    if (story.taken.find(story.weights.substr(at, 16)) != std::string::npos) out += 16;
  }
  return out;
}

Result<drills::Outcome> defend(World& world) {
  Story& story = world.state<Story>();
  Env& env = system_env();
  const trust::VaultKey key = trust::VaultKey::generate(env);
  Bucket bucket;
  furnish(bucket, story,
          std::string(as_text(trust::seal_object(env, key, kWeights, as_bytes(story.weights)))));
  // Before anything is deployed from there: what its policy grants, what it gives to strangers, and whether
  // the deployer's link is a short one.
  auto found = TRY(exposure::lint("policy.json", as_bytes(story.policy)));
  const std::string link = bucket.link_to(std::string(kPrefix) + kWeights);
  for (auto& one : TRY(exposure::lint("link", as_bytes(link)))) found.push_back(std::move(one));
  {
    const auto server = TRY(http::Server::start(bucket));
    const std::string address = "http://127.0.0.1:" + std::to_string(server->port()) + "/models/digits";
    for (auto& one : TRY(exposure::probe(env, address, {.object = kWeights})))
      found.push_back(std::move(one));
  }
  TRY(visit(bucket, story));
  const auto opened = trust::open_object(key, kWeights, as_bytes(story.deployed));
  if (!story.hostile) {
    const bool whole = opened && as_text(*opened) == story.weights;
    return drills::Outcome{!whole || !found.empty(),
                           found.empty() ? "the object did not open" : found[0].what};
  }
  // All of it must hold: both look-outs saw it, no byte leaked, and the trojan does not open.
  std::size_t by_policy = 0;
  for (const auto& one : found) by_policy += one.where.starts_with("policy.json") ? 1 : 0;
  const bool seen = by_policy == 3 && found.size() == 6;
  return drills::Outcome{seen && plain_bytes(story) == 0 && !opened,
                         std::to_string(found.size()) + " exposures found before, 0 of " +
                             std::to_string(story.weights.size()) +
                             " bytes taken in the clear, and the "
                             "exchanged object does not open"};
}

}  // namespace

const drills::Drill store_exposure_drill{
    .threat = "export-object-store-exposure",
    .story =
        "an object server lets strangers list, read and write below the model's prefix; a thief copies the "
        "weights and puts others in their place",
    .honest_story = "a deployer with a presigned link, good for five minutes and one object",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .defend = defend,
    .trials = 2,
    .harm = "the weights are stolen, and others are deployed"};

}  // namespace sallyport::production::model_export
