// output-downstream-injection enacted: a scripted model answers with markup that acts, and a dashboard puts
// the answer into its page. 200 vectors, one a trial.
#include "drills/drill.h"
#include "drills/forges/markup.h"
#include "drills/victims/browser.h"

namespace sallyport::production::output_data {
namespace {

using drills::World;

struct Shown {
  drills::Answer answer = {};
  std::vector<std::string> acts = {};
};

Result<void> attack(World& world) {
  world.state<Shown>().answer = drills::forge_markup(world.seed() % drills::kMarkupVectors);
  return world.write("answer", world.state<Shown>().answer.body);
}

Result<void> honest(World& world) {
  world.state<Shown>().answer = drills::ordinary_answer(world.seed());
  return world.write("answer", world.state<Shown>().answer.body);
}

Result<void> victim(World& world) {
  const Bytes body = TRY(world.read("answer"));
  world.state<Shown>().acts = drills::dashboard_acts(world.state<Shown>().answer.content_type, as_text(body));
  return {};
}

bool harmed(const World& world) { return !world.state<Shown>().acts.empty(); }

Result<Subjects> present(World& world) {
  const drills::Answer& answer = world.state<Shown>().answer;
  Subjects out;
  out.responses.emplace_back(
      "answer", ResponseSubject{.content_type = answer.content_type, .body = as_bytes(answer.body)});
  return out;
}

}  // namespace

extern const drills::Drill markup_injection_drill;
const drills::Drill markup_injection_drill{
    .threat = "output-downstream-injection",
    .story =
        "a model's answer holds a script, a handler, a link that runs or an image that tells on its reader",
    .honest_story = "answers with tables, safe links and literal code",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .present = present,
    .trials = static_cast<int>(drills::kMarkupVectors),
    .harm = "the reader's page runs or fetches what the answer says"};

}  // namespace sallyport::production::output_data
