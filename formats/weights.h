// Signs that bytes are a model's weights, or a piece of them, whatever they are called.
//
// A container is known by its structure: the front of a file is enough, so the first of several parts counts.
// A piece without a front is known by its numbers: trained weights are small, of both signs, and random in
// their low bits, as no text, code or picture is. What is neither, but has hardly a bit to spare, is dense:
// quantised, packed or encrypted. Nothing is executed or unpacked. Pure functions, safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/bytes.h"

namespace sallyport::formats {

struct WeightContainer {
  std::string_view what = {};  // "safetensors file"
  std::uint64_t size = 0;  // as its front announces it; more than there is when the bytes are a front only
};
std::optional<WeightContainer> weight_container(BytesView bytes);

// How many of the bytes look like trained numbers of one type, by windows of 8 KiB.
struct Numbers {
  std::uint64_t bytes = 0;
  std::uint64_t offset = 0;    // of the first such window
  std::string_view type = {};  // the commonest: "32-bit", "16-bit", "bfloat16", "64-bit"
};
Numbers find_numbers(BytesView bytes);

// How many of the bytes lie in windows of 8 KiB with about seven bits of entropy a byte, or more.
std::uint64_t dense_bytes(BytesView bytes);

// A pointer file of large-file storage: how large the file is that it stands for, and its SHA-256.
struct LargeFilePointer {
  bool valid = false;
  std::uint64_t size = 0;
  std::string sha256 = {};
};
LargeFilePointer read_pointer(BytesView bytes);

}  // namespace sallyport::formats
