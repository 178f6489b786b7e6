// A CycloneDX 1.6 ML-BOM of an exported model: its parts by digest, the network, what it was trained on and
// what was measured.
//
// The same facts give the same bytes; no clock is read. Values only; safe from any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "learn/network.h"
#include "trust/bundle.h"
#include "trust/statement.h"

namespace sallyport::services::bundle {

struct ModelFacts {
  std::string name = {};
  std::string version = {};                    // empty: it has none yet
  trust::Bundle parts = {};                    // bom and bundle.json excepted
  std::optional<learn::Network> network = {};  // when it is one of ours
  std::vector<trust::NamedDigest> datasets = {};
  Json metrics = Json::object();  // name to number, as the evaluator signed them
};

Json to_cyclonedx(const ModelFacts& facts, std::string_view tool_version);

}  // namespace sallyport::services::bundle
