#include "services/server/model.h"

namespace sallyport::services::server {
namespace {

Result<Bytes> file_of(const trust::Store& store, const trust::Manifest& manifest, const std::string& path) {
  const trust::ManifestEntry* entry = manifest.find(path);
  if (entry == nullptr) return fail(ErrorKind::kInvalid, "the exported model has no " + path);
  return store.get(entry->sha256);
}

}  // namespace

Result<VerifiedModel> load_verified_model(const trust::Workspace& workspace, const std::string& named,
                                          const Policy& policy, std::int64_t now_unix_s) {
  VerifiedModel model;
  model.chain = trust::verify_named(workspace, named, policy, now_unix_s);
  if (!model.chain.verified()) {
    return fail(ErrorKind::kDenied, named + ": not served: " + model.chain.reason, model.chain.hint);
  }
  const trust::ResolvedArtifact resolved = TRY(trust::resolve_artifact(workspace, named, policy, now_unix_s));
  model.artifact = resolved.digest;
  model.name = named.substr(0, named.find('@'));
  if (resolved.version) model.version = resolved.version->version;

  const trust::Store store = workspace.store();
  const trust::Manifest manifest = TRY(store.manifest(model.artifact));
  model.bytes = TRY(file_of(store, manifest, "model.onnx"));
  model.metadata = TRY(parse_json(as_text(TRY(file_of(store, manifest, "metadata.json")))));
  model.metadata["name"] = model.name;
  model.signature = TRY(formats::oip::read_signature(model.metadata));
  for (const Json& label : TRY(get_array(model.metadata, "labels"))) {
    if (!label.is_string()) return invalid("metadata.json: labels: text was expected");
    model.labels.push_back(label.get<std::string>());
  }
  return model;
}

}  // namespace sallyport::services::server
