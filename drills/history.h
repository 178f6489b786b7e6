// A git repository of a drill's own making, object by object, with commits that are signed as ssh-keygen
// signs, so that neither git nor OpenSSH's programs are needed and nothing depends on the clock. In the
// folder "repo" of its world. For one thread at a time.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "drills/drill.h"
#include "formats/git.h"

namespace sallyport::drills {

// Somebody with an Ed25519 key that a seed decides.
struct Developer {
  std::string email;
  std::uint8_t seed = 1;
};
// "ana@plant.example ssh-ed25519 AAAA...": their line of the file of allowed signers.
std::string allowed_line(const Developer& developer);

struct ForgedCommit {
  std::map<std::string, std::string> files = {};  // all of the commit's, by path
  std::vector<formats::git::ObjectId> parents = {};
  Developer author = {};
  const Developer* signer = nullptr;  // nullptr: it bears no signature
  std::int64_t unix_s = 1'700'000'000;
  std::string message = "change";
  bool exchanged = false;  // the message is another one than was signed
};

class ForgedRepository {
 public:
  explicit ForgedRepository(World& world) : world_(world) {}

  Result<formats::git::ObjectId> commit(const ForgedCommit& commit);
  // Points a reference at a commit: "refs/heads/main". HEAD is main.
  Result<void> point(const std::string& name, const formats::git::ObjectId& id);
  // Writes a commit's files to the folder, as a checkout does.
  Result<void> check_out(const ForgedCommit& commit);

 private:
  Result<formats::git::ObjectId> write(formats::git::ObjectType type, const std::string& content);
  Result<formats::git::ObjectId> tree(const std::map<std::string, std::string>& files);

  World& world_;
};

// That repository as the gate sees it, with what its history says under the review rules in "rules.yaml".
Result<Subjects> reviewed_repository(World& world);

}  // namespace sallyport::drills
