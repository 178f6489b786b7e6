// What a pickle may do: a table of exact globals, each with the ways in which it may be used and with what
// arguments.
//
// Allowed rather than forbidden: a global that the table does not list is refused whatever it is, and an
// allowed one is refused with arguments that its honest use does not have (an OrderedDict of a text). The
// table of dangers only adds the reason. Both are data (pickle_allow*.def, pickle_danger.def) and never read
// from the host's packages, so that every host judges alike. Pure functions, safe from any thread.
#pragma once

#include <string>

#include "formats/pickle.h"

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

Ruling judge(const Use& use, const Heap& heap);

// The global whose instance an object is, as far as the table can tell; nothing for what an unknown call
// returned.
std::optional<Global> class_of(Value object, const Heap& heap);

}  // namespace sallyport::formats::pickle
