#include "services/pipeline/pinned.h"

namespace sallyport::services::pipeline {
namespace {

struct Pins {
  Json approved = Json::object();
  Json executed = Json::object();
};

Result<Pins> pins_of(StageContext& context) {
  Pins pins;
  const auto code = context.digest_of("code");
  if (!code) return pins;
  const trust::Manifest manifest = TRY(context.run().store.manifest(*code));
  for (const std::string& word : context.spec().run) {
    const fs::path path = context.run().options.project / word;
    const auto executed = context.env().digest_file(path);
    if (!executed) continue;
    pins.executed[word] = executed->digest.hex();
    if (const trust::ManifestEntry* entry = manifest.find(word)) pins.approved[word] = entry->sha256.hex();
  }
  return pins;
}

}  // namespace

Result<StepSubject> pinned_subject(StageContext& context, const std::vector<std::string>& written) {
  const StageSpec& spec = context.spec();
  const Pins pins = TRY(pins_of(context));
  const auto definition = TRY(context.env().digest_file(context.run().options.project / "pipeline.yaml"));
  const Json declared{{"stage", name_of(spec.stage)},
                      {"definition", context.definition().digest.hex()},
                      {"signed", true},  // the runner executes no other: require_signed_definition
                      {"pins", pins.approved},
                      {"reads", spec.reads},
                      {"writes", spec.writes},
                      {"confinement", context.planned},
                      {"tolerated", Json::array()}};
  // A worker that still runs has no outcome yet.
  Json runs = Json::array();
  for (const Json& run : context.sandbox) {
    if (run.contains("exit_status")) runs.push_back(run);
  }
  const Json observed{{"definition", definition.digest.hex()},
                      {"pins", pins.executed},
                      {"reads", spec.reads},
                      {"writes", written},
                      {"runs", runs}};
  return StepSubject{.stage = Stage::kPipeline, .declared = declared, .observed = observed};
}

}  // namespace sallyport::services::pipeline
