#include "formats/onnx_values.h"

#include "formats/protobuf_schema.h"

namespace sallyport::formats::onnx {
namespace {

constexpr std::uint16_t id(Small message) { return static_cast<std::uint16_t>(message); }
constexpr FieldRule nested(Small message, std::uint32_t number, Small child) {
  return {id(message), number, WireType::kLength, id(child)};
}
constexpr FieldRule text(Small message, std::uint32_t number) { return {id(message), number}; }
constexpr FieldRule number_at(Small message, std::uint32_t number) {
  return {id(message), number, WireType::kVarint};
}

using enum Small;
constexpr FieldRule kRules[] = {
    nested(kType, 1, kTensorType),
    nested(kType, 4, kSequence),
    nested(kType, 5, kMap),
    text(kType, 6),
    nested(kType, 7, kOpaque),
    nested(kType, 8, kTensorType),
    nested(kType, 9, kSequence),
    number_at(kTensorType, 1),
    nested(kTensorType, 2, kShape),
    nested(kShape, 1, kDimension),
    number_at(kDimension, 1),
    text(kDimension, 2),
    text(kDimension, 3),
    nested(kSequence, 1, kType),
    number_at(kMap, 1),
    nested(kMap, 2, kType),
    text(kOpaque, 1),
    text(kOpaque, 2),
    text(kAnnotation, 1),
    nested(kAnnotation, 2, kPair),
    text(kPair, 1),
    text(kPair, 2),
    text(kDevice, 1),
    number_at(kDevice, 2),
    text(kDevice, 3),
    text(kNodeDevice, 1),
    nested(kNodeDevice, 2, kSharding),
    number_at(kNodeDevice, 3),
    text(kSharding, 1),
    number_at(kSharding, 2),
    text(kSharding, 2),
    nested(kSharding, 3, kGroup),
    nested(kSharding, 4, kShardedDim),
    number_at(kGroup, 1),
    number_at(kGroup, 2),
    text(kGroup, 2),
    number_at(kShardedDim, 1),
    nested(kShardedDim, 2, kSimpleSharding),
    number_at(kSimpleSharding, 1),
    text(kSimpleSharding, 2),
    number_at(kSimpleSharding, 3),
    number_at(kSegment, 1),
    number_at(kSegment, 2),
};

struct Collector : SchemaVisitor {
  std::vector<Field> fields = {};
  void unknown(std::uint16_t, const Field& field) override { fields.push_back(field); }
};

}  // namespace

namespace {

Bytes narrowed(const Numbers& numbers, std::size_t width) {
  Bytes out;
  out.reserve(numbers.size() * width);
  for (const std::uint64_t number : numbers) append_le(out, number, static_cast<int>(width));
  return out;
}

}  // namespace

Result<Bytes> data_of(const Tensor& tensor, RawValues values) {
  const auto refuse = [&](const std::string& what) {
    return invalid("onnx: tensor '" + tensor.name + "' at byte " + std::to_string(tensor.offset) + ": " +
                   what);
  };
  if (values.fields() > 1) return refuse("values stand in two fields");
  if (values.fields() == 0) return Bytes{};
  if (values.raw) return Bytes(values.raw->begin(), values.raw->end());
  const DataType type = tensor.type;
  const std::size_t width = (bits_of(type) + 7) / 8;
  if (!values.floats.empty() && (type == DataType::kFloat || type == DataType::kComplex64))
    return values.floats;
  if (!values.doubles.empty() && (type == DataType::kDouble || type == DataType::kComplex128))
    return values.doubles;
  if (!values.int64s.empty() && type == DataType::kInt64) return narrowed(values.int64s, width);
  if (!values.uint64s.empty() && (type == DataType::kUint64 || type == DataType::kUint32)) {
    return narrowed(values.uint64s, width);
  }
  const bool narrow = type == DataType::kInt32 || type == DataType::kBool || (width > 0 && width <= 2);
  if (!values.int32s.empty() && narrow) return narrowed(values.int32s, width);
  return refuse("values do not stand in the field of their type");
}

Result<std::vector<Field>> unknown_in(const Field& field, BytesView whole_file, Small schema) {
  Collector collector;
  const auto base = static_cast<std::size_t>(field.bytes.data() - whole_file.data());
  TRY(walk(field.bytes, base, id(schema), kRules, collector));
  return std::move(collector.fields);
}

std::optional<Small> small_type(std::uint32_t number) {
  switch (number) {
    case 4:
    case 9: return kSequence;
    case 5: return kMap;
    case 7: return kOpaque;
    case 8: return kTensorType;
    default: return {};
  }
}

}  // namespace sallyport::formats::onnx
