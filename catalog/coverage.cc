#include "catalog/coverage.h"

#include <algorithm>

#define GUARD(section, stage_folder, id) \
  namespace sallyport::section::stage_folder { extern const Guard id; }
#define HELD(section, stage_folder, id, threat, mechanism)
#define DRILL(section, stage_folder, id)
#define OPEN(threat, reason)
#include "guards.def"
#undef GUARD
#undef HELD
#undef OPEN

namespace sallyport::catalog {
namespace {

constexpr Stage stage_of(std::string_view folder) {
  for (const StageInfo& stage : kStages) {
    if (stage.folder == folder) return stage.stage;
  }
  check_failed("guards.def names a folder that is no stage's", __FILE__, __LINE__);
}

const std::vector<GuardEntry>& guard_table() {
  static const std::vector<GuardEntry> table{
#define GUARD(section, stage_folder, id) \
  {&section::stage_folder::id, stage_of(#section "/" #stage_folder), #id, #section "/" #stage_folder},
#define HELD(section, stage_folder, id, threat, mechanism)
#define OPEN(threat, reason)
#include "guards.def"
#undef GUARD
#undef HELD
#undef OPEN
  };
  return table;
}

const std::vector<HeldEntry>& held_table() {
  static const std::vector<HeldEntry> table{
#define GUARD(section, stage_folder, id)
#define HELD(section, stage_folder, id, threat, mechanism) \
  {threat, mechanism, #id, #section "/" #stage_folder},
#define OPEN(threat, reason)
#include "guards.def"
#undef GUARD
#undef HELD
#undef OPEN
  };
  return table;
}

const std::vector<OpenEntry>& open_table() {
  static const std::vector<OpenEntry> table{
#define GUARD(section, stage_folder, id)
#define HELD(section, stage_folder, id, threat, mechanism)
#define OPEN(threat, reason) {threat, reason},
#include "guards.def"
  };
  return table;
}

}  // namespace

std::string_view name_of(State state) {
  return state == State::kGuarded ? "guarded" : state == State::kHeld ? "held" : "open";
}

std::span<const GuardEntry> guards() { return guard_table(); }
std::span<const HeldEntry> held() { return held_table(); }
std::span<const OpenEntry> open() { return open_table(); }

const Guard* find_guard(std::string_view id) {
  for (const GuardEntry& entry : guard_table()) {
    if (entry.guard->id == id) return entry.guard;
  }
  return nullptr;
}

std::vector<const Guard*> guards_of(Stage stage) {
  std::vector<const Guard*> out;
  for (const GuardEntry& entry : guard_table()) {
    const bool reads_code = entry.guard->repository != nullptr && entry.stage < Stage::kCodeRepository;
    if (entry.stage == stage || (stage == Stage::kCodeRepository && reads_code)) out.push_back(entry.guard);
  }
  return out;
}

std::vector<const Guard*> guards_against(std::string_view threat) {
  std::vector<const Guard*> out;
  for (const GuardEntry& entry : guard_table()) {
    const auto& threats = entry.guard->threats;
    if (std::find(threats.begin(), threats.end(), threat) != threats.end()) out.push_back(entry.guard);
  }
  return out;
}

State state_of(std::string_view threat) {
  if (!guards_against(threat).empty()) return State::kGuarded;
  const auto& table = held_table();
  const bool is_held =
      std::any_of(table.begin(), table.end(), [&](const HeldEntry& e) { return e.threat == threat; });
  return is_held ? State::kHeld : State::kOpen;
}

}  // namespace sallyport::catalog
