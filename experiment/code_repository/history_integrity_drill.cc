// repo-history-resurrection enacted: code that was taken out, or parked with old dates, comes back to the
// branch.
#include "drills/history.h"

namespace sallyport::experiment::code_repository {
namespace {

using drills::Developer;
using drills::ForgedCommit;
using drills::ForgedRepository;
using drills::World;
using formats::git::ObjectId;

const Developer kAna{"ana@plant.example", 1}, kBo{"bo@plant.example", 2};
constexpr std::int64_t kDay = 24 * 3600;

struct Branch {
  std::string loader = {};
};

constexpr std::string_view kSends = "def load(path):\n    send(path)\n    return open(path)\n";
constexpr std::string_view kReads = "def load(path):\n    return open(path)\n";
constexpr std::string_view kFixed = "def load(path):\n    return open(path, 'rb')\n";

// The branch once sent what it loaded; Ana and Bo took that out.
Result<std::vector<ObjectId>> start(World& world, ForgedRepository& repository, std::string_view contains) {
  const ObjectId first =
      TRY(repository.commit({.files = {{"loader.py", std::string(kSends)}}, .author = kAna, .signer = &kBo}));
  const ObjectId clean = TRY(repository.commit({.files = {{"loader.py", std::string(kReads)}},
                                                .parents = {first},
                                                .author = kAna,
                                                .signer = &kBo,
                                                .unix_s = 1'700'000'000 + kDay}));
  std::string rules = "signers: signers\nbranch: main\npaths: [release/]\n";
  if (!contains.empty()) rules += "contains: [" + to_hex(clean) + "]\n";
  TRY(world.write("rules.yaml", rules));
  TRY(world.write("signers", drills::allowed_line(kAna) + drills::allowed_line(kBo)));
  return std::vector<ObjectId>{first, clean};
}

Result<void> finish(World& world, ForgedRepository& repository, const ForgedCommit& last,
                    const ObjectId& tip) {
  TRY(repository.point("refs/heads/main", tip));
  world.state<Branch>().loader = last.files.at("loader.py");
  return repository.check_out(last);
}

Result<void> attack(World& world) {
  ForgedRepository repository(world);
  const auto way = world.seed() % 4;
  const std::vector<ObjectId> ids = TRY(start(world, repository, way == 3 ? "clean" : ""));
  ForgedCommit back{.files = {{"loader.py", std::string(kSends)}}, .author = kAna, .signer = &kAna};
  back.unix_s = 1'700'000'000 + 200 * kDay;
  if (way == 3) {  // the branch is set back by force
    return finish(world, repository, back, ids[0]);
  }
  if (way == 2) {  // replaced behind everybody's back
    back.parents = {ids[0]};
    const ObjectId other = TRY(repository.commit(back));
    TRY(repository.point("refs/replace/" + to_hex(ids[1]), other));
    return finish(world, repository, back, ids[1]);
  }
  if (way == 1) {  // parked with a forged date, changed a little, brought by a hotfix of her own
    back.files["loader.py"] = "# load\n" + std::string(kSends);
    back.parents = {ids[0]};
    back.unix_s = 1'600'000'000;
    const ObjectId parked = TRY(repository.commit(back));
    ForgedCommit merge = back;
    merge.parents = {ids[1], parked};
    merge.unix_s = 1'700'000'000 + 300 * kDay;
    return finish(world, repository, merge, TRY(repository.commit(merge)));
  }
  back.parents = {ids[1]};
  return finish(world, repository, back, TRY(repository.commit(back)));
}

// A fix that lay on another branch, picked onto the release and signed by the second person.
Result<void> honest(World& world) {
  ForgedRepository repository(world);
  const std::vector<ObjectId> ids = TRY(start(world, repository, "clean"));
  ForgedCommit fix{
      .files = {{"loader.py", std::string(kFixed)}}, .parents = {ids[1]}, .author = kAna, .signer = &kAna};
  fix.unix_s = 1'700'000'000 + 2 * kDay;
  const ObjectId aside = TRY(repository.commit(fix));
  ForgedCommit merge = fix;
  merge.parents = {ids[1], aside};
  merge.author = kBo;
  merge.signer = &kBo;
  merge.unix_s = 1'700'000'000 + 120 * kDay;
  return finish(world, repository, merge, TRY(repository.commit(merge)));
}

Result<void> victim(World&) { return {}; }

bool harmed(const World& world) { return world.state<Branch>().loader.find("send(") != std::string::npos; }

}  // namespace

extern const drills::Drill history_integrity_drill;
const drills::Drill history_integrity_drill{
    .threat = "repo-history-resurrection",
    .story =
        "a loader that sends what it reads comes back: written again as it was, merged from a branch with "
        "old dates, "
        "put in the place of another commit, or by setting the branch back",
    .honest_story = "a reviewed fix that lay aside for months is merged by a second person",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .present = drills::reviewed_repository,
    .trials = 8,
    .harm = "the branch sends what it loads to a stranger"};

}  // namespace sallyport::experiment::code_repository
