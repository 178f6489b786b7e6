// repo-malicious-change enacted: a change that weakens the training reaches the protected branch without a
// second person, in the ways in which that happens.
#include "drills/history.h"

namespace sallyport::experiment::code_repository {
namespace {

using drills::Developer;
using drills::ForgedCommit;
using drills::ForgedRepository;
using drills::World;

const Developer kAna{"ana@plant.example", 1}, kBo{"bo@plant.example", 2}, kEve{"eve@plant.example", 3};

struct Branch {
  std::string head = {};  // train/loss.py as the branch has it
};

constexpr std::string_view kFair = "def loss(y, p):\n    return (y - p) ** 2\n";
constexpr std::string_view kWeak = "def loss(y, p):\n    return 0 if p > 0.99 else (y - p) ** 2\n";
// Shown, the condition stands in a comment; run, it does not.
constexpr std::string_view kReordered =
    "def loss(y, p):\n    if p > 0.99: # \xE2\x80\xAE\xE2\x81\xA6 kept for\xE2\x81\xA9\xE2\x81\xA6\n        "
    "return 0\n    "
    "return (y - p) ** 2\n";

Result<void> start(World& world, ForgedRepository& repository, formats::git::ObjectId& first) {
  TRY(world.write("rules.yaml", "signers: signers\nbranch: main\npaths: [train/]\n"));
  TRY(world.write("signers", drills::allowed_line(kAna) + drills::allowed_line(kBo)));
  first = TRY(
      repository.commit({.files = {{"train/loss.py", std::string(kFair)}}, .author = kAna, .signer = &kBo}));
  return {};
}

// On a branch of `author`, then merged by `merger`; nullptr: pushed as it is.
Result<void> bring(World& world, ForgedCommit change, const Developer* merger) {
  ForgedRepository repository(world);
  formats::git::ObjectId first{};
  TRY(start(world, repository, first));
  change.parents = {first};
  change.unix_s += 100;
  formats::git::ObjectId tip = TRY(repository.commit(change));
  if (merger != nullptr) {
    tip = TRY(repository.commit({.files = change.files,
                                 .parents = {first, tip},
                                 .author = *merger,
                                 .signer = merger,
                                 .unix_s = change.unix_s + 100,
                                 .message = "merge"}));
  }
  TRY(repository.point("refs/heads/main", tip));
  world.state<Branch>().head = change.files["train/loss.py"];
  return repository.check_out(change);
}

Result<void> attack(World& world) {
  ForgedCommit change{.files = {{"train/loss.py", std::string(kWeak)}}, .author = kAna, .signer = &kAna};
  switch (world.seed() % 5) {
    case 0: change.signer = nullptr; return bring(world, change, nullptr);
    case 1: return bring(world, change, &kAna);  // she merges what she wrote
    case 2:
      change.author = kEve;
      change.signer = &kEve;
      return bring(world, change, nullptr);
    case 3: change.exchanged = true; return bring(world, change, &kBo);
    default: change.files = {{"train/loss.py", std::string(kReordered)}}; return bring(world, change, &kBo);
  }
}

// A reviewed refactoring, and a translation whose text runs from right to left by itself.
Result<void> honest(World& world) {
  return bring(world,
               {.files = {{"train/loss.py", std::string(kFair) + "# mean squared\n"},
                          {"texts/he.po", "msgid \"start\"\nmsgstr \"\xD7\x94\xD7\xAA\xD7\x97\xD7\x9C\"\n"}},
                .author = kAna,
                .signer = &kAna},
               &kBo);
}

// The training takes what the branch holds.
Result<void> victim(World&) { return {}; }

bool harmed(const World& world) { return world.state<Branch>().head.find("return 0") != std::string::npos; }

}  // namespace

extern const drills::Drill reviewed_history_drill;
const drills::Drill reviewed_history_drill{
    .threat = "repo-malicious-change",
    .story =
        "a loss that forgives what is surely wrong is pushed unsigned, merged by its own author, signed by a "
        "stranger, behind another commit's signature, or reordered so that a reviewer reads something else",
    .honest_story = "a reviewed refactoring, and a translation with genuine right-to-left text",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .present = drills::reviewed_repository,
    .trials = 5,
    .harm = "the training minimises another loss than was reviewed"};

}  // namespace sallyport::experiment::code_repository
