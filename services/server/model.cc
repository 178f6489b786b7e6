#include "services/server/model.h"

#include "trust/bundle.h"

namespace sallyport::services::server {
namespace {

Result<Bytes> file_of(const trust::Store& store, const trust::Manifest& manifest, const std::string& path) {
  const trust::ManifestEntry* entry = manifest.find(path);
  if (entry == nullptr) return fail(ErrorKind::kInvalid, "the exported model has no " + path);
  return store.get(entry->sha256);
}

// The label map and the golden samples of the bundle, when the model was exported with one.
Result<void> take_parts(const trust::Store& store, const trust::Manifest& manifest, VerifiedModel& model) {
  if (manifest.find(trust::kBundleFile) == nullptr) return {};
  const Bytes text = TRY(file_of(store, manifest, std::string(trust::kBundleFile)));
  const trust::Bundle bundle = TRY(trust::parse_bundle(text));
  if (const auto different = trust::check_bundle(bundle, manifest); !different.empty()) {
    return fail(ErrorKind::kDenied, "the exported model is not its bundle: " + different.front());
  }
  const Bytes labels = TRY(file_of(store, manifest, "labels.json"));
  if (TRY(learn::parse_labels(as_text(labels))) != model.labels) {
    return fail(ErrorKind::kDenied, "the exported model's labels.json and metadata.json differ");
  }
  const Bytes preprocessing = TRY(file_of(store, manifest, "preprocessing.json"));
  const Bytes golden = TRY(file_of(store, manifest, "golden.json"));
  model.golden = TRY(learn::parse_golden(as_text(golden)));
  model.golden_inputs =
      TRY(learn::golden_inputs(*model.golden, TRY(learn::parse_preprocessing(as_text(preprocessing)))));
  return {};
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
  TRY(take_parts(store, manifest, model));
  return model;
}

}  // namespace sallyport::services::server
