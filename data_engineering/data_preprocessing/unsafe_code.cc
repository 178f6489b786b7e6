// prep-pipeline-code-exec in the code that does it: source and notebooks that turn data into code, hand text
// to a shell, load objects of any kind, or take any certificate.
//
// Every call is held against the table formats/python_hazards.def. What ordinary code does as well (a weak
// digest, a shell with a constant command) is said with low severity and stops nothing.
//
// Missed: what reaches a function by another name than its own, getattr or a table; values that vary though
// they look constant. No flow is followed.
#include "core/guard.h"
#include "core/limits.h"
#include "formats/notebook.h"
#include "formats/python_hazards.h"

namespace sallyport::data_engineering::data_preprocessing {
namespace {

namespace python = formats::python;

constexpr std::size_t kSourceBytesMax = 16 * limits::kMiB;

void add(const std::string& path, std::string_view source, const std::string& cell, Examination& out) {
  for (python::Hazard& hazard : python::find_hazards(source)) {
    if (out.findings.size() >= limits::kFindingsPerGuardMax) return;
    Finding finding{.severity = hazard.severity,
                    .confidence = Confidence::kMedium,
                    .where = {.path = path},
                    .message = cell + hazard.message,
                    .remedy = std::string(hazard.remedy),
                    .rule = std::string(hazard.rule)};
    if (cell.empty()) finding.where.line = hazard.line;
    out.findings.push_back(std::move(finding));
  }
}

void read_notebook(const RepositoryFile& file, Examination& out) {
  const auto notebook = formats::read_notebook(file.bytes);
  if (!notebook) return;
  std::size_t number = 0, shown = 0;
  for (const formats::NotebookCell& cell : notebook->cells) {
    ++number;
    if (cell.kind != "code") continue;
    shown += cell.outputs.empty() ? 0 : 1;
    add(file.path, cell.source, "cell " + std::to_string(number) + ": ", out);
  }
  if (shown == 0 || out.findings.size() >= limits::kFindingsPerGuardMax) return;
  out.findings.push_back({.severity = Severity::kLow,
                          .confidence = Confidence::kHigh,
                          .where = {.path = file.path},
                          .message = "the outputs of " + std::to_string(shown) +
                                     " cells are committed with it, and with them what they show of the data",
                          .remedy = "clear the outputs before a commit",
                          .rule = "notebook-outputs"});
}

Result<Examination> check(const RepositorySubject& repository, const Parameters&) {
  Examination out;
  double sources = 0;
  for (const RepositoryFile& file : repository.files) {
    if (!file.commit.empty() || file.bytes.size() > kSourceBytesMax) continue;
    if (file.path.ends_with(".py") || file.path.ends_with(".pyw")) {
      ++sources;
      add(file.path, as_text(file.bytes), "", out);
    } else if (file.path.ends_with(".ipynb")) {
      ++sources;
      read_notebook(file, out);
    }
  }
  out.statistics.push_back({.name = "sources read", .value = sources});
  return out;
}

}  // namespace

extern const Guard unsafe_code;
const Guard unsafe_code{
    .id = "unsafe_code",
    .threats = {"prep-pipeline-code-exec"},
    .summary =
        "Python and notebooks that run data as code, hand text to shells, load any object, or turn TLS off",
    .looks_for =
        "calls of Python that evaluate, import or unpickle what is no constant, shells, unsafe loaders of "
        "weights "
        "and YAML, remote code, TLS and host keys unchecked, queries put together from text, debug servers, "
        "weak "
        "ciphers, the network in code that trains; outputs left in notebooks; what hides behind getattr or "
        "another "
        "name is missed",
    .repository = check};

}  // namespace sallyport::data_engineering::data_preprocessing
