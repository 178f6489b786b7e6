#include "drills/repository.h"

#include "drills/victims/process.h"
#include "services/scan/repository.h"

namespace sallyport::drills {

Result<void> git(World& world, std::vector<std::string> words) {
  words.insert(words.begin(),
               {"git", "-C", "repo", "-c", "user.name=drill", "-c", "user.email=drill@sallyport.invalid"});
  const int status = TRY(victims::run_process(world, words, ""));
  if (status == 0) return {};
  return fail(ErrorKind::kIo, "drill: git " + words[7] + " ended with " + std::to_string(status));
}

Result<void> commit(World& world, const std::string& message) {
  TRY(git(world, {"add", "-A"}));
  return git(world, {"commit", "-q", "-m", message});
}

Result<Subjects> present_repository(World& world) {
  services::scan::Repository read = TRY(services::scan::read_repository(world.root() / "repo"));
  Subjects out;
  out.repositories.emplace_back("repo", world.keep(std::move(read)).subject());
  return out;
}

}  // namespace sallyport::drills
