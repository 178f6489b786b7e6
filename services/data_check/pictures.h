// A folder of pictures as a table: one row a file, its pixels, its class from the folder that it lies in.
//
// PNG and JPEG, told by their bytes; other files are passed over, unless their name says that they are
// pictures. Classes are the folders right below the one that was named; without such there is no label. All
// pictures of one size of at most 64 x 64 pixels stay as they are; others are reduced to 32 x 32, each pixel
// the mean of what it covers. Links are not followed. Limits: core/limits/data.h.
#pragma once

#include <filesystem>
#include <memory>

#include "core/dataset.h"
#include "core/result.h"
#include "formats/png.h"
#include "formats/table_reader.h"

namespace sallyport::services::data_check {

// Columns: file (the path within the folder, which names the row), label, and c0, c1 and so on. Every picture
// is decoded twice: for its size, and when it is read. Error that names the first file that is damaged, or
// when there is no picture.
Result<std::unique_ptr<formats::TableReader>> open_pictures(const std::filesystem::path& folder);

// PNG or JPEG.
Result<formats::Picture> read_picture(BytesView bytes);

}  // namespace sallyport::services::data_check
