#include "drills/registry.h"

#include <algorithm>

#include "catalog/coverage.h"

#define GUARD(section, stage_folder, id)       \
  namespace sallyport::section::stage_folder { \
  extern const Guard id;                       \
  extern const drills::Drill id##_drill;       \
  }
#define HELD(section, stage_folder, id, threat, mechanism) \
  namespace sallyport::section::stage_folder {             \
  extern const drills::Drill id##_drill;                   \
  }
#define DRILL(section, stage_folder, id) HELD(section, stage_folder, id, "", "")
#define OPEN(threat, reason)
#include "guards.def"
#undef GUARD
#undef HELD
#undef DRILL
#undef OPEN

namespace sallyport::drills {
namespace {

// A DRILL line's drill belongs to the guard against its threat, one of the same folder before any other.
const Guard* guard_for(const DrillEntry& entry) {
  const Guard* found = nullptr;
  for (const catalog::GuardEntry& candidate : catalog::guards()) {
    const ThreatIds& threats = candidate.guard->threats;
    if (std::find(threats.begin(), threats.end(), entry.drill->threat) == threats.end()) continue;
    if (candidate.folder == entry.folder) return candidate.guard;
    if (found == nullptr) found = candidate.guard;
  }
  return found;
}

std::vector<DrillEntry> make_table() {
  std::vector<DrillEntry> table{
#define GUARD(section, stage_folder, id) \
  {&section::stage_folder::id##_drill, #id, #section "/" #stage_folder, &section::stage_folder::id},
#define HELD(section, stage_folder, id, threat, mechanism) \
  {&section::stage_folder::id##_drill, #id, #section "/" #stage_folder, nullptr, mechanism},
#define DRILL(section, stage_folder, id) \
  {&section::stage_folder::id##_drill, #id, #section "/" #stage_folder},
#define OPEN(threat, reason)
#include "guards.def"
#undef GUARD
#undef HELD
#undef DRILL
#undef OPEN
  };
  for (DrillEntry& entry : table) {
    if (entry.guard == nullptr && entry.mechanism.empty()) entry.guard = guard_for(entry);
  }
  return table;
}

}  // namespace

Stage DrillEntry::stage() const {
  for (const StageInfo& stage : kStages) {
    if (stage.folder == folder) return stage.stage;
  }
  check_failed("guards.def names a folder that is no stage's", __FILE__, __LINE__);
}

std::span<const DrillEntry> drills() {
  static const std::vector<DrillEntry> table = make_table();
  return table;
}

std::vector<const DrillEntry*> drills_against(std::string_view threat) {
  std::vector<const DrillEntry*> out;
  for (const DrillEntry& entry : drills()) {
    if (entry.drill->threat == threat) out.push_back(&entry);
  }
  return out;
}

}  // namespace sallyport::drills
