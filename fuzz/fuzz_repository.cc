// What a repository's files are read with: Python, notebooks, requirements, workflows, recipes, manifests.
// Lines that are named exist, and text that is shown comes from the file.
#include <algorithm>
#include <cstdlib>

#include "core/bytes.h"
#include "formats/infra/infra.h"
#include "formats/notebook.h"
#include "formats/python.h"
#include "formats/requirements.h"
#include "formats/yaml_tree.h"

namespace {

namespace formats = sallyport::formats;

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using formats::infra::FileKind;
  const sallyport::BytesView bytes(data, size);
  const std::string_view text = sallyport::as_text(bytes);
  const std::size_t lines = 2 + static_cast<std::size_t>(std::ranges::count_if(text, [](char byte) {
                              return byte == '\n' || byte == '\r' || byte == '\f';
                            }));
  const auto tokens = formats::python::tokenize(text);
  for (const auto& token : tokens) require(token.line <= lines && token.text.size() <= size);
  for (const auto& call : formats::python::calls(tokens)) require(call.line <= lines);
  if (formats::looks_like_notebook(bytes)) (void)formats::read_notebook(bytes);
  for (const char* name : {"requirements.txt", "pyproject.toml", "environment.yml", "package.json",
                           "package-lock.json", "poetry.lock"}) {
    (void)formats::read_requirements(name, text);
  }
  for (const FileKind kind : {FileKind::kGithubWorkflow, FileKind::kGitlabPipeline, FileKind::kDockerfile,
                              FileKind::kYaml, FileKind::kProperties, FileKind::kShell}) {
    if (const auto remarks = formats::infra::inspect_file(kind, text)) {
      for (const auto& remark : *remarks) require(!remark.rule.empty() && !remark.message.empty());
    }
  }
  return 0;
}
