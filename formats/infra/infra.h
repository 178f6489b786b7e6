// What the files that build, deploy and serve a model give away: workflows, image recipes, manifests and the
// configurations of servers, each read as its own program reads it.
//
// One reader a kind of file, told by name and content; each returns remarks with the line that they are
// about. Nothing is resolved or fetched. Limits: core/limits/repository.h. Pure functions, safe from any
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/finding.h"
#include "core/result.h"
#include "formats/yaml_tree.h"

namespace sallyport::formats::infra {

enum class FileKind : std::uint8_t {
  kNone,
  kGithubWorkflow,
  kGitlabPipeline,
  kDockerfile,
  kYaml,        // a manifest of Kubernetes or of Compose, told by what it holds
  kProperties,  // of TorchServe and its like
  kShell,       // scripts and settings in which servers are started
};
FileKind kind_of(std::string_view path);

struct Remark {
  std::string rule;  // "workflow-expression-injection": stable between releases
  Severity severity = Severity::kMedium;
  std::size_t line = 0;
  std::string message;
  std::string remedy;
};

class Remarks {
 public:
  void add(std::string_view rule, Severity severity, std::size_t line, std::string message,
           std::string_view remedy);
  std::vector<Remark> take() { return std::move(all_); }

 private:
  std::vector<Remark> all_;
};

// Error when the file is not what its name says: broken YAML, too large.
Result<std::vector<Remark>> inspect_file(FileKind kind, std::string_view text);

// The readers. `line` is that of the first line of `text`.
void inspect_github_workflow(const YamlView& root, Remarks& out);
void inspect_gitlab_pipeline(const YamlView& root, Remarks& out);
void inspect_dockerfile(std::string_view text, Remarks& out);
void inspect_kubernetes(const YamlView& document, Remarks& out);
void inspect_compose(const YamlView& document, Remarks& out);
void inspect_properties(std::string_view text, Remarks& out);
// Commands of a shell: what is downloaded and run, where packages come from, servers without a lock.
void inspect_commands(std::string_view text, std::size_t line, Remarks& out);

// A name that says secret, and a value that is one: of an environment or a build argument.
bool is_secret_setting(std::string_view name, std::string_view value);
// The password or token that a program ships with: "minioadmin", "airflow".
bool is_default_password(std::string_view value);
// "python:3", "repo/image": an image whose content may change; empty when it is named by its digest.
enum class ImagePin : std::uint8_t { kDigest, kTag, kMoving };
ImagePin pin_of_image(std::string_view image);

}  // namespace sallyport::formats::infra
