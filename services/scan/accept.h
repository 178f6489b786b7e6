// Findings that are known: by their fingerprint in a baseline, or by the line itself that gives a reason.
//
// A fingerprint stays the same while lines move: in a repository it is made of the guard, the rule, the path
// and the message, elsewhere of the file's content in the place of its path; of several alike the first is
// told from the second. It is a digest of what is printed anyway, so it says nothing about a secret. Pure
// functions but for reading, safe from any thread.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/env.h"
#include "services/scan/scan.h"

namespace sallyport::services::scan {

void set_fingerprints(ScannedFile& file);

// {"version": 1, "findings": [{"fingerprint", "rule", "path"}]}: every finding that no waiver covers, sorted.
Json to_baseline(const ScanReport& report);
// The fingerprints of such a file. Error: it cannot be read, or is of another form.
Result<std::set<std::string>> read_baseline(Env& env, const std::filesystem::path& path);
// Marks what stands in the baseline.
void accept_baseline(ScannedFile& file, const std::set<std::string>& fingerprints);

// Whether a line of the text may accept a finding.
bool may_allow(std::string_view text);
// Marks findings whose line says "sallyport: allow, REASON" with a reason of eight letters or more. `text` is
// the file's.
void accept_allowed_lines(ScannedFile& file, std::string_view text);

// For each finding with a line, up to three a kind: that line and its neighbours, each with its number,
// without what has the structure of a credential.
void set_frames(ScannedFile& file, std::string_view text);

}  // namespace sallyport::services::scan
