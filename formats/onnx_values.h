// What the reader of onnx.h keeps of a tensor until it knows its type, and the small messages that it only
// walks over: types, annotations, devices. Internal to that reader. Pure functions, safe from any thread.
#pragma once

#include <optional>
#include <vector>

#include "formats/onnx.h"
#include "formats/protobuf.h"

namespace sallyport::formats::onnx {

using Numbers = std::vector<std::uint64_t>;

// TensorProto's values before its type is known: the fields may come in any order.
struct RawValues {
  std::optional<BytesView> raw = {};
  Bytes floats = {};
  Bytes doubles = {};
  Numbers int32s = {};
  Numbers int64s = {};
  Numbers uint64s = {};

  int fields() const {
    return (raw ? 1 : 0) + (floats.empty() ? 0 : 1) + (doubles.empty() ? 0 : 1) + (int32s.empty() ? 0 : 1) +
           (int64s.empty() ? 0 : 1) + (uint64s.empty() ? 0 : 1);
  }
};

// The elements in one spelling. Error when they stand in the field of another type.
Result<Bytes> data_of(const Tensor& tensor, RawValues values);

// Messages of which nothing is kept.
enum class Small : std::uint16_t {
  kType,
  kTensorType,
  kShape,
  kDimension,
  kSequence,
  kMap,
  kOpaque,
  kAnnotation,
  kPair,
  kDevice,
  kNodeDevice,
  kSharding,
  kGroup,
  kShardedDim,
  kSimpleSharding,
  kSegment,
};
// The fields of the message in `field`, and of those in it, that its schema does not have.
Result<std::vector<Field>> unknown_in(const Field& field, BytesView whole_file, Small schema);
// What field `number` of TypeProto holds, but for a tensor's type.
std::optional<Small> small_type(std::uint32_t number);

}  // namespace sallyport::formats::onnx
