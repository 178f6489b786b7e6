// The project's code and the pipeline's own definition: what the training will be told to run, as artifacts.
#include "services/pipeline/stages.h"

#include <algorithm>

namespace sallyport::services::pipeline {
namespace {

constexpr std::uint64_t kCodeBytesMax = 256 * limits::kMiB;

struct ProjectFile {
  std::string path;  // relative to the project
  std::uint64_t size = 0;
};

bool is_outside_the_code(const StageContext& context, const std::string& path) {
  const Json& feed = context.definition().at(Stage::kAcquisition).options;
  const std::string from = feed.value("from", "");
  if (path == trust::kWorkspaceFolder || path == ".git") return true;
  return path == from || path == feed.value("manifest", from + ".batch.json");
}

// The regular files of the project in order of their paths, without the workspace, the repository's own
// database and the feed. Links are refused: what they lead to is not part of the code that was signed.
Result<std::vector<ProjectFile>> project_files(StageContext& context) {
  Env& env = context.env();
  const fs::path& project = context.run().options.project;
  std::vector<ProjectFile> out;
  std::vector<std::string> open{""};
  std::uint64_t bytes = 0;
  while (!open.empty()) {
    const std::string folder = std::move(open.back());
    open.pop_back();
    for (const std::string& name : TRY(env.list(project / folder))) {
      const std::string path = folder.empty() ? name : folder + "/" + name;
      if (is_outside_the_code(context, path)) continue;
      const FileStatus status = TRY(env.status(project / path));
      if (status.kind == FileStatus::Kind::kDirectory) {
        if (std::count(path.begin(), path.end(), '/') >= limits::kDirectoryDepthMax) {
          return fail(ErrorKind::kLimit, path + ": nested too deep");
        }
        open.push_back(path);
      } else if (status.kind == FileStatus::Kind::kFile) {
        bytes += status.size;
        out.push_back({path, status.size});
      } else {
        return invalid(path + ": not a regular file or a folder",
                       "keep links and devices out of the project");
      }
      if (out.size() > limits::kManifestEntriesMax || bytes > kCodeBytesMax) {
        return fail(ErrorKind::kLimit, "the project's code is larger than 256 MiB",
                    "keep data and weights out of the project's folder");
      }
    }
  }
  std::sort(out.begin(), out.end(),
            [](const ProjectFile& a, const ProjectFile& b) { return a.path < b.path; });
  return out;
}

Result<Json> code_digest(StageContext& context) {
  Json out = Json::object();
  for (const ProjectFile& file : TRY(project_files(context))) {
    out[file.path] = TRY(context.env().digest_file(context.run().options.project / file.path)).digest.hex();
  }
  return sha256(canonical(out)).hex();
}

Result<void> take_code(StageContext& context) {
  for (const ProjectFile& file : TRY(project_files(context))) {
    const Bytes bytes = TRY(context.env().read_file(context.run().options.project / file.path));
    TRY(context.write("code/" + file.path, as_text(bytes)));
  }
  context.step = {{"kind", "built-in"}};
  return {};
}

Result<Json> definition_digest(StageContext& context) { return Json(context.definition().digest.hex()); }

Result<void> take_definition(StageContext& context) {
  const Bytes bytes =
      TRY(context.env().read_file(context.run().options.project / "pipeline.yaml", limits::kYamlBytesMax));
  if (sha256(bytes) != context.definition().digest) {
    return fail(ErrorKind::kDenied, "pipeline.yaml changed while the run was going on");
  }
  context.step = {{"kind", "built-in"}};
  return context.write("definition", as_text(bytes));
}

}  // namespace

Result<void> present_code(StageContext& context) {
  const trust::Manifest manifest = TRY(context.run().store.manifest(TRY(context.digest_of("code"))));
  std::vector<RepositoryFile> files;
  for (const trust::ManifestEntry& entry : manifest.entries) {
    if (entry.mode == trust::EntryMode::kEmptyDirectory) continue;
    files.push_back({.path = entry.path, .bytes = TRY(context.run().store.get(entry.sha256))});
  }
  context.present_repository("code", std::move(files));
  return {};
}

const StageBehaviour kCodeRepository{.outside = code_digest, .produce = take_code, .present = present_code};
const StageBehaviour kPipeline{
    .outside = definition_digest, .produce = take_definition, .present = present_code};

}  // namespace sallyport::services::pipeline
