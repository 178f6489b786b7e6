// Content-defined chunking: where a file is cut into blocks depends on the bytes around the cut alone, so
// that an insertion moves no cut but those beside it.
//
// FastCDC (Xia and others, USENIX ATC 2016): a gear hash over the last 64 bytes, a mask that is harder to
// meet before the normal size than after it, no cut before the minimum and one at the maximum at the latest
// (core/limits/data_versions.h). Pure functions; safe from any thread.
#pragma once

#include <cstddef>

#include "core/bytes.h"

namespace sallyport::trust {

// The length of the first block of `bytes`, which are the rest of a file, or kBlockBytesMax of it or more.
std::size_t first_block(BytesView bytes);

}  // namespace sallyport::trust
