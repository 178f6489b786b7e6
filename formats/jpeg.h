// JPEG (ITU-T T.81): the pixels of a picture.
//
// Baseline, extended and progressive Huffman coding of 8 bits, grey or three colours (YCbCr as JFIF has it,
// RGB where Adobe's marker says so). Arithmetic coding, lossless, 12 bits and four colours are kUnsupported.
// The inverse transform is in float and colours are interpolated where they were subsampled, so a sample may
// differ by a few steps from another decoder's. Scans that do not end, codes that no table has and
// coefficients beyond a block are errors; data are never read past their end. Pure functions, safe from any
// thread. Limits: kPictureSideMax, kPicturePixelsMax, kJpegScansMax.
#pragma once

#include "core/bytes.h"
#include "core/result.h"
#include "formats/png.h"

namespace sallyport::formats {

bool is_jpeg(BytesView bytes);
Result<Picture> read_jpeg(BytesView bytes);

}  // namespace sallyport::formats
