// Where a picture, sound, film, font or page ends that the first bytes begin.
//
// Such files are as dense as weights and stand in every repository. They are walked by their own lengths, not
// taken by their first letters, so that what is packed behind one is seen. What lies within is not decoded.
// PNG, JPEG, GIF, RIFF (WebP, WAV), ISO media (MP4, HEIC, AVIF), Ogg, WOFF, OpenType and PDF. Bounded by
// limits::kPictureSegmentsMax. Pure functions, safe from any thread.
#pragma once

#include <cstddef>

#include "core/bytes.h"

namespace sallyport::formats {

// 0 when the bytes begin none of them, or one that is cut short.
std::size_t media_end(BytesView bytes);

}  // namespace sallyport::formats
