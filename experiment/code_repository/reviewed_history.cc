// repo-malicious-change: a commit on a protected branch that nobody answers for, or that only its author
// does.
//
// What the history shows is verified by whoever presents the repository (services/scan/review.h) and laid
// beside its files as .sallyport/history.json; without that document nothing is demanded. Every commit must
// be signed by a key that the owner's rules list, and where the rules want two persons there must be the
// signature of a second. In the files themselves, characters that show a reader another order than the
// interpreter sees (CVE-2021-42574).
//
// Missed: two persons who agree, and a change that both of them overlooked; branches on conditions that
// single somebody out are another guard's.
#include <algorithm>

#include "core/guard.h"
#include "core/limits.h"

namespace sallyport::experiment::code_repository {
namespace {

constexpr std::string_view kDocument = ".sallyport/history.json";

void say(Examination& out, const RepositoryFile& file, std::string commit, std::string_view rule,
         Severity severity, std::string message, std::string_view remedy) {
  if (out.findings.size() >= limits::kFindingsPerGuardMax) return;
  out.findings.push_back({.severity = severity,
                          .where = {.path = file.path, .commit = std::move(commit)},
                          .message = std::move(message),
                          .remedy = std::string(remedy),
                          .rule = std::string(rule)});
}

void judge_commit(const RepositoryFile& file, const Json& commit, Examination& out) {
  const std::string id = commit.value("id", ""), state = commit.value("signature", "none");
  const std::string who = shown(commit.value("author", ""));
  if (state == "none") {
    say(out, file, id, "commit-not-signed", Severity::kHigh, "a commit of " + who + " bears no signature",
        "sign commits (git config commit.gpgsign true) and refuse others at the server");
  } else if (state == "stranger") {
    say(out, file, id, "commit-of-stranger", Severity::kHigh,
        "a commit of " + who + " is signed by a key that the rules do not list, or not for its time",
        "enrol the key if it is known, else take the commit back");
  } else if (state == "unchecked") {
    say(out, file, id, "commit-not-checked", Severity::kHigh,
        "the signature of a commit of " + who + " cannot be checked: " + commit.value("why", ""),
        "sign with a key of a kind that is checked, and list it: `signers` for SSH, `keyring` for OpenPGP");
  } else if (state != "good") {
    say(out, file, id, "commit-wrongly-signed", Severity::kCritical,
        "the signature of a commit of " + who + " is not one of this commit: " + commit.value("why", ""),
        "take the commit back, and find out who pushed it");
  }
  if (!commit.value("two", false) || commit.value("second", false)) return;
  std::string where;
  for (const Json& path : commit.value("paths", Json::array())) {
    if (path.is_string() && where.empty()) where = path.get<std::string>();
  }
  say(out, file, id, "one-person-change", Severity::kHigh,
      "nobody but " + who + " has signed for a change of " + shown(where) + ", where two persons are wanted",
      "let a second person sign the merge that brings it");
}

bool is_code(std::string_view path) {
  constexpr std::string_view kEnds[] = {
      ".py",  ".pyw", ".pyi", ".sh",   ".js", ".ts", ".yaml", ".yml", ".c",    ".cc",     ".cpp",     ".h",
      ".hpp", ".rs",  ".go",  ".java", ".r",  ".jl", ".cu",   ".sql", ".toml", "akefile", "ockerfile"};
  return std::ranges::any_of(kEnds, [&](std::string_view end) { return path.ends_with(end); });
}

// U+202A to U+202E and U+2066 to U+2069: E2 80 AA..AE and E2 81 A6..A9.
void look_for_order(const RepositoryFile& file, Examination& out) {
  const std::string_view text = as_text(file.bytes);
  std::uint64_t line = 1;
  std::size_t counted = 0;
  for (std::size_t at = text.find('\xE2'); at != std::string_view::npos && at + 2 < text.size();
       at = text.find('\xE2', at + 1)) {
    const auto second = static_cast<unsigned char>(text[at + 1]),
               third = static_cast<unsigned char>(text[at + 2]);
    const bool embeds = second == 0x80 && third >= 0xAA && third <= 0xAE;
    const bool isolates = second == 0x81 && third >= 0xA6 && third <= 0xA9;
    if (!embeds && !isolates) continue;
    line += static_cast<std::uint64_t>(std::count(text.begin() + static_cast<std::ptrdiff_t>(counted),
                                                  text.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
    say(out, file, "", "reordered-text", Severity::kHigh,
        "a character that changes the order in which the line is shown, so that a reader sees other code "
        "than runs",
        "take it out; text from right to left needs none");
    if (!out.findings.empty()) out.findings.back().where.line = line;
    return;
  }
}

Result<Examination> check(const RepositorySubject& repository, const Parameters&) {
  Examination out;
  double commits = 0;
  for (const RepositoryFile& file : repository.files) {
    if (!file.commit.empty()) continue;
    if (is_code(file.path)) look_for_order(file, out);
    if (file.path != kDocument) continue;
    const Result<Json> document = parse_json(as_text(file.bytes));
    if (!document) return within(file.path, document.error());
    for (const Json& commit : TRY(get_array(*document, "commits"))) {
      ++commits;
      judge_commit(file, commit, out);
    }
  }
  out.statistics.push_back({.name = "commits held against the rules", .value = commits});
  return out;
}

}  // namespace

extern const Guard reviewed_history;
const Guard reviewed_history{
    .id = "reviewed_history",
    .threats = {"repo-malicious-change"},
    .summary =
        "commits on a protected branch that nobody listed has signed, or where a second person is missing",
    .looks_for =
        "commits without a signature, with one of an unknown key or of another commit, changes below paths "
        "that need "
        "two persons and have the signature of one, and characters that reorder code as it is shown; only "
        "what the "
        "owner's rules demand, so without rules no commit is held against anything",
    .repository = check};

}  // namespace sallyport::experiment::code_repository
