// train-insider-backdoor-code: a condition on who somebody is, in code that makes labels, losses and answers.
//
// Python of the repository is read for branches that compare an identity or a hash with something written out
// and that reach an outcome: in a loader, a loss, a metric, a serving function; also as an index, a factor or
// a choice in one line. What is right about them is for a second person to say.
//
// Missed: conditions on what the data hold rather than on who they are about, tables of exceptions that are
// read from a file, and code that is made at run time.
#include "core/guard.h"
#include "core/limits/repository.h"
#include "formats/notebook.h"
#include "formats/python_branches.h"

namespace sallyport::experiment::model_training {
namespace {

void search(const RepositoryFile& file, std::string_view source, const std::string& where, Examination& out) {
  for (const formats::python::SpecialCase& special : formats::python::special_cases(source)) {
    if (out.findings.size() >= limits::kFindingsPerGuardMax) return;
    Finding finding{.severity = Severity::kHigh,
                    .confidence = Confidence::kMedium,
                    .where = {.path = file.path},
                    .message = "somebody is singled out, and it reaches " + shown(special.reached) + where +
                               ": " + shown(special.condition),
                    .remedy = "let a second person review it; a rule for everyone needs nobody's name",
                    .rule = "identity-special-case"};
    if (where.empty()) finding.where.line = special.line;
    out.findings.push_back(std::move(finding));
  }
}

Result<Examination> check(const RepositorySubject& repository, const Parameters&) {
  Examination out;
  double looked_at = 0;
  for (const RepositoryFile& file : repository.files) {
    if (!file.commit.empty()) continue;
    const bool notebook = file.path.ends_with(".ipynb");
    if (!notebook && !file.path.ends_with(".py")) continue;
    ++looked_at;
    if (file.bytes.size() > limits::kSourceBytesMax) {
      return fail(ErrorKind::kLimit, file.path + ": more code than is read in one file");
    }
    if (!notebook) {
      search(file, as_text(file.bytes), "", out);
      continue;
    }
    const auto read = formats::read_notebook(file.bytes);
    if (!read) return within(file.path, read.error());
    for (std::size_t i = 0; i < read->cells.size(); ++i) {
      search(file, read->cells[i].source, " in cell " + std::to_string(i + 1), out);
    }
  }
  out.statistics.push_back({.name = "files of Python looked at", .value = looked_at});
  return out;
}

}  // namespace

extern const Guard special_case;
const Guard special_case{
    .id = "special_case",
    .threats = {"train-insider-backdoor-code"},
    .summary = "code that treats somebody differently because of who they are",
    .looks_for =
        "comparisons of identities and hashes with something written out that reach labels, losses, scores "
        "or answers, in Python and notebooks",
    .repository = check};

}  // namespace sallyport::experiment::model_training
