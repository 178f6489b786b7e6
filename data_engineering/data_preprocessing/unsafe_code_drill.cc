// prep-pipeline-code-exec enacted in a repository: a cleaning script trusts what its table, its settings or
// its model says, and a table that somebody else wrote leaves a mark.
#include <array>

#include "drills/repository.h"
#include "drills/victims/python.h"

namespace sallyport::data_engineering::data_preprocessing {
namespace {

using drills::World;

struct Way {
  std::string_view code;
  std::string_view table;
};
constexpr std::string_view kRead =
    "import csv, os, subprocess, pickle\ncolumn = open('table.csv').read().strip()\n";
constexpr std::array<Way, 6> kWays{{
    {"value = eval(column)\n", "__import__('os').mkdir('mark')"},
    {"exec(column)\n", "import os; os.mkdir('mark')"},
    {"os.system('wc -l ' + column)\n", "table.csv; mkdir mark"},
    {"subprocess.run(f'wc -l {column}', shell=True)\n", "table.csv; mkdir mark"},
    {"subprocess.check_output('wc -l %s' % column, shell=True)\n", "table.csv; mkdir mark"},
    {"pickle.loads(bytes(column, 'ascii'))\n", "cos\nmkdir\n(S'mark'\ntR."},
}};

Result<void> put(World& world, const std::string& code, std::string_view table) {
  TRY(world.write("repo/clean.py", std::string(kRead) + code));
  return world.write("table.csv", std::string(table));
}

Result<void> attack(World& world) {
  const Way& way = kWays[world.seed() % kWays.size()];
  return put(world, std::string(way.code), way.table);
}

// The same work on the same tables, without trust in them.
Result<void> honest(World& world) {
  constexpr std::array<std::string_view, 3> kCode{
      "import ast\ntry:\n    value = ast.literal_eval(column)\nexcept (ValueError, SyntaxError):\n    value "
      "= None\n",
      "subprocess.run(['wc', '-l', column])\n", "import json\nmodel = json.dumps({'column': column})\n"};
  return put(world, std::string(kCode[world.seed() % kCode.size()]),
             kWays[world.seed() % kWays.size()].table);
}

Result<void> victim(World& world) {
  return drills::victims::run_python(world, "import runpy\nrunpy.run_path('repo/clean.py')\n", {});
}

bool harmed(const World& world) { return world.exists("mark"); }

}  // namespace

extern const drills::Drill unsafe_code_drill;
const drills::Drill unsafe_code_drill{
    .threat = "prep-pipeline-code-exec",
    .story = "a cleaning script evaluates, unpickles or hands to a shell what a table says",
    .honest_story = "the same tables, read as literals, as words of a command, as JSON",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .present = drills::present_repository,
    .trials = 12,
    .harm = "the table's text has run as code"};

}  // namespace sallyport::data_engineering::data_preprocessing
