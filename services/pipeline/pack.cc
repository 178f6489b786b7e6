#include "services/pipeline/pack.h"

#include "core/limits/bundle.h"
#include "learn/bundle_parts.h"
#include "learn/engine.h"
#include "services/bundle/croissant.h"
#include "services/bundle/ml_bom.h"
#include "services/version.h"
#include "trust/bundle.h"

namespace sallyport::services::pipeline {
namespace {

constexpr const char* kFolder = "exported";

class Packer {
 public:
  explicit Packer(StageContext& context) : context_(context), folder_(context.out() / kFolder) {}

  Result<void> pack() {
    if (has(std::string(trust::kBundleFile))) {
      return fail(ErrorKind::kDenied, "the step wrote exported/bundle.json, which is the runner's");
    }
    const trust::Manifest model = TRY(context_.run().store.manifest(TRY(context_.digest_of("model"))));
    std::optional<learn::Model> trained;
    if (model.find("model.json") != nullptr) {
      trained = TRY(learn::read_model(as_text(TRY(context_.bytes_of("model", "model.json"))),
                                      TRY(context_.bytes_of("model", "model.safetensors"))));
      TRY(network_parts(*trained));
    }
    TRY(descriptions(trained));
    const trust::Bundle bundle = trust::bundle_of(TRY(trust::scan_directory(context_.env(), folder_)));
    context_.step["parts"] = bundle.parts.size();
    return write(std::string(trust::kBundleFile), trust::serialize(bundle));
  }

 private:
  bool has(const std::string& file) { return context_.env().exists(folder_ / file); }
  Result<std::string> text(const std::string& file) {
    return std::string(as_text(TRY(context_.env().read_file(folder_ / file, limits::kBundleBytesMax))));
  }
  Result<void> write(const std::string& file, std::string_view bytes) {
    return context_.write(std::string(kFolder) + "/" + file, bytes);
  }

  static std::unexpected<Error> other(const std::string& file) {
    return fail(ErrorKind::kDenied, "exported/" + file + " is not what the trained network says",
                "leave it out: the runner writes it");
  }

  Result<void> network_parts(const learn::Model& model) {
    const Dataset& rows = *TRY(context_.table("test"));
    learn::Preprocessing preprocessing{.features = {}, .input = model.network.input};
    for (const std::size_t column : rows.feature_columns()) {
      preprocessing.features.push_back(rows.columns[column].name);
    }
    if (!has("labels.json")) {
      TRY(write("labels.json", pretty(learn::labels_json(model.network.classes))));
    } else if (TRY(learn::parse_labels(TRY(text("labels.json")))) != model.network.classes) {
      return other("labels.json");
    }
    if (has("metadata.json")) {
      const Json metadata = TRY(parse_json(TRY(text("metadata.json"))));
      const bool labelled = metadata.is_object() && metadata.contains("labels");
      if (labelled && metadata["labels"] != Json(model.network.classes)) return other("metadata.json");
    }
    if (!has("preprocessing.json")) {
      TRY(write("preprocessing.json", pretty(learn::to_json(preprocessing))));
    } else {
      const auto said = TRY(learn::parse_preprocessing(TRY(text("preprocessing.json"))));
      if (said.features != preprocessing.features || said.input != preprocessing.input) {
        return other("preprocessing.json");
      }
    }
    return golden_part(model, rows, preprocessing);
  }

  Result<void> golden_part(const learn::Model& model, const Dataset& rows,
                           const learn::Preprocessing& preprocessing) {
    if (!has("golden.json")) {
      const learn::Golden golden = TRY(learn::golden_of(model, rows));
      std::set<std::string> covered;
      for (const learn::GoldenSample& sample : golden.samples) covered.insert(sample.label);
      context_.step["goldenClasses"] = covered.size();
      if (covered.size() < model.network.classes.size()) {
        context_.note("golden samples stand for " + std::to_string(covered.size()) + " of " +
                      std::to_string(model.network.classes.size()) +
                      " classes: the others have too few rows");
      }
      return write("golden.json", pretty(learn::to_json(golden)));
    }
    const learn::Golden golden = TRY(learn::parse_golden(TRY(text("golden.json"))));
    const learn::Matrix inputs =
        TRY(learn::scaled_inputs(model.network.input, TRY(learn::golden_inputs(golden, preprocessing))));
    const learn::Matrix answers = learn::softmax(TRY(learn::PlainEngine().logits(model, inputs)));
    if (learn::golden_differences(golden, model.network.classes, answers).empty()) return {};
    return other("golden.json");
  }

  Result<void> descriptions(const std::optional<learn::Model>& trained) {
    const Json record = TRY(context_.read_json("record"));
    if (!has("croissant.json")) TRY(write("croissant.json", pretty(TRY(croissant()))));
    if (has("bom.cdx.json")) return {};
    bundle::ModelFacts facts{.name = context_.definition().name};
    facts.parts = trust::bundle_of(TRY(trust::scan_directory(context_.env(), folder_)));
    if (trained) facts.network = trained->network;
    for (const char* name : {"dataset", "train", "test"}) {
      if (const auto digest = context_.digest_of(name)) facts.datasets.push_back({name, *digest});
    }
    if (record.contains("metrics")) {
      const Json metrics = TRY(get_object(record, "metrics"));
      for (const auto& [name, metric] : metrics.items()) {
        if (metric.is_object() && metric.contains("value")) facts.metrics[name] = metric["value"];
      }
    }
    return write("bom.cdx.json", pretty(bundle::to_cyclonedx(facts, kVersion)));
  }

  Result<Json> croissant() {
    const Json dataset = TRY(context_.read_json("dataset"));
    bundle::DataFacts facts{.name = context_.definition().name};
    if (dataset.contains("version") && dataset["version"].is_number_integer()) {
      facts.version = std::to_string(dataset["version"].get<std::int64_t>()) + ".0.0";
    }
    facts.description = "what model " + facts.name + " was trained on and measured with";
    for (const char* name : {"train", "test"}) {
      const auto digest = context_.digest_of(name);
      if (!digest) continue;
      const Dataset* const table = TRY(context_.table(name));
      const std::uint64_t size = TRY(context_.read(name)).size();
      facts.files.push_back({std::string(name) + ".csv", "text/csv", *digest, size, table});
    }
    return bundle::to_croissant(facts);
  }

  StageContext& context_;
  fs::path folder_;
};

}  // namespace

Result<void> pack_export(StageContext& context) {
  std::error_code code;
  // What was declared and is not there is the runner's to say.
  if (!fs::is_directory(context.out() / kFolder, code)) return {};
  return Packer(context).pack();
}

}  // namespace sallyport::services::pipeline
