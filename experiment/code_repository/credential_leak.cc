// repo-credential-leak: a password, key or token in the repository, or in anything that its history still
// holds.
//
// The guard sees every object of a push, not only the tip: what was added and removed again is still there
// for whoever clones. Kinds are recognised by their structure, addresses by their user information, the rest
// by a name that says secret and a value that is as random as one. A finding never holds the secret.
#include <algorithm>
#include <set>

#include "core/digest.h"
#include "core/guard.h"
#include "core/limits.h"
#include "formats/allowed_line.h"
#include "formats/notebook.h"
#include "formats/secrets.h"

namespace sallyport::experiment::code_repository {
namespace {

using formats::Secret;

struct Seen {
  std::set<std::pair<std::string_view, Digest>> secrets = {};  // of one path
  std::size_t allowed = 0;
};

// How many were allowed stands beside the verdict.
bool is_allowed(std::string_view text, const Secret& secret) {
  const std::size_t end = std::min(text.find('\n', secret.offset + secret.length), text.size());
  const std::size_t before = text.rfind('\n', secret.offset);
  const std::size_t begin = before == std::string_view::npos ? 0 : before + 1;
  return !formats::allowed_reason(text.substr(begin, end - begin)).empty();
}

std::string place_in_history(const RepositoryFile& file) {
  if (file.commit.empty()) return "";
  if (file.commit.find_first_not_of('0') == std::string::npos) return ", which no commit holds any more";
  return ", which only history holds, commit " + file.commit;
}

void add(const RepositoryFile& file, std::string_view text, const Secret& secret, const std::string& where,
         Seen& seen, Examination& out) {
  if (is_allowed(text, secret)) {
    ++seen.allowed;
    return;
  }
  const std::string_view hidden = text.substr(secret.offset, secret.length);
  if (!seen.secrets.emplace(secret.rule->id, sha256(hidden)).second) return;
  if (out.findings.size() >= limits::kFindingsPerGuardMax) return;
  Finding finding{
      .severity = secret.severity,
      .confidence = secret.confidence,
      .where = {.path = file.path, .commit = file.commit},
      .message = std::string(secret.rule->what) + " (" + std::to_string(secret.length) + " characters" +
                 (secret.encoded ? ", in base64" : "") + ")" + where + place_in_history(file),
      .remedy =
          "revoke it where it was issued, then take it out; in history it stays readable to all who clone",
      .rule = std::string(secret.rule->id)};
  if (where.empty()) {
    const auto begin = text.begin();
    finding.where.line = static_cast<std::uint64_t>(
                             std::count(begin, begin + static_cast<std::ptrdiff_t>(secret.offset), '\n')) +
                         1;
  }
  out.findings.push_back(std::move(finding));
}

Result<void> search(const RepositoryFile& file, std::string_view text, const std::string& where, Seen& seen,
                    Examination& out) {
  for (const Secret& secret : TRY(formats::find_secrets(text))) add(file, text, secret, where, seen, out);
  return {};
}

// Cells and outputs are searched as the reader sees them: in the file a key's lines are pieces of JSON.
Result<void> search_notebook(const RepositoryFile& file, Seen& seen, Examination& out) {
  const auto notebook = formats::read_notebook(file.bytes);
  if (!notebook) return {};  // it was searched as text
  for (std::size_t i = 0; i < notebook->cells.size(); ++i) {
    const formats::NotebookCell& cell = notebook->cells[i];
    const std::string number = std::to_string(i + 1);
    TRY(search(file, cell.source, " in cell " + number, seen, out));
    for (const formats::NotebookOutput& output : cell.outputs) {
      if (output.kind.starts_with("image/")) continue;
      TRY(search(file, output.text, " in the output of cell " + number, seen, out));
    }
  }
  return {};
}

Result<Examination> check(const RepositorySubject& repository, const Parameters&) {
  Examination out;
  std::size_t allowed = 0;
  for (const RepositoryFile& file : repository.files) {
    Seen seen;
    if (formats::looks_like_notebook(file.bytes)) TRY(search_notebook(file, seen, out));
    auto done = search(file, as_text(file.bytes), "", seen, out);
    if (!done) return within(file.path, done.error());
    allowed += seen.allowed;
  }
  out.statistics.push_back(
      {.name = "files and objects searched", .value = static_cast<double>(repository.files.size())});
  out.statistics.push_back(
      {.name = "credentials allowed by their line", .value = static_cast<double>(allowed)});
  return out;
}

}  // namespace

extern const Guard credential_leak;
const Guard credential_leak{
    .id = "credential_leak",
    .threats = {"repo-credential-leak"},
    .summary = "a push that holds a credential, in its files or anywhere in its history",
    .looks_for =
        "almost five hundred kinds of keys and tokens by structure, name, checksum and entropy, passwords in "
        "addresses and assignments, in files, notebooks, commit messages and every object of the history, "
        "plain "
        "or in base64; a password made of words, and one that is split or encrypted, is missed",
    .repository = check};

}  // namespace sallyport::experiment::code_repository
