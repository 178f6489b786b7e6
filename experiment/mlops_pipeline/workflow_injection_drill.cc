// pipeline-step-injection enacted in a workflow: somebody opens a pull request whose title is a command.
#include "drills/repository.h"
#include "drills/victims/process.h"
#include "formats/yaml_tree.h"

namespace sallyport::experiment::mlops_pipeline {
namespace {

using drills::World;

constexpr std::string_view kPath = "repo/.github/workflows/greet.yml";
constexpr std::string_view kExpression = "${{ github.event.pull_request.title }}";
// What the stranger calls the pull request; it leaves a mark and nothing else.
constexpr std::string_view kTitle = "Fix typo\"; : > marked; echo \"";

constexpr std::string_view kHead =
    "name: greet\non: pull_request\npermissions:\n  contents: read\njobs:\n  greet:\n"
    "    runs-on: ubuntu-24.04\n    steps:\n";

Result<void> attack(World& world) {
  return world.write(kPath, std::string(kHead) + "      - run: |\n          echo \"Thanks for " +
                                std::string(kExpression) + "\"\n");
}

Result<void> honest(World& world) {
  return world.write(kPath, std::string(kHead) +
                                "      - env:\n          TITLE: " + std::string(kExpression) +
                                "\n        run: |\n          echo \"Thanks for $TITLE\"\n");
}

// A runner: expressions are replaced by the event's text, then the script goes to a shell.
Result<void> victim(World& world) {
  const Bytes bytes = TRY(world.read(kPath));
  const auto tree = TRY(formats::read_yaml_tree(as_text(bytes)));
  const formats::YamlView job = tree.documents().at(0).find("jobs").find("greet");
  for (const formats::YamlView& step : job.find("steps").children()) {
    std::string script(step.find("run").text());
    if (const std::size_t at = script.find(kExpression); at != std::string::npos)
      script.replace(at, kExpression.size(), kTitle);
    std::vector<std::string> command{"env", "-i", "PATH=/usr/bin:/bin"};
    for (const formats::YamlView& variable : step.find("env").children()) {
      const bool from_event = variable.text() == kExpression;
      command.push_back(std::string(variable.key()) + "=" +
                        std::string(from_event ? kTitle : variable.text()));
    }
    command.insert(command.end(), {"sh", "-c", script});
    TRY(drills::victims::run_process(world, command, ""));
  }
  return {};
}

bool harmed(const World& world) { return world.exists("marked"); }

}  // namespace

extern const drills::Drill workflow_injection_drill;
const drills::Drill workflow_injection_drill{
    .threat = "pipeline-step-injection",
    .story =
        "a stranger opens a pull request whose title is a command, and the workflow pastes it into a script",
    .honest_story = "the same title reaches the script as the value of a variable",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .present = drills::present_repository,
    .harm = "the stranger's command runs in the workflow"};

}  // namespace sallyport::experiment::mlops_pipeline
