// Portable Network Graphics (ISO/IEC 15948): the pixels of a picture, 8 bits a sample.
//
// All colour types and depths, interlaced or not; samples of 16 bits are cut to their upper half, palettes
// are resolved, smaller depths are scaled to 255. Transparency by colour (tRNS) is ignored, an alpha channel
// is kept. A wrong checksum, a row filter that does not exist and pixels that are missing or too many are
// errors with their place. Pure functions, safe from any thread. Limits: kPictureSideMax, kPicturePixelsMax.
#pragma once

#include <cstddef>
#include <vector>

#include "core/bytes.h"
#include "core/result.h"

namespace sallyport::formats {

struct Picture {
  std::size_t width = 0;
  std::size_t height = 0;
  std::size_t channels = 0;  // 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha
  Bytes samples = {};        // row after row, the channels of a pixel side by side
};

bool is_png(BytesView bytes);
Result<Picture> read_png(BytesView bytes);

// 8 bits a sample, no filter. The picture is whole: samples.size() == width * height * channels.
Bytes write_png(const Picture& picture);

// Error beyond the limits, or when a side is 0.
Result<void> check_picture_size(const char* format, std::size_t width, std::size_t height);

}  // namespace sallyport::formats
