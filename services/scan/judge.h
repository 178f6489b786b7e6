// What the guards say of one file, and the verdict that follows. Internal to services/scan; pure functions,
// safe from any thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "services/scan/scan.h"

namespace sallyport::services::scan {

// A guard with its parameters under the policy, worked out once.
struct Armed {
  const Guard* guard = nullptr;
  Parameters parameters = {};
};
// Guards of the export stage come first: what several guards say alike is said by theirs.
Result<std::vector<Armed>> arm_for_files(const Policy& policy);
Result<std::vector<Armed>> arm_for_repositories(const Policy& policy);

void add_unread(ScannedFile& file, std::string what);
// What another guard has said alike gets this guard's threats.
void add_finding(ScannedFile& file, const Guard& guard, const Finding& finding, const ScanOptions& options);
bool is_waived(const Guard& guard, const Finding& finding, const ScanOptions& options);
void fail_file(ScannedFile& file, const Error& error);
// Orders the findings and sets the verdict.
void conclude(ScannedFile& file);

// Inspects the bytes and asks every guard of files. `name` is relative to `tree`. Whether the answer depends
// on nothing but the name and the bytes.
bool judge(ScannedFile& file, BytesView bytes, const std::string& name, std::span<const TreeEntry> tree,
           std::span<const Armed> guards, const ScanOptions& options);

using GuardFinding = std::pair<const Guard*, Finding>;
// Findings as text that a cache keeps, and back; nullopt when the text is not of this build.
std::string remember_findings(const std::vector<GuardFinding>& findings);
std::optional<std::vector<GuardFinding>> recall_findings(std::string_view text);

// What was said of a file, as text that a cache keeps, and back; false when the text is not of this build.
std::string remember(const ScannedFile& file);
bool recall(std::string_view text, ScannedFile& file, const ScanOptions& options);

}  // namespace sallyport::services::scan
