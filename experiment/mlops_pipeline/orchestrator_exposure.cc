// pipeline-orchestrator-exposure: servers, pods and images that are set up for everyone to use.
//
// Manifests of Kubernetes and Compose, image recipes, settings and scripts are read for what opens a server
// without asking who calls (trackers, clusters, notebooks, model servers), for what lets a container out to
// its host, for roles without bounds and for the passwords that programs ship with. The active probe that
// must be refused is the operator's: a guard does no I/O.
//
// Missed: templates before they are filled in, and settings that a program takes from elsewhere.
#include "formats/infra/examine.h"

namespace sallyport::experiment::mlops_pipeline {
namespace {

using formats::infra::FileKind;

Result<Examination> check(const RepositorySubject& repository, const Parameters&) {
  return formats::infra::examine_repository(
      repository, {FileKind::kYaml, FileKind::kDockerfile, FileKind::kProperties, FileKind::kShell});
}

}  // namespace

extern const Guard orchestrator_exposure;
const Guard orchestrator_exposure{
    .id = "orchestrator_exposure",
    .threats = {"pipeline-orchestrator-exposure"},
    .summary = "a server, a pod or an image that is set up for everyone to use",
    .looks_for =
        "servers of the life cycle without authentication, privileged and host-bound containers, roles "
        "without bounds, default and clear passwords, downloads that are run unread, in manifests of "
        "Kubernetes and Compose, image recipes, settings and scripts",
    .repository = check};

}  // namespace sallyport::experiment::mlops_pipeline
