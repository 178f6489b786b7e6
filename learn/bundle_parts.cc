#include "learn/bundle_parts.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

#include "core/limits/bundle.h"
#include "learn/engine.h"

namespace sallyport::learn {
namespace {

Result<std::vector<std::string>> texts_in(const Json& object, std::string_view name, std::size_t most) {
  const Json list = TRY(get_array(object, name));
  if (list.empty()) return invalid(std::string(name) + ": is empty");
  if (list.size() > most) {
    return fail(ErrorKind::kLimit, std::string(name) + ": over " + std::to_string(most) + " names");
  }
  std::vector<std::string> out;
  std::set<std::string> seen;
  for (const Json& item : list) {
    if (!item.is_string()) return invalid(std::string(name) + ": text was expected");
    out.push_back(item.get<std::string>());
    if (!seen.insert(out.back()).second) {
      return invalid(std::string(name) + ": " + shown(out.back()) + " stands twice");
    }
  }
  return out;
}

Result<std::vector<float>> numbers_in(const Json& object, std::string_view name, std::size_t most) {
  const Json list = TRY(get_array(object, name));
  if (list.empty() || list.size() > most) return invalid(std::string(name) + ": another count was expected");
  std::vector<float> out;
  for (const Json& item : list) {
    if (!item.is_number()) return invalid(std::string(name) + ": numbers were expected");
    out.push_back(static_cast<float>(item.get<double>()));
    if (!std::isfinite(out.back())) return invalid(std::string(name) + ": does not fit a float");
  }
  return out;
}

Result<Json> read_object(std::string_view what, std::string_view text) {
  if (text.size() > limits::kBundleBytesMax) {
    return fail(ErrorKind::kLimit,
                std::string(what) + ": over " + std::to_string(limits::kBundleBytesMax) + " bytes");
  }
  auto json = parse_json(text);
  if (!json) return within(std::string(what), json.error());
  if (!json->is_object()) return invalid(std::string(what) + ": an object was expected");
  return json;
}

Result<InputSpec> read_input(const Json& json, std::size_t features) {
  InputSpec input;
  for (const float size : TRY(numbers_in(json, "shape", 3))) {
    if (size < 1 || size > static_cast<float>(limits::kNetworkFeaturesMax) || size != std::floor(size)) {
      return invalid("shape: whole numbers were expected");
    }
    input.shape.push_back(static_cast<std::uint32_t>(size));
  }
  std::uint64_t product = 1;
  for (const std::uint32_t size : input.shape) product *= size;
  if (product != features) return invalid("shape: does not hold the features");
  input.shift = TRY(numbers_in(json, "shift", features));
  input.scale = TRY(numbers_in(json, "scale", features));
  for (const std::vector<float>* list : {&input.shift, &input.scale}) {
    if (list->size() != 1 && list->size() != features)
      return invalid("shift, scale: one number, or one a feature");
  }
  if (std::any_of(input.scale.begin(), input.scale.end(), [](float scale) { return !(scale > 0); })) {
    return invalid("scale: must be above 0");
  }
  if (json.contains("minimum") != json.contains("maximum")) return invalid("minimum and maximum go together");
  if (json.contains("minimum")) {
    input.range = Range{static_cast<float>(TRY(get_number(json, "minimum"))),
                        static_cast<float>(TRY(get_number(json, "maximum")))};
  }
  return input;
}

std::vector<float> mean_of(const Matrix& features, const std::vector<std::size_t>& rows) {
  std::vector<double> sums(features.columns(), 0);
  for (const std::size_t row : rows) {
    for (std::size_t j = 0; j < features.columns(); ++j) sums[j] += static_cast<double>(features.at(row, j));
  }
  std::vector<float> out;
  for (const double sum : sums) out.push_back(static_cast<float>(sum / static_cast<double>(rows.size())));
  return out;
}

struct Candidates {
  Matrix features = {};  // one mean a row
  std::vector<std::uint32_t> class_of = {};
};

// Every other row of a class is in the other mean, when both are of enough rows.
Candidates candidates_of(const Matrix& features, const std::vector<std::uint32_t>& given) {
  std::map<std::uint32_t, std::array<std::vector<std::size_t>, 2>> halves;
  std::map<std::uint32_t, std::size_t> seen;
  for (std::size_t row = 0; row < given.size(); ++row) {
    halves[given[row]][seen[given[row]]++ % 2].push_back(row);
  }
  std::vector<float> values;
  Candidates out;
  const auto take = [&](std::uint32_t of, const std::vector<std::size_t>& rows) {
    const std::vector<float> mean = mean_of(features, rows);
    values.insert(values.end(), mean.begin(), mean.end());
    out.class_of.push_back(of);
  };
  for (auto& [of, half] : halves) {
    if (half[1].size() >= kGoldenRowsMin) {
      take(of, half[0]);
      take(of, half[1]);
      continue;
    }
    half[0].insert(half[0].end(), half[1].begin(), half[1].end());
    if (half[0].size() >= kGoldenRowsMin) take(of, half[0]);
  }
  out.features = Matrix(out.class_of.size(), features.columns(), std::move(values));
  return out;
}

Result<Matrix> probabilities_of(const Model& model, const Matrix& features) {
  return softmax(TRY(PlainEngine().logits(model, TRY(scaled_inputs(model.network.input, features)))));
}

Result<GoldenSample> read_sample(const Json& json, std::size_t features) {
  if (!json.is_object()) return invalid("samples: objects were expected");
  TRY(only_members(json, {"label", "probabilities", "values"}));
  GoldenSample out{.label = TRY(get_string(json, "label"))};
  out.values = TRY(numbers_in(json, "values", features));
  out.probabilities = TRY(numbers_in(json, "probabilities", limits::kLabelsMax));
  if (out.values.size() != features) return invalid("values: one for each feature was expected");
  return out;
}

}  // namespace

Json labels_json(const std::vector<std::string>& labels) { return Json{{"labels", labels}}; }

Result<std::vector<std::string>> parse_labels(std::string_view text) {
  const Json json = TRY(read_object("labels.json", text));
  TRY(only_members(json, {"labels"}));
  return texts_in(json, "labels", limits::kLabelsMax);
}

Json to_json(const Preprocessing& preprocessing) {
  Json out{{"features", preprocessing.features},
           {"shape", preprocessing.input.shape},
           {"shift", preprocessing.input.shift},
           {"scale", preprocessing.input.scale},
           {"applied", preprocessing.in_graph ? "in-graph" : "before"}};
  if (preprocessing.input.range) {
    out["minimum"] = preprocessing.input.range->minimum;
    out["maximum"] = preprocessing.input.range->maximum;
  }
  return out;
}

Result<Preprocessing> parse_preprocessing(std::string_view text) {
  const Json json = TRY(read_object("preprocessing.json", text));
  TRY(only_members(json, {"features", "shape", "shift", "scale", "applied", "minimum", "maximum"}));
  Preprocessing out{.features = TRY(texts_in(json, "features", limits::kNetworkFeaturesMax))};
  out.input = TRY(read_input(json, out.features.size()));
  const std::string applied = TRY(get_string(json, "applied"));
  if (applied != "in-graph" && applied != "before") return invalid("applied: in-graph or before");
  out.in_graph = applied == "in-graph";
  return out;
}

Json to_json(const Golden& golden) {
  Json samples = Json::array();
  for (const GoldenSample& sample : golden.samples) {
    samples.push_back(
        {{"label", sample.label}, {"values", sample.values}, {"probabilities", sample.probabilities}});
  }
  return Json{{"features", golden.features}, {"samples", std::move(samples)}};
}

Result<Golden> parse_golden(std::string_view text) {
  const Json json = TRY(read_object("golden.json", text));
  TRY(only_members(json, {"features", "samples"}));
  Golden out{.features = TRY(texts_in(json, "features", limits::kNetworkFeaturesMax))};
  const Json samples = TRY(get_array(json, "samples"));
  if (samples.size() > limits::kGoldenSamplesMax ||
      samples.size() * out.features.size() > limits::kGoldenCellsMax) {
    return fail(ErrorKind::kLimit, "golden.json: too many samples");
  }
  for (const Json& sample : samples) out.samples.push_back(TRY(read_sample(sample, out.features.size())));
  return out;
}

Result<Golden> golden_of(const Model& model, const Dataset& rows) {
  const Matrix features = TRY(features_of(rows));
  const std::vector<std::uint32_t> given = argmax(TRY(probabilities_of(model, features)));
  Golden out;
  for (const std::size_t column : rows.feature_columns()) out.features.push_back(rows.columns[column].name);
  const Candidates candidates = candidates_of(features, given);
  if (candidates.class_of.empty()) return out;
  const Matrix probabilities = TRY(probabilities_of(model, candidates.features));
  const std::vector<std::uint32_t> answered = argmax(probabilities);
  for (std::size_t i = 0; i < answered.size(); ++i) {
    const bool room = out.samples.size() < limits::kGoldenSamplesMax &&
                      (out.samples.size() + 1) * out.features.size() <= limits::kGoldenCellsMax;
    if (answered[i] != candidates.class_of[i] || !room) continue;
    const auto values = candidates.features.row(i);
    const auto shares = probabilities.row(i);
    out.samples.push_back({.label = model.network.classes[answered[i]],
                           .values = {values.begin(), values.end()},
                           .probabilities = {shares.begin(), shares.end()}});
  }
  return out;
}

Result<Matrix> golden_inputs(const Golden& golden, const Preprocessing& preprocessing) {
  std::map<std::string_view, std::size_t> place;
  for (std::size_t i = 0; i < golden.features.size(); ++i) place[golden.features[i]] = i;
  std::vector<std::size_t> order;
  for (const std::string& name : preprocessing.features) {
    const auto at = place.find(name);
    if (at == place.end()) return invalid("preprocessing.json: golden.json has no feature " + shown(name));
    order.push_back(at->second);
  }
  Matrix out(golden.samples.size(), order.size());
  for (std::size_t i = 0; i < golden.samples.size(); ++i) {
    for (std::size_t j = 0; j < order.size(); ++j) out.row(i)[j] = golden.samples[i].values[order[j]];
  }
  if (preprocessing.in_graph) return out;
  return scaled_inputs(preprocessing.input, out);
}

std::vector<std::string> golden_differences(const Golden& golden, const std::vector<std::string>& labels,
                                            const Matrix& probabilities) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < golden.samples.size(); ++i) {
    const GoldenSample& sample = golden.samples[i];
    const std::string place = "golden sample " + std::to_string(i) + ", " + shown(sample.label) + ",";
    if (i >= probabilities.rows() || probabilities.columns() != sample.probabilities.size() ||
        labels.size() != sample.probabilities.size()) {
      out.push_back(place + " has another number of classes");
      continue;
    }
    const auto shares = probabilities.row(i);
    double largest = 0;
    for (std::size_t j = 0; j < shares.size(); ++j) {
      const double difference =
          std::abs(static_cast<double>(shares[j]) - static_cast<double>(sample.probabilities[j]));
      // A NaN is a difference too.
      if (!(difference <= largest)) largest = std::isnan(difference) ? 1 : difference;
    }
    const auto best = std::max_element(shares.begin(), shares.end()) - shares.begin();
    const std::string& label = labels[static_cast<std::size_t>(best)];
    if (label != sample.label) {
      out.push_back(place + " is called " + shown(label));
    } else if (largest > kGoldenTolerance) {
      out.push_back(place + " differs in a probability by " + number_text(largest));
    }
  }
  return out;
}

}  // namespace sallyport::learn
