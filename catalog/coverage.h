// Which guard or mechanism answers which threat: guards.def as a table.
//
// Every threat is guarded, held or open; there is no fourth state. The pointers are to constants.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "catalog/catalog.h"
#include "core/guard.h"

namespace sallyport::catalog {

enum class State : std::uint8_t { kGuarded, kHeld, kOpen };
std::string_view name_of(State state);

struct GuardEntry {
  const Guard* guard;
  Stage stage;
  std::string_view id;      // as guards.def spells it; a test holds it against guard->id
  std::string_view folder;  // "production/model_export"
};
struct HeldEntry {
  std::string_view threat;
  std::string_view mechanism;
  std::string_view id;
  std::string_view folder;
};
struct OpenEntry {
  std::string_view threat;
  std::string_view reason;
};

std::span<const GuardEntry> guards();
std::span<const HeldEntry> held();
std::span<const OpenEntry> open();

// nullptr when there is no such guard.
const Guard* find_guard(std::string_view id);
// In the order of guards.def. The code repository's gate, the first to see code, also has those of earlier
// stages that read repositories.
std::vector<const Guard*> guards_of(Stage stage);
std::vector<const Guard*> guards_against(std::string_view threat);
State state_of(std::string_view threat);

}  // namespace sallyport::catalog
