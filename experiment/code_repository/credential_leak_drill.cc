// repo-credential-leak enacted: a repository is pushed with a credential in it, and somebody clones it and
// reads.
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <memory>

#include "core/json.h"
#include "drills/repository.h"
#include "drills/victims/process.h"
#include "learn/random.h"

namespace sallyport::experiment::code_repository {
namespace {

using drills::commit;
using drills::git;
using drills::World;

constexpr int kWays = 5;

struct Push {
  std::string secret;  // what must not be read by others; empty in the honest twin
  bool found = false;
};

std::string random_text(learn::Random& random, std::string_view alphabet, std::size_t length) {
  std::string out;
  for (std::size_t i = 0; i < length; ++i) out.push_back(alphabet[random.below(alphabet.size())]);
  return out;
}
constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

Result<void> start(World& world) {
  TRY(world.write("repo/README.md", "# Training\n\nSet `API_TOKEN=<your token>` before you run it.\n"));
  TRY(world.write("repo/train.py", "import os\ntoken = os.environ['API_TOKEN']\n"));
  TRY(git(world, {"init", "-q", "-b", "main", "."}));
  return commit(world, "start");
}

// A key that was made this moment, and that nothing trusts.
std::string private_key() {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<BIO, decltype(&BIO_free)> memory(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_PrivateKey(memory.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  char* text = nullptr;
  const long length = BIO_get_mem_data(memory.get(), &text);
  return {text, static_cast<std::size_t>(length)};
}

std::string notebook_that_prints(const std::string& text) {
  const Json output{{"output_type", "stream"}, {"name", "stdout"}, {"text", text}};
  const Json cell{
      {"cell_type", "code"}, {"source", "print(open('key.pem').read())"}, {"outputs", Json::array({output})}};
  return pretty(Json{
      {"nbformat", 4}, {"nbformat_minor", 5}, {"metadata", Json::object()}, {"cells", Json::array({cell})}});
}

Result<void> attack(World& world) {
  learn::Random random(world.seed());
  std::string& secret = world.state<Push>().secret;
  TRY(start(world));
  switch (world.seed() % kWays) {
    case 0:
      secret = random_text(random, kLetters, 18);
      TRY(world.write("repo/storage.cfg",
                      "[store]\nurl = s3+https://trainer:" + secret + "@storage.internal/features\n"));
      return commit(world, "where the features are");
    case 1: {
      const std::string key = private_key();
      secret = key.substr(40, 40);
      TRY(world.write("repo/explore.ipynb", notebook_that_prints(key)));
      return commit(world, "explore");
    }
    case 2:
      secret = "ghp_" + random_text(random, kLetters, 36);
      TRY(world.write("repo/train.py", "token = '" + secret + "'\n"));
      TRY(commit(world, "try the token"));
      TRY(world.write("repo/train.py", "import os\ntoken = os.environ['API_TOKEN']\n"));
      return commit(world, "read the token from the environment");
    case 3:
      secret = to_base64(as_bytes("API_TOKEN=hf_" + random_text(random, kLetters.substr(0, 52), 34) + "\n"));
      TRY(world.write("repo/deploy.yaml", "kind: Secret\ndata:\n  env: " + secret + "\n"));
      return commit(world, "deploy");
    default:
      secret = random_text(random, kLetters, 40);
      TRY(world.write("repo/.env", "AWS_SECRET_ACCESS_KEY=" + secret + "\n"));
      TRY(commit(world, "environment"));
      // Packed and off every branch: only the object is left.
      TRY(git(world, {"reset", "-q", "--hard", "HEAD~1"}));
      return git(world, {"repack", "-q", "-a", "-d", "-k"});
  }
}

Result<void> honest(World& world) {
  TRY(start(world));
  TRY(world.write("repo/vectors.txt",
                  "Key = 2b7e151628aed2a6abf7158809cf4f3c\nIV = 000102030405060708090a0b0c0d0e0f\n"
                  "Tag = 530f8afbc74536b9a963b4f1c4cb738b\n"));
  TRY(world.write("repo/index.html",
                  "<script src=\"x.js\" integrity=\"sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K/uxy9rx7HNQlGY"
                  "l1kPzQho1wx4JwY8wC\" crossorigin=\"anonymous\"></script>\n"));
  TRY(world.write(
      "repo/config.md",
      "Write `postgres://user:password@localhost/db` and `AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE`.\n"
      "password: \"changeme\"\napi_key = ${API_KEY}\ntoken: <your-token>\n"));
  return commit(world, "vectors and documentation");
}

// Anyone who can read the repository: a full copy, and every object's text.
Result<void> victim(World& world) {
  Push& push = world.state<Push>();
  const std::string script =
      "cp -r repo/.git clone.git && git -C clone.git cat-file --batch --batch-all-objects > all.txt";
  TRY(drills::victims::run_process(world, {"sh", "-c", script}, ""));
  const Bytes all = TRY(world.read("all.txt"));
  // A notebook spells line ends as two characters; the part looked for has none.
  push.found = !push.secret.empty() && as_text(all).find(push.secret) != std::string_view::npos;
  return {};
}

bool harmed(const World& world) { return world.state<Push>().found; }

}  // namespace

extern const drills::Drill credential_leak_drill;
const drills::Drill credential_leak_drill{
    .threat = "repo-credential-leak",
    .story =
        "a password, a private key or a token is pushed, in a file, a notebook's output or history alone",
    .honest_story =
        "published test vectors, a subresource hash and the placeholders of documentation are pushed",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .present = drills::present_repository,
    .trials = 2 * kWays};

}  // namespace sallyport::experiment::code_repository
