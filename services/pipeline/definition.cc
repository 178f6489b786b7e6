#include "services/pipeline/definition.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "core/limits/sandbox.h"
#include "core/yaml.h"
#include "formats/authority.h"
#include "trust/manifest.h"

namespace sallyport::services::pipeline {
namespace {

// The artifacts that a stage reads and writes unless its owner says otherwise, and the options of its
// built-in.
struct StageDefaults {
  Stage stage;
  std::vector<std::string> reads;
  std::vector<std::string> writes;
  std::vector<std::string> options;
};

const std::vector<StageDefaults>& defaults() {
  static const std::vector<StageDefaults> table{
      {Stage::kAcquisition, {}, {"raw"}, {"from", "manifest"}},
      {Stage::kPreprocessing, {"raw"}, {"clean"}, {}},
      {Stage::kAnalysis, {"clean"}, {"analysis"}, {}},
      {Stage::kPreparation, {"clean", "analysis"}, {"train", "test", "seal"}, {"split"}},
      {Stage::kVersionedData, {"train", "test", "seal"}, {"dataset"}, {}},
      {Stage::kCodeRepository, {}, {"code"}, {}},
      {Stage::kPipeline, {"code"}, {"definition"}, {}},
      {Stage::kTraining,
       {"dataset", "train", "code", "definition"},
       {"model"},
       {"network", "hidden", "epochs", "batch", "learning-rate", "weight-decay", "adversarial-eps"}},
      {Stage::kValidation, {"model", "test", "seal"}, {"validation"}, {"at-least", "robust", "exclude"}},
      {Stage::kMetadataStore, {"validation", "model", "dataset"}, {"record"}, {}},
      {Stage::kExport, {"model", "record", "test"}, {"exported"}, {}},
      {Stage::kRegistry, {"exported", "record", "validation"}, {"version"}, {"model", "alias", "approve"}},
      {Stage::kServing, {"version", "exported", "test"}, {"served"}, {"probe"}},
      {Stage::kInput, {"served", "test"}, {"requests"}, {"probe"}},
      {Stage::kOutput, {"served", "requests"}, {"answers"}, {}},
      {Stage::kMonitoring, {"served", "answers"}, {"audit"}, {}},
  };
  return table;
}

Result<std::vector<std::string>> read_texts(const Json& object, std::string_view name) {
  std::vector<std::string> out;
  for (const Json& item : TRY(get_array(object, name))) {
    if (item.is_number()) {
      out.push_back(number_text(item.get<double>()));
    } else if (item.is_string()) {
      out.push_back(item.get<std::string>());
    } else {
      return invalid(std::string(name) + ": a list of words was expected");
    }
  }
  return out;
}

Result<Contract> read_contract(const Json& may) {
  TRY(only_members(may, {"relabel", "drop-rows", "add-rows", "labels"}));
  Contract out;
  if (may.contains("relabel")) out.may_relabel = TRY(get_bool(may, "relabel"));
  if (may.contains("drop-rows")) out.may_drop_rows = TRY(get_bool(may, "drop-rows"));
  if (may.contains("add-rows")) out.may_add_rows = TRY(get_bool(may, "add-rows"));
  if (may.contains("labels")) {
    const Json labels = TRY(get_object(may, "labels"));
    for (const auto& [from, to] : labels.items()) {
      if (to.is_structured()) return invalid("labels: '" + from + "' must map to one word");
      const std::string text = to.is_string() ? to.get<std::string>() : to.dump();
      out.label_mapping.emplace_back(from, text);
    }
  }
  return out;
}

Result<StepLimits> read_limits(const Json& limits) {
  TRY(only_members(limits, {"cpu", "wall", "memory", "output", "processes"}));
  StepLimits out;
  if (limits.contains("cpu")) out.cpu_s = TRY(parse_duration_s(TRY(get_string(limits, "cpu"))));
  if (limits.contains("wall")) out.wall_s = TRY(parse_duration_s(TRY(get_string(limits, "wall"))));
  if (limits.contains("memory")) out.memory_bytes = TRY(parse_size_bytes(TRY(get_string(limits, "memory"))));
  if (limits.contains("output")) out.output_bytes = TRY(parse_size_bytes(TRY(get_string(limits, "output"))));
  if (limits.contains("processes")) {
    const std::int64_t count = TRY(get_int(limits, "processes"));
    if (count < 1 || count > 65536) return invalid("processes must be from 1 to 65536");
    out.processes = static_cast<int>(count);
  }
  return out;
}

// A name becomes a path under /in and /out, so it is one plain word.
Result<void> check_artifact_names(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const bool plain =
        !name.empty() && name.size() <= 64 && name.front() != '.' &&
        std::all_of(name.begin(), name.end(), [](char c) {
          return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
        });
    if (!plain) {
      return invalid("'" + name + "' is not an artifact name: lower-case letters, digits, - _ . only");
    }
  }
  return {};
}

Result<void> check_secret_names(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const bool plain = !name.empty() && name.size() <= 64 && !name.starts_with("SALLYPORT") &&
                       std::all_of(name.begin(), name.end(), [](char c) {
                         return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
                       });
    if (!plain) return invalid("'" + name + "' is not the name of a secret: capitals, digits and _ only");
  }
  return {};
}

Result<void> check_programs(const std::vector<std::string>& names) {
  if (names.size() > limits::kSandboxProgramsMax) {
    return invalid("executes: at most " + std::to_string(limits::kSandboxProgramsMax) + " programs");
  }
  for (const std::string& name : names) {
    const bool plain = !name.empty() && name.size() <= limits::kPathBytesMax && name.front() != '-' &&
                       std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7f; });
    if (!plain) return invalid("executes: '" + name + "' is neither a program's name nor its path");
    if (name.find('/') != std::string::npos && name.front() != '/') {
      return invalid("executes: '" + name + "' is a relative path",
                     "the project lies at /project: /project/" + name);
    }
  }
  return {};
}

Result<egress::Destination> read_destination(const Json& object) {
  TRY(only_members(object, {"to", "send", "receive", "private"}));
  egress::Destination out{.to = TRY(formats::parse_authority(TRY(get_string(object, "to"))))};
  if (object.contains("send")) out.send_bytes_max = TRY(parse_size_bytes(TRY(get_string(object, "send"))));
  if (object.contains("receive")) {
    out.receive_bytes_max = TRY(parse_size_bytes(TRY(get_string(object, "receive"))));
  }
  if (object.contains("private")) out.is_private = TRY(get_bool(object, "private"));
  return out;
}

Result<std::vector<egress::Destination>> read_network(const Json& value) {
  std::vector<egress::Destination> out;
  if (value == "none") return out;
  if (!value.is_array() || value.size() > limits::kEgressDestinationsMax) {
    return invalid("network: 'none' or a list of destinations was expected",
                   "network: [{to: \"files.example.org:443\", send: 64K, receive: 1G}]");
  }
  for (const Json& item : value) {
    Result<egress::Destination> one = read_destination(item);
    if (!one) return within("network", one.error());
    const bool twice =
        std::any_of(out.begin(), out.end(), [&](const auto& other) { return other.to == one->to; });
    if (twice) return invalid("network: " + formats::text_of(one->to) + " is given twice");
    out.push_back(std::move(*one));
  }
  return out;
}

Result<StepPackages> read_packages(const Json& object) {
  TRY(only_members(object, {"lock", "wheels"}));
  StepPackages out{.lock = TRY(get_string(object, "lock")), .wheels = TRY(get_string(object, "wheels"))};
  for (const std::string& path : {out.lock, out.wheels}) {
    if (auto plain = trust::check_relative_path(path); !plain) return within("packages", plain.error());
  }
  return out;
}

Result<void> read_stage(const Json& object, const StageDefaults& stage_defaults, StageSpec& spec) {
  if (!object.is_object()) return invalid("a mapping was expected, for example {run: [python3, step.py]}");
  for (const auto& [name, value] : object.items()) {
    const auto& known = stage_defaults.options;
    if (name == "run") {
      spec.run = TRY(read_texts(object, name));
      if (spec.run.empty()) return invalid("run: a command was expected");
    } else if (name == "reads") {
      spec.reads = TRY(read_texts(object, name));
    } else if (name == "writes") {
      spec.writes = TRY(read_texts(object, name));
    } else if (name == "seed") {
      const std::int64_t seed = TRY(get_int(object, name));
      if (seed < 0) return invalid("seed must not be negative");
      spec.seed = static_cast<std::uint64_t>(seed);
    } else if (name == "limits") {
      spec.limits = TRY(read_limits(value));
    } else if (name == "progress") {
      TRY(only_members(value, {"steps", "factor"}));
      const std::int64_t steps = TRY(get_int(value, "steps"));
      if (value.contains("factor")) spec.progress_factor = TRY(get_number(value, "factor"));
      if (steps < 1 || spec.progress_factor < 1.1 || spec.progress_factor > 100)
        return invalid("progress: steps from 1 on, and a factor from 1.1 to 100");
      spec.progress_steps = static_cast<std::uint64_t>(steps);
    } else if (name == "secrets") {
      spec.secrets = TRY(read_texts(object, name));
      TRY(check_secret_names(spec.secrets));
    } else if (name == "executes") {
      spec.executes = TRY(read_texts(object, name));
      TRY(check_programs(spec.executes));
    } else if (name == "may") {
      spec.may = TRY(read_contract(value));
    } else if (name == "packages") {
      spec.packages = TRY(read_packages(value));
    } else if (name == "network") {
      spec.network = TRY(read_network(value));
    } else if (std::find(known.begin(), known.end(), name) != known.end()) {
      spec.options[name] = value;
    } else {
      std::string hint =
          "known here: run, reads, writes, seed, limits, progress, secrets, executes, packages, may, network";
      for (const std::string& option : known) hint += ", " + option;
      return invalid("unknown key '" + name + "'", hint);
    }
  }
  if (spec.run.empty() && !(spec.network.empty() && spec.executes.empty() && spec.packages.lock.empty())) {
    return invalid("network, executes and packages are for a command of your own: `run`");
  }
  TRY(check_artifact_names(spec.reads));
  return check_artifact_names(spec.writes);
}

Result<void> read_schema(const Json& schema, Definition& out) {
  TRY(only_members(schema, {"label", "id", "contributor", "group", "time", "image"}));
  const auto text = [&](const char* name) -> Result<std::string> {
    return schema.contains(name) ? get_string(schema, name) : Result<std::string>("");
  };
  out.roles = {.label = TRY(text("label")),
               .id = TRY(text("id")),
               .contributor = TRY(text("contributor")),
               .group = TRY(text("group")),
               .time = TRY(text("time"))};
  if (!schema.contains("image")) return {};
  const Json image = TRY(get_object(schema, "image"));
  TRY(only_members(image, {"height", "width", "max"}));
  const std::int64_t height = TRY(get_int(image, "height"));
  const std::int64_t width = TRY(get_int(image, "width"));
  if (height < 1 || width < 1 || height > 4096 || width > 4096) {
    return invalid("image: 1 to 4096 pixels a side");
  }
  out.image = {.height = static_cast<int>(height),
               .width = static_cast<int>(width),
               .max_value = TRY(get_number(image, "max"))};
  return {};
}

// Each artifact has one writer, and it stands before its readers.
Result<void> check_flow(const Definition& definition) {
  std::vector<std::string> written;
  for (const StageSpec& spec : definition.stages) {
    for (const std::string& name : spec.reads) {
      if (std::find(written.begin(), written.end(), name) == written.end()) {
        return invalid("stages: " + std::string(name_of(spec.stage)) + ": reads '" + name +
                       "', which no earlier stage writes");
      }
    }
    for (const std::string& name : spec.writes) {
      if (std::find(written.begin(), written.end(), name) != written.end()) {
        return invalid("stages: " + std::string(name_of(spec.stage)) + ": writes '" + name +
                       "', which an earlier stage has written");
      }
      written.push_back(name);
    }
  }
  return {};
}

Result<Definition> read_definition(const Json& root) {
  TRY(only_members(root, {"name", "policy", "schema", "stages"}));
  Definition out;
  out.name = TRY(get_string(root, "name"));
  TRY(check_artifact_names({out.name}));
  if (root.contains("policy")) out.policy_file = TRY(get_string(root, "policy"));
  if (root.contains("schema")) {
    if (auto read = read_schema(TRY(get_object(root, "schema")), out); !read) {
      return within("schema", read.error());
    }
  }
  const Json stages = root.contains("stages") ? TRY(get_object(root, "stages")) : Json::object();
  for (const auto& [name, value] : stages.items()) {
    if (!stage_named(name)) return invalid("stages: '" + name + "' is not one of the sixteen stages");
  }
  for (const StageDefaults& entry : defaults()) {
    StageSpec spec{.stage = entry.stage, .reads = entry.reads, .writes = entry.writes};
    const std::string name(name_of(entry.stage));
    if (stages.contains(name)) {
      if (auto read = read_stage(stages[name], entry, spec); !read) {
        return within("stages: " + name, read.error());
      }
    }
    out.stages.push_back(std::move(spec));
  }
  TRY(check_flow(out));
  return out;
}

Result<double> parse_scaled(std::string_view text, std::string_view units, const std::vector<double>& scales,
                            const std::string& what) {
  double value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const std::size_t at = unit.size() == 1 ? units.find(unit) : std::string_view::npos;
  if (code != std::errc() || at == std::string_view::npos || !(value > 0) || value > 1e12) {
    return invalid("'" + std::string(text) + "' is not " + what);
  }
  return value * scales[at];
}

}  // namespace

Result<double> parse_duration_s(std::string_view text) {
  return parse_scaled(text, "smh", {1, 60, 3600}, "a duration such as 90s, 20m or 1h");
}

Result<std::uint64_t> parse_size_bytes(std::string_view text) {
  const double value = TRY(
      parse_scaled(text, "KMGT", {1024, 1048576, 1073741824, 1099511627776}, "a size such as 512M or 4G"));
  return static_cast<std::uint64_t>(value);
}

Result<Definition> parse_definition(std::string_view yaml, const std::string& place) {
  const Json root = TRY(parse_yaml(yaml, place));
  Result<Definition> definition = read_definition(root);
  if (!definition) return within(place, definition.error());
  definition->digest = sha256(yaml);
  return definition;
}

Json to_json(const StageSpec& spec) {
  Json labels = Json::object();
  for (const auto& [from, to] : spec.may.label_mapping) labels[from] = to;
  Json network = "none";
  if (!spec.network.empty()) network = Json::array();
  for (const egress::Destination& destination : spec.network) network.push_back(egress::to_json(destination));
  Json out{{"stage", name_of(spec.stage)},
           {"run", spec.run},
           {"reads", spec.reads},
           {"writes", spec.writes},
           {"seed", spec.seed},
           {"limits",
            {{"cpu_s", spec.limits.cpu_s},
             {"wall_s", spec.limits.wall_s},
             {"memory_bytes", spec.limits.memory_bytes},
             {"output_bytes", spec.limits.output_bytes},
             {"processes", spec.limits.processes}}},
           {"may",
            {{"relabel", spec.may.may_relabel},
             {"drop-rows", spec.may.may_drop_rows},
             {"add-rows", spec.may.may_add_rows},
             {"labels", labels}}},
           {"network", network},
           {"options", spec.options}};
  if (!spec.packages.lock.empty()) {
    out["packages"] = {{"lock", spec.packages.lock}, {"wheels", spec.packages.wheels}};
  }
  if (!spec.executes.empty()) out["executes"] = spec.executes;
  if (!spec.secrets.empty()) out["secrets"] = spec.secrets;
  if (spec.progress_steps > 0) {
    out["progress"] = {{"steps", spec.progress_steps}, {"factor", spec.progress_factor}};
  }
  return out;
}

}  // namespace sallyport::services::pipeline
