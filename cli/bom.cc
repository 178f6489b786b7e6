// sallyport bom: the CycloneDX ML-BOM of a released model, or of a directory.
#include "cli/command.h"
#include "core/env.h"
#include "core/limits/bundle.h"
#include "services/bundle/ml_bom.h"
#include "services/bundle/serial.h"
#include "services/pipeline/runner.h"
#include "services/version.h"
#include "trust/chain.h"

namespace sallyport::cli {
namespace {

constexpr Flag kFlags[] = {
    {.name = "out", .value = "FILE", .doc = "where the bill goes; without it, to standard output"}};
constexpr Positional kPositionals[] = {
    {.name = "MODEL", .doc = "a model (digits@champion, digits@4), a digest (sha256:...), or a directory"}};

std::string title_of(const fs::path& directory) {
  std::error_code error;
  const std::string name = fs::weakly_canonical(directory, error).filename().string();
  return name.empty() ? "model" : name;
}

Json of_parts(const std::string& name, const trust::Manifest& manifest) {
  services::bundle::ModelFacts facts{.name = name};
  facts.parts = trust::bundle_of(manifest);
  return services::bundle::to_cyclonedx(facts, services::kVersion);
}

// What the export wrote, with the version that the registry gave it since.
Result<Json> of_release(const Arguments& arguments, const std::string& name) {
  Env& env = system_env();
  const trust::Workspace workspace = TRY(trust::Workspace::open(env, arguments.workspace()));
  const Policy policy = TRY(services::pipeline::project_policy(env, workspace.root.parent_path()));
  const std::int64_t now = env.now_unix_s();
  const trust::ChainReport chain = trust::verify_named(workspace, name, policy, now);
  if (!chain.verified()) {
    return fail(ErrorKind::kDenied, name + ": " + chain.reason, chain.hint);
  }
  const trust::ResolvedArtifact resolved = TRY(trust::resolve_artifact(workspace, name, policy, now));
  const trust::Store store = workspace.store();
  const trust::Manifest manifest = TRY(store.manifest(resolved.digest));
  const trust::ManifestEntry* const written = manifest.find("bom.cdx.json");
  const std::string title = name.substr(0, name.find('@'));
  if (written == nullptr) return of_parts(title, manifest);
  Json bom = TRY(parse_json(as_text(TRY(store.get(written->sha256, limits::kBundleBytesMax)))));
  if (!bom.is_object() || !bom.contains("metadata") || !bom["metadata"].contains("component")) {
    return invalid("bom.cdx.json: names no component");
  }
  Json& model = bom["metadata"]["component"];
  if (resolved.version) model["version"] = std::to_string(resolved.version->version);
  model["properties"].push_back(
      {{"name", "sallyport:artifact"}, {"value", "sha256:" + resolved.digest.hex()}});
  bom.erase("serialNumber");
  bom["serialNumber"] = services::bundle::serial_of(sha256(canonical(bom)));
  return bom;
}

Result<Exit> run(const Arguments& arguments, Output& output) {
  const std::string name = arguments.word("MODEL");
  std::error_code error;
  Json bom;
  if (fs::is_directory(name, error)) {
    bom = of_parts(title_of(name), TRY(trust::scan_directory(system_env(), name)));
  } else {
    Result<Json> released = of_release(arguments, name);
    if (!released && released.error().kind == ErrorKind::kDenied) {
      output.error(released.error());
      return Exit::kFindings;
    }
    bom = TRY(std::move(released));
  }
  if (!arguments.has("out")) {
    output.json(bom);
    return Exit::kClean;
  }
  const std::string target = arguments.text("out");
  TRY(write_durably(system_env(), target, as_bytes(pretty(bom))));
  const std::size_t parts = bom["components"].size();
  output.result("the bill of " + name + " names " + std::to_string(parts) + " components: " + target + "\n",
                {{"components", parts}, {"bom", target}});
  return Exit::kClean;
}

}  // namespace

extern const Command bom_command;
const Command bom_command{
    .name = "bom",
    .summary = "write the CycloneDX ML-BOM of a released model, or of a directory of model files",
    .example =
        "$ sallyport bom digits@champion --out digits.cdx.json\n"
        "the bill of digits@champion names 9 components: digits.cdx.json",
    .flags = kFlags,
    .positionals = kPositionals,
    .run = run};

}  // namespace sallyport::cli
