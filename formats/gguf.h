// GGUF (ggml, versions 1 to 3, either byte order): keys with values, then the table of tensors, then their
// bytes.
//
// Every count is held against what is left of the file before anything is kept for it, every extent and
// offset against 63-bit arithmetic and the file's end; tensors follow one another as ggml's own reader
// insists: each on the next aligned offset, with nothing but zeros between. Values are views of the bytes
// that were read. A tensor's bytes are never touched. Limits: kGgufEntriesMax, kGgufArrayDepthMax. Source:
// ggml/docs/gguf.md and ggml/src/gguf.cpp. Pure functions, safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/result.h"

namespace sallyport::formats {

struct GgufValue {
  std::string_view key = {};
  std::uint32_t type = 0;      // GGUF_TYPE_*: 8 is a string, 9 an array
  std::uint64_t number = 0;    // of an unsigned number or a bool
  std::string_view text = {};  // of a string
  std::uint64_t offset = 0;    // of the value
};

struct GgufTensor {
  std::string_view name = {};
  std::uint32_t type = 0;
  std::vector<std::uint64_t> extents = {};
  std::uint64_t offset = 0;  // in the file
  std::uint64_t size = 0;
};

// Why a file is refused, by what a loader would do wrong with it.
struct GgufFlaw {
  std::string rule = {};  // "gguf-tensor-outside"
  std::uint64_t offset = 0;
  std::string message = {};  // "gguf: ..."
};

struct Gguf {
  std::uint32_t version = 0;
  bool big_endian = false;
  std::vector<GgufValue> values = {};
  std::vector<GgufTensor> tensors = {};  // up to the flaw, when there is one
  std::uint64_t data_begin = 0;
  std::optional<GgufFlaw> flaw = {};

  const GgufValue* find(std::string_view key) const;
};

bool is_gguf(BytesView bytes);
Gguf read_gguf(BytesView bytes);

}  // namespace sallyport::formats
