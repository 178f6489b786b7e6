// What a pickle may do: exact globals, each with the ways in which it may be used and with what arguments.
//
// Allowed rather than forbidden: a global that no pack lists is refused whatever it is, and an allowed one is
// refused with arguments that its honest use does not have (an OrderedDict of a text). The table of dangers
// only adds the reason. Packs and dangers are data (packs/*.yaml, pickle_danger.def) that is built in and
// never read from the host's packages, so that every host judges alike; a caller that trusts more packs hands
// them in. Pure functions, safe from any thread.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>

#include "formats/pickle.h"
#include "formats/pickle_table.h"

namespace sallyport::formats::pickle {

enum class Judgement : std::uint8_t {
  kAllowed,
  kArguments,  // an allowed global, in a way or with arguments that are not
  kUnlisted,
  kDangerous,
};

struct Ruling {
  Judgement judgement = Judgement::kAllowed;
  std::string reason = {};  // "runs commands", "is on no list of allowed globals"
};

// The built-in packs, and perhaps others on top: what any of them allows is allowed.
class PolicyTable {
 public:
  static const PolicyTable& built_in();
  // Whether `packs` are to be trusted is the caller's to decide before.
  static Result<PolicyTable> with(std::span<const Pack> packs);

  // Ways of pickle_pack.h in all packs together; 0 when none lists the global.
  std::uint16_t ways_of(const Global& global) const;
  // Every global with its ways, sorted; a global of several rules comes once for each pack table.
  void for_each(const std::function<void(const Global&, std::uint16_t ways)>& visit) const;
  // "numpy 3 (numpy 2.4.0)", in the order in which they are asked.
  std::vector<std::string> packs() const;

  Ruling judge(const Use& use, const Heap& heap) const;
  // The global whose instance an object is, as far as the packs can tell; nothing for what an unknown call
  // returned.
  std::optional<Global> class_of(Value object, const Heap& heap) const;

 private:
  Ruling judge_global(const Global& global, const Use& use, const Heap& heap) const;
  std::array<Table, 2> tables() const;

  std::shared_ptr<const CompiledTable> more_ = nullptr;
};

inline Ruling judge(const Use& use, const Heap& heap) { return PolicyTable::built_in().judge(use, heap); }
inline std::optional<Global> class_of(Value object, const Heap& heap) {
  return PolicyTable::built_in().class_of(object, heap);
}

// Why a global is dangerous to call; empty when no row of pickle_danger.def says so.
std::string_view danger_of(const Global& global);

}  // namespace sallyport::formats::pickle
