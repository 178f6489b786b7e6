// Bytes that stand in text: long runs in base64 or hexadecimal, over line ends, quotes and commas as sources
// and notebooks break them.
//
// Decoding is lenient, since whoever wrote the text chose the decoder: both alphabets of base64, with padding
// or without. Linear in the text. Pure functions, safe from any thread.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "core/bytes.h"

namespace sallyport::formats {

struct Armoured {
  std::size_t offset = 0;  // in the text
  std::size_t length = 0;
  std::string_view kind = {};  // "base64", "hexadecimal"
  Bytes bytes = {};
};

// Runs that decode to at least `bytes_min` bytes.
std::vector<Armoured> find_armoured(std::string_view text, std::size_t bytes_min);

}  // namespace sallyport::formats
