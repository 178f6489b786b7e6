#include "services/bundle/ml_bom.h"

#include "core/dataset.h"
#include "services/bundle/serial.h"

namespace sallyport::services::bundle {
namespace {

Json hashes_of(const Digest& digest) {
  return Json::array({{{"alg", "SHA-256"}, {"content", digest.hex()}}});
}

std::string reference_of(const trust::Part& part) { return "part:" + part.path; }
std::string reference_of(const trust::NamedDigest& data) {
  return "data:" + data.name + ":" + data.digest.hex();
}

// What decides how the weights are used is data in CycloneDX's words; the rest are files.
bool configures(trust::PartRole role) {
  return role != trust::PartRole::kWeights && role != trust::PartRole::kDescription &&
         role != trust::PartRole::kOther;
}

Json component_of(const trust::Part& part) {
  Json out{{"type", configures(part.role) ? "data" : "file"},
           {"bom-ref", reference_of(part)},
           {"name", part.path},
           {"hashes", hashes_of(part.sha256)},
           {"properties", Json::array({{{"name", "sallyport:role"}, {"value", trust::name_of(part.role)}},
                                       {{"name", "sallyport:size"}, {"value", std::to_string(part.size)}}})}};
  if (configures(part.role)) {
    out["data"] = Json::array({{{"type", "configuration"}, {"name", trust::name_of(part.role)}}});
  }
  return out;
}

Json component_of(const trust::NamedDigest& data) {
  return Json{{"type", "data"},
              {"bom-ref", reference_of(data)},
              {"name", data.name},
              {"hashes", hashes_of(data.digest)},
              {"data", Json::array({{{"type", "dataset"}, {"name", data.name}}})}};
}

std::string_view word_of(learn::LayerKind kind) {
  switch (kind) {
    case learn::LayerKind::kConv2d: return "conv2d";
    case learn::LayerKind::kRelu: return "relu";
    case learn::LayerKind::kMaxPool: return "max-pool";
    case learn::LayerKind::kFlatten: return "flatten";
    case learn::LayerKind::kLinear: return "linear";
  }
  return "layer";
}

// "conv2d 1 to 16, relu, flatten, linear 256 to 10"
std::string architecture_of(const learn::Network& network) {
  std::string out;
  for (const learn::Layer& layer : network.layers) {
    if (!out.empty()) out += ", ";
    out += word_of(layer.kind);
    if (layer.out != 0) out += " " + std::to_string(layer.in) + " to " + std::to_string(layer.out);
  }
  return out;
}

Json card_of(const ModelFacts& facts) {
  Json parameters = Json::object();
  if (facts.network) {
    bool images = false;
    for (const learn::Layer& layer : facts.network->layers) {
      images = images || layer.kind == learn::LayerKind::kConv2d;
    }
    parameters["approach"] = {{"type", "supervised"}};
    parameters["task"] = "classification";
    parameters["architectureFamily"] =
        images ? "convolutional neural network" : "feed-forward neural network";
    parameters["modelArchitecture"] = architecture_of(*facts.network);
    parameters["inputs"] = Json::array({{{"format", "float32"}}});
    parameters["outputs"] = Json::array({{{"format", "float32"}}});
  }
  for (const trust::NamedDigest& data : facts.datasets) {
    parameters["datasets"].push_back({{"ref", reference_of(data)}});
  }
  Json card = Json::object();
  if (!parameters.empty()) card["modelParameters"] = std::move(parameters);
  for (const auto& [name, value] : facts.metrics.items()) {
    if (!value.is_number()) continue;
    card["quantitativeAnalysis"]["performanceMetrics"].push_back(
        {{"type", name}, {"value", number_text(value.get<double>())}});
  }
  return card;
}

}  // namespace

Json to_cyclonedx(const ModelFacts& facts, std::string_view tool_version) {
  Json model{{"type", "machine-learning-model"}, {"bom-ref", "model"}, {"name", facts.name}};
  if (!facts.version.empty()) model["version"] = facts.version;
  if (Json card = card_of(facts); !card.empty()) model["modelCard"] = std::move(card);
  if (const trust::Part* weights = facts.parts.find(trust::PartRole::kWeights)) {
    model["hashes"] = hashes_of(weights->sha256);
  }
  Json components = Json::array();
  Json needs = Json::array();
  for (const trust::Part& part : facts.parts.parts) {
    components.push_back(component_of(part));
    needs.push_back(reference_of(part));
  }
  for (const trust::NamedDigest& data : facts.datasets) {
    components.push_back(component_of(data));
    needs.push_back(reference_of(data));
  }
  Json tool{{"type", "application"}, {"name", "sallyport"}, {"version", tool_version}};
  Json out{{"bomFormat", "CycloneDX"},
           {"specVersion", "1.6"},
           {"version", 1},
           {"metadata",
            {{"component", std::move(model)}, {"tools", {{"components", Json::array({std::move(tool)})}}}}},
           {"components", std::move(components)}};
  out["dependencies"] = Json::array({{{"ref", "model"}, {"dependsOn", std::move(needs)}}});
  const std::string content = canonical(out);
  out["serialNumber"] = serial_of(sha256(content));
  return out;
}

}  // namespace sallyport::services::bundle
