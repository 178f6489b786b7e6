#include "services/project/check.h"

#include "services/metadata/metadata.h"
#include "services/pipeline/runner.h"
#include "services/registry/registry.h"
#include "trust/batch.h"

namespace sallyport::services::project {
namespace {

using trust::ChainLink;
using trust::LinkVerdict;

ChainLink link_of(const std::string& name, const Result<void>& checked, const std::string& fine) {
  if (checked) return {.stage = name, .verdict = LinkVerdict::kOk, .text = fine};
  return {.stage = name, .verdict = LinkVerdict::kFail, .text = checked.error().message};
}

Result<void> check_ledger(trust::Ledger& ledger) {
  TRY(ledger.fsck());
  return {};
}

Result<void> check_definition(Env& env, const fs::path& folder, const trust::Ledger& ledger,
                              const trust::Root& root) {
  const Bytes bytes = TRY(env.read_file(folder / "pipeline.yaml", limits::kYamlBytesMax));
  return pipeline::require_signed_definition(ledger, root, sha256(bytes));
}

Result<void> check_feed(Env& env, const fs::path& folder, const trust::Root& root) {
  const pipeline::Project project = TRY(pipeline::load_project(env, folder));
  const pipeline::FeedFiles feed = TRY(pipeline::feed_files(project.definition));
  const Bytes data = TRY(env.read_file(folder / feed.data));
  const Bytes manifest = TRY(env.read_file(folder / feed.manifest, limits::kStatementBytesMax));
  TRY(trust::verify_batch(manifest, data, root));
  return {};
}

}  // namespace

std::vector<ChainLink> check_surroundings(const trust::Workspace& workspace) {
  Env& env = *workspace.env;
  std::vector<ChainLink> links;
  const auto root = workspace.load_root();
  if (!root) return {link_of("root", std::unexpected(root.error()), "")};
  auto ledger = workspace.open_ledger(*root);
  if (!ledger) return {link_of("log", std::unexpected(ledger.error()), "")};
  links.push_back(
      link_of("log", check_ledger(*ledger), "every attestation is in the log and the log in them"));
  if (env.exists(workspace.metadata_database())) {
    links.push_back(
        link_of("metadata.db", metadata::check(workspace, *ledger, *root), "rows equal their statements"));
  }
  if (env.exists(workspace.registry_database())) {
    links.push_back(
        link_of("registry.db", registry::check(workspace, *ledger, *root), "rows equal their statements"));
  }
  const fs::path folder = workspace.root.parent_path();
  if (env.exists(folder / "pipeline.yaml")) {
    links.push_back(
        link_of("pipeline.yaml", check_definition(env, folder, *ledger, *root), "signed by the lead"));
    links.push_back(link_of("feed", check_feed(env, folder, *root), "signed by the producer"));
  }
  return links;
}

trust::ChainReport verify_project(const trust::Workspace& workspace, const std::string& artifact,
                                  const Policy& policy, std::int64_t now_unix_s,
                                  const trust::ChainOptions& options) {
  trust::ChainReport report = trust::verify_named(workspace, artifact, policy, now_unix_s, options);
  if (!report.verified()) return report;
  for (ChainLink& link : check_surroundings(workspace)) {
    if (link.verdict != LinkVerdict::kOk && report.verified()) {
      report.verdict = trust::ChainVerdict::kRefused;
      report.reason = link.stage + ": " + link.text;
      report.hint =
          "the chain of the artifact holds, but what stands beside it was changed: find out who did it";
    }
    report.links.push_back(std::move(link));
  }
  return report;
}

}  // namespace sallyport::services::project
