// The bytes of a pickle as CPython's C unpickler reads them from a file.
//
// From protocol 4 on a pickle comes in frames. The unpickler reads a frame at once, and when an argument
// crosses its end, it throws away what is left of the frame and reads the whole argument behind it
// (cpython#154848). Only BINBYTES and its kin are read in two parts. Files whose peek() shows more than a
// frame are read as memory is, so this is a view beside the plain one.
//
// Pure functions, safe from any thread. Linear time, and as much memory as the bytes.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/bytes.h"

namespace sallyport::formats::pickle {

struct Framed {
  std::string bytes = {};  // without FRAME opcodes and without what is thrown away
  // From the first offset in `bytes` on, the original lies at the second one and behind.
  std::vector<std::pair<std::size_t, std::size_t>> moves = {};

  std::size_t original(std::size_t offset) const;
};

// Of the pickle at `begin`, up to its STOP or to where it cannot be decoded.
Framed as_read_from_file(BytesView bytes, std::size_t begin);

}  // namespace sallyport::formats::pickle
