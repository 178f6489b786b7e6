// pipeline-step-injection, before anything runs: workflows in which a stranger writes a part of the script,
// or whose steps are whatever somebody else makes of a name.
//
// GitHub Actions and GitLab CI are read as they are written: who may start them, which of the start's own
// texts they paste into scripts, whose code they check out and run, what they take from elsewhere unpinned.
//
// Missed: reusable workflows of other repositories, and scripts that a step calls from the repository.
#include "formats/infra/examine.h"

namespace sallyport::experiment::mlops_pipeline {
namespace {

using formats::infra::FileKind;

Result<Examination> check(const RepositorySubject& repository, const Parameters&) {
  return formats::infra::examine_repository(repository,
                                            {FileKind::kGithubWorkflow, FileKind::kGitlabPipeline});
}

}  // namespace

extern const Guard workflow_injection;
const Guard workflow_injection{
    .id = "workflow_injection",
    .threats = {"pipeline-step-injection"},
    .summary = "a workflow that runs what a stranger wrote, or what a name may mean tomorrow",
    .looks_for =
        "text of issues, pull requests and branches pasted into scripts, strangers' code run with secrets, "
        "actions and images that are not pinned, broad tokens, kept machines, downloads that are run "
        "unread, second package indexes, in GitHub Actions and GitLab CI",
    .repository = check};

}  // namespace sallyport::experiment::mlops_pipeline
