// Every drill that guards.def names, and which guard or mechanism it belongs to.
//
// The pointers are to constants; everything is safe from any thread.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "core/guard.h"
#include "core/stage.h"
#include "drills/drill.h"

namespace sallyport::drills {

struct DrillEntry {
  const Drill* drill = nullptr;
  std::string_view id;              // as guards.def spells it: the guard's or the mechanism's
  std::string_view folder;          // "production/model_export"
  const Guard* guard = nullptr;     // whose gate `present` passes; nullptr where a mechanism defends
  std::string_view mechanism = {};  // of a HELD line

  Stage stage() const;
};

// In the order of guards.def.
std::span<const DrillEntry> drills();
std::vector<const DrillEntry*> drills_against(std::string_view threat);

}  // namespace sallyport::drills
