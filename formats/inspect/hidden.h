// Pickles among the bytes of a layer that no structure explains: behind a picture's end, before an archive.
//
// No loader that knows the format would run them, but whoever put them there has one that does. Looked at are
// the first limits::kHiddenBytesMax of such bytes and kHiddenTriesMax places where a pickle may begin, each
// for kHiddenWindow bytes. Internal to formats/inspect.
#pragma once

#include "formats/inspect/inspect.h"

namespace sallyport::formats::inspect {

// Programs, libraries and streams of Java objects, by the numbers that their loaders check first.
bool is_native_code(BytesView bytes);

// Whether a pickle may begin at `at`: PROTO of a binary protocol, or a GLOBAL with its two lines.
bool may_begin_pickle(BytesView bytes, std::size_t at);

// `begin` and `end` of a stretch; `tries` counts down over the stretches of a file.
void look_for_pickles(Probe& probe, std::uint64_t begin, std::uint64_t end, std::size_t& tries);

}  // namespace sallyport::formats::inspect
