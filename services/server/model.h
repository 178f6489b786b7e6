// A model as the server takes it: only from the store, only when the whole chain behind it verifies.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/policy.h"
#include "formats/oip.h"
#include "learn/bundle_parts.h"
#include "trust/chain.h"

namespace sallyport::services::server {

// `bytes` are the very bytes whose digest the chain verified; nothing is read from disk after that.
struct VerifiedModel {
  std::string name;          // "digits"
  std::int64_t version = 0;  // 0 when it was named by digest
  Digest artifact;           // of the exported model, a directory
  Bytes bytes;               // model.onnx
  Json metadata;             // metadata.json: name, inputs, outputs, labels
  formats::oip::Signature signature;
  std::vector<std::string> labels;
  trust::ChainReport chain;
  // Inputs whose answers are known, as the engine is fed them; the service asks them before anybody else may.
  std::optional<learn::Golden> golden = {};
  learn::Matrix golden_inputs = {};
};

// `named` is "digits@champion", "digits@4" or a digest. kDenied, with the failing link, when the chain does
// not hold, and when the files are not the parts that bundle.json binds. A model that was exported without
// one has no golden samples.
Result<VerifiedModel> load_verified_model(const trust::Workspace& workspace, const std::string& named,
                                          const Policy& policy, std::int64_t now_unix_s);

}  // namespace sallyport::services::server
