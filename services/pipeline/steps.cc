#include "services/pipeline/steps.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "core/digest.h"
#include "formats/csv.h"
#include "learn/export.h"
#include "learn/network.h"
#include "learn/replay.h"
#include "learn/split.h"
#include "trust/merkle.h"

namespace sallyport::services::pipeline {
namespace {

constexpr double kDefaultTestShare = 0.2;

Result<Dataset> read_table(Env& env, const StepInput& input, const std::string& name) {
  const Bytes bytes = TRY(env.read_file(input.in / name));
  return formats::csv::parse(bytes, {.name = name, .roles = input.roles, .image = input.image});
}

Result<void> write_output(Env& env, const StepInput& input, const std::string& name, std::string_view text) {
  return env.write_new(input.out / name, as_bytes(text), 0644);
}

Result<void> write_table(Env& env, const StepInput& input, const std::string& name, const Dataset& rows) {
  return write_output(env, input, name, TRY(formats::csv::write(rows)));
}

// One row's cells as text; `without` is left out.
std::string row_text(const Dataset& data, std::size_t row, std::string_view without) {
  std::string out;
  for (const Column& column : data.columns) {
    if (column.name == without) continue;
    out += column.numeric ? number_text(column.numbers[row]) : column.texts[row];
    out += '\x1f';
  }
  return out;
}

bool has_missing(const Dataset& data, std::size_t row) {
  for (const std::size_t feature : data.feature_columns()) {
    if (std::isnan(data.columns[feature].numbers[row])) return true;
  }
  const Column* label = data.find(data.roles.label);
  return label != nullptr && (label->numeric ? std::isnan(label->numbers[row]) : label->texts[row].empty());
}

Result<double> test_share(const Json& options) {
  if (!options.contains("split")) return kDefaultTestShare;
  const Json split = TRY(get_object(options, "split"));
  TRY(only_members(split, {"test", "by"}));
  if (split.contains("by") && split["by"] != "keyed-hash") {
    return invalid("split: by: only keyed-hash is offered");
  }
  const double share = split.contains("test") ? TRY(get_number(split, "test")) : kDefaultTestShare;
  if (!(share > 0 && share < 1)) return invalid("split: test must lie between 0 and 1");
  return share;
}

// The commitment to an evaluation split: its digest, its rows and a Merkle root over them, so that a later
// amendment can prove which rows it added.
Json seal_of(const std::string& csv, const Dataset& test, double share, std::uint64_t seed) {
  std::vector<trust::Hash> leaves;
  std::size_t at = csv.find('\n') + 1;
  for (std::size_t row = 0; row < test.rows(); ++row) {
    const std::size_t end = csv.find('\n', at);
    leaves.push_back(trust::leaf_hash(as_bytes(std::string_view(csv).substr(at, end - at))));
    at = end + 1;
  }
  return Json{{"digest", {{"sha256", sha256(csv).hex()}}},
              {"rows", test.rows()},
              {"merkleRoot", trust::root_of_leaves(leaves).hex()},
              {"split", {{"by", "keyed-hash"}, {"test", share}, {"seed", seed}}}};
}

}  // namespace

Result<void> step_clean(Env& env, const StepInput& input) {
  const Dataset raw = TRY(read_table(env, input, "raw"));
  std::set<std::string> seen;
  std::vector<std::size_t> keep;
  for (std::size_t row = 0; row < raw.rows(); ++row) {
    if (has_missing(raw, row)) continue;
    if (seen.insert(row_text(raw, row, raw.roles.id)).second) keep.push_back(row);
  }
  const std::vector<std::string> ids = raw.ids();
  if (!raw.roles.id.empty()) {
    std::stable_sort(keep.begin(), keep.end(), [&](std::size_t a, std::size_t b) { return ids[a] < ids[b]; });
  }
  return write_table(env, input, "clean", raw.pick(keep));
}

Result<SplitRule> split_rule(const Json& options, std::uint64_t seed) {
  return SplitRule{
      .key = hmac_sha256(as_bytes("sallyport keyed-hash split"), as_bytes(std::to_string(seed))),
      .test_share = TRY(test_share(options))};
}

Result<void> step_split(Env& env, const StepInput& input) {
  const Dataset clean = TRY(read_table(env, input, "clean"));
  const SplitRule rule = TRY(split_rule(input.options, input.seed));
  const double share = rule.test_share;
  const std::vector<std::string> units = learn::split_units(clean);
  std::vector<std::size_t> train;
  std::vector<std::size_t> test;
  for (std::size_t row = 0; row < clean.rows(); ++row) {
    (learn::falls_in_test(rule, units[row]) ? test : train).push_back(row);
  }
  if (train.empty() || test.empty()) {
    return invalid("split: one side is empty: " + std::to_string(clean.rows()) + " rows, test share " +
                       number_text(share),
                   "give more rows or another share: preparation: {split: {test: 0.3}}");
  }
  const Dataset test_rows = clean.pick(test);
  const std::string test_csv = TRY(formats::csv::write(test_rows));
  TRY(write_table(env, input, "train", clean.pick(train)));
  TRY(write_output(env, input, "test", test_csv));
  return write_output(env, input, "seal", pretty(seal_of(test_csv, test_rows, share, input.seed)));
}

Result<void> step_export(Env& env, const StepInput& input) {
  const Bytes description = TRY(env.read_file(input.in / "model" / "model.json", limits::kJsonBytesMax));
  const Bytes weights = TRY(env.read_file(input.in / "model" / "model.safetensors"));
  const learn::Model model = TRY(learn::read_model(as_text(description), weights));
  const Bytes onnx = TRY(learn::export_onnx(model));
  Json metadata = learn::model_metadata(model.network, "model");
  metadata["labels"] = model.network.classes;
  TRY(env.make_directories(input.out / "exported"));
  TRY(env.write_new(input.out / "exported" / "model.onnx", onnx, 0644));
  return write_output(env, input, "exported/metadata.json", pretty(metadata));
}

Result<void> step_replay(Env& env, const StepInput& input) {
  const Bytes csv = TRY(env.read_file(input.in / "train"));
  const Dataset train =
      TRY(formats::csv::parse(csv, {.name = "train", .roles = input.roles, .image = input.image}));
  const std::int64_t challenge = TRY(get_int(input.options, "challenge"));
  learn::ReplayOptions options{.challenge = static_cast<std::uint64_t>(challenge),
                               .declared_seed = input.seed};
  if (input.options.contains("intervals")) {
    const std::int64_t intervals = TRY(get_int(input.options, "intervals"));
    if (intervals < 1) return invalid("replay: 'intervals' is at least 1");
    options.intervals = static_cast<std::size_t>(intervals);
  }
  learn::PlainEngine engine;
  const learn::ReplayReport report =
      TRY(learn::replay_folder(env, engine, input.in / "model", train, sha256(csv), options));
  return write_output(env, input, "replay.json", pretty(to_json(report)));
}

Json to_json(const StepInput& input) {
  return Json{
      {"seed", input.seed},
      {"options", input.options},
      {"schema",
       {{"label", input.roles.label},
        {"id", input.roles.id},
        {"contributor", input.roles.contributor},
        {"group", input.roles.group},
        {"time", input.roles.time},
        {"image",
         {{"height", input.image.height}, {"width", input.image.width}, {"max", input.image.max_value}}}}}};
}

Result<StepInput> step_input_from(const Json& json, const fs::path& in, const fs::path& out) {
  const Json schema = TRY(get_object(json, "schema"));
  const Json image = TRY(get_object(schema, "image"));
  return StepInput{.in = in,
                   .out = out,
                   .seed = static_cast<std::uint64_t>(TRY(get_int(json, "seed"))),
                   .roles = {.label = TRY(get_string(schema, "label")),
                             .id = TRY(get_string(schema, "id")),
                             .contributor = TRY(get_string(schema, "contributor")),
                             .group = TRY(get_string(schema, "group")),
                             .time = TRY(get_string(schema, "time"))},
                   .image = {.height = static_cast<int>(TRY(get_int(image, "height"))),
                             .width = static_cast<int>(TRY(get_int(image, "width"))),
                             .max_value = TRY(get_number(image, "max"))},
                   .options = TRY(get_object(json, "options"))};
}

Result<void> run_step(Env& env, std::string_view name, const StepInput& input) {
  if (name == "clean") return step_clean(env, input);
  if (name == "split") return step_split(env, input);
  if (name == "export") return step_export(env, input);
  if (name == "replay") return step_replay(env, input);
  return invalid("step: no built-in step is called '" + std::string(name) + "'");
}

}  // namespace sallyport::services::pipeline
