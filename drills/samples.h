// The samples of a guard: files under testdata/GUARD/{caught,clean}/, turned into the subjects that its hooks
// take.
//
// What a file becomes is said by its name and by the hooks that the guard has:
//   NAME.csv           a data set, for a dataset guard. Beside it, where there is one, NAME.reference.csv
//   (rows to hold
//                      it against) and NAME.schema.json:
//                      {"roles": {"label","id","contributor","group","time"}, "image":
//                      {"height","width","max_value"},
//                       "contract": {"may_relabel","may_drop_rows","may_add_rows","label_mapping": {"M":
//                       "1"}}}
//   NAME.step.json      {"stage","declared","observed"}
//   NAME.promotion.json {"artifact","now","claims":
//   [{"predicate_type","subjects","roles","signers","log_index",
//                       "predicate"}],"request"}; digests as 64 hexadecimal digits, times as RFC 3339
//   NAME.request.json   {"principal","content_type","body" or "body_base64","model"}
//   NAME.response.json  {"content_type","body" or "body_base64"}
//   NAME.events.json    {"name","records","first_key","anchors","answered"}
//   NAME/               a repository, for a repository guard: every file below, hidden ones too.
//   NAME.history.json
//                       beside it adds what only history holds: [{"path","commit","body" or "body_base64"}]
//   anything else       a file, for a file guard
// A member that a guard's hook does not need may be left out; an unknown one is an error, and so is a file
// that no hook of the guard takes. A README.md says where samples come from and is none itself.
//
// Loading reads files and has no other effect. A Sample is movable and owns all that its subjects point at.
#pragma once

#include <any>
#include <filesystem>
#include <string>
#include <vector>

#include "core/gate.h"
#include "core/guard.h"
#include "core/result.h"

namespace sallyport::drills {

struct Sample {
  std::string name;  // relative to the folder
  Subjects subjects;
  std::vector<std::any> owned = {};
};

// All samples of `folder` in the order of their names; empty when there is no such folder.
Result<std::vector<Sample>> load_samples(const std::filesystem::path& folder, const Guard& guard);

// A guard held against its samples in `folder`, which is testdata/GUARD: every one of caught/ must be blocked
// by a finding under the default policy, every one of clean/ must give no finding and no error, and neither
// may be empty.
struct SampleReport {
  std::size_t caught = 0;
  std::size_t clean = 0;
  std::vector<std::string> failures = {};  // "caught/x.pkl: nothing was found"
};
SampleReport check_samples(const Guard& guard, const std::filesystem::path& folder);

}  // namespace sallyport::drills
