// Code in other languages among the bytes of a layer that no structure explains: commands in a format that
// nobody here parses, a native library behind an engine's header.
//
// Such a layer is never clean anyway; this says what of it deserves a look first. Looked at are the first
// limits::kHiddenBytesMax bytes of a stretch; each idiom (idioms.def) is said once a layer, at its first
// place. Internal to formats/inspect.
#pragma once

#include <bitset>
#include <cstddef>

#include "formats/inspect/inspect.h"

namespace sallyport::formats::inspect {

inline constexpr std::size_t kIdioms = 0
#define IDIOM(text, what) +1
#include "formats/inspect/idioms.def"
#undef IDIOM
    ;

// `begin` and `end` of a stretch; `said` remembers over the stretches of a layer.
void look_for_idioms(Probe& probe, std::uint64_t begin, std::uint64_t end, std::bitset<kIdioms>& said);

}  // namespace sallyport::formats::inspect
