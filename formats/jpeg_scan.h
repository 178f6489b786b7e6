// The entropy-coded part of a JPEG file; for formats/jpeg.cc alone.
//
// A Frame holds the coefficients of all blocks while scans refine them. For one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/bytes.h"
#include "core/result.h"

namespace sallyport::formats::jpeg {

inline constexpr std::size_t kBlock = 64;

// Where the coefficient k of the zigzag order stands in its block.
extern const std::array<std::uint8_t, kBlock> kNatural;

struct Component {
  std::uint8_t id = 0;
  std::size_t across = 1;  // sampling factors
  std::size_t down = 1;
  std::size_t quantisation = 0;
  std::size_t wide = 0;  // blocks that the picture needs
  std::size_t tall = 0;
  std::size_t stride = 0;                       // blocks a row that are stored: whole units
  std::vector<std::int16_t> coefficients = {};  // block after block, in natural order
};

struct Frame {
  std::size_t width = 0;
  std::size_t height = 0;
  bool progressive = false;
  std::size_t across_max = 1;
  std::size_t down_max = 1;
  std::vector<Component> components = {};
};

// Codes by length (T.81, annex C and F.2.2.3).
struct Huffman {
  bool known = false;
  std::array<std::int32_t, 17> first_code{};  // of each length
  std::array<std::int32_t, 17> last_code{};   // -1: none
  std::array<std::int32_t, 17> first_value{};
  std::vector<std::uint8_t> values = {};
};
// From the 16 counts and the values behind them.
Result<Huffman> huffman(BytesView counts, BytesView values);

struct Scan {
  struct Part {
    std::size_t component = 0;
    std::size_t dc_table = 0;
    std::size_t ac_table = 0;
  };
  std::vector<Part> parts = {};
  int first = 0;  // coefficients of the spectral band
  int last = 63;
  int high = 0;  // bits that earlier scans gave
  int low = 0;
};

struct Tables {
  std::array<Huffman, 4> dc{};
  std::array<Huffman, 4> ac{};
};

// Decodes one scan into the frame; gives the number of bytes that it took, up to the next marker that is no
// restart. A stretch between restarts that ends early is an Error.
Result<std::size_t> decode(BytesView data, const Scan& scan, const Tables& tables,
                           std::size_t restart_interval, Frame& frame);

}  // namespace sallyport::formats::jpeg
