// safetensors (huggingface/safetensors, format of version 0.4): named arrays in one flat, data-only file.
//
// The layout is an 8-byte little-endian header length, a JSON header, then the bytes of the arrays. The
// reader takes a file only when every byte is accounted for: the arrays follow one another without gap or
// overlap in the order of their offsets and end with the file, names are unique, shapes agree with sizes.
// Nothing is allocated by a length that the input states. Limits: kSafetensorsHeaderBytesMax,
// kSafetensorsTensorsMax, kTensorRankMax. Views point into the bytes that were read, which must outlive them.
// Pure functions, safe from any thread.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/result.h"

namespace sallyport::formats {

enum class Dtype : std::uint8_t {
  kBool,
  kF4,
  kF6E2M3,
  kF6E3M2,
  kU8,
  kI8,
  kF8E5M2,
  kF8E4M3,
  kF8E8M0,
  kI16,
  kU16,
  kF16,
  kBF16,
  kI32,
  kU32,
  kF32,
  kC64,
  kF64,
  kI64,
  kU64,
};

std::string_view name_of(Dtype dtype);  // "F32", as the header spells it
std::uint64_t bits_of(Dtype dtype);

struct Tensor {
  std::string name;
  Dtype dtype = Dtype::kF32;
  std::vector<std::uint64_t> shape = {};  // row-major; empty: a single number
  BytesView bytes = {};                   // little-endian
};

struct SafeTensors {
  std::vector<Tensor> tensors = {};  // in the order of their bytes
  std::map<std::string, std::string> metadata = {};

  const Tensor* find(std::string_view name) const;
};

Result<SafeTensors> read_safetensors(BytesView bytes);

// The same arrays and metadata give the same bytes: wider types first, then by name, as the reference library
// orders them. Error when a name repeats or is "__metadata__", or the bytes do not agree with type and shape.
Result<Bytes> write_safetensors(std::span<const Tensor> tensors,
                                const std::map<std::string, std::string>& metadata = {});

// The number of bytes that type and shape call for. Error when it is not a whole number or does not fit 64
// bits.
Result<std::uint64_t> tensor_bytes(Dtype dtype, std::span<const std::uint64_t> shape);

// The values of an F32 array. Error when it has another type.
Result<std::vector<float>> floats_of(const Tensor& tensor);
// Floats as the little-endian bytes of an F32 array.
Bytes bytes_of(std::span<const float> values);

}  // namespace sallyport::formats
