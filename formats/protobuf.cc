#include "formats/protobuf.h"

#include <bit>
#include <cstring>

#include "formats/utf8.h"

namespace sallyport::formats {

namespace {

constexpr std::uint32_t kFieldNumberMax = (1U << 29U) - 1;
constexpr int kVarintBytesMax = 10;

std::string at(std::size_t offset) { return " at byte " + std::to_string(offset); }

std::unexpected<Error> wrong_type(const Field& field, const std::string& wanted) {
  return invalid("protobuf: field " + std::to_string(field.number) + at(field.offset) + " is not " + wanted);
}

// A base-128 number at the front of `bytes`, and how many bytes it took.
struct Varint {
  std::uint64_t value = 0;
  std::size_t size = 0;
};
Result<Varint> varint_at(BytesView bytes, std::size_t place) {
  Varint out;
  for (int i = 0; i < kVarintBytesMax; ++i) {
    if (out.size == bytes.size()) return invalid("protobuf: number runs past the end" + at(place));
    const std::uint8_t byte = bytes[out.size++];
    if (i == kVarintBytesMax - 1 && byte > 1) break;
    out.value |= static_cast<std::uint64_t>(byte & 0x7fU) << (7 * i);
    if ((byte & 0x80U) != 0) continue;
    if (byte == 0 && i > 0) return invalid("protobuf: number is not in its shortest form" + at(place));
    return out;
  }
  return invalid("protobuf: number is over 64 bits" + at(place));
}

}  // namespace

Result<std::uint64_t> Field::varint() const {
  if (type != WireType::kVarint) return wrong_type(*this, "a varint");
  return value;
}

Result<std::int64_t> Field::integer() const { return static_cast<std::int64_t>(TRY(varint())); }

Result<float> Field::fixed_float() const {
  if (type != WireType::kFixed32) return wrong_type(*this, "a 32-bit number");
  return std::bit_cast<float>(static_cast<std::uint32_t>(value));
}

Result<BytesView> Field::message() const {
  if (type != WireType::kLength) return wrong_type(*this, "length-delimited");
  return bytes;
}

Result<std::string_view> Field::text() const {
  const std::string_view out = as_text(TRY(message()));
  if (!is_utf8(out))
    return invalid("protobuf: field " + std::to_string(number) + at(offset) + " is not UTF-8");
  return out;
}

FieldReader FieldReader::into(const Field& field, BytesView whole_file) {
  return FieldReader(field.bytes, static_cast<std::size_t>(field.bytes.data() - whole_file.data()));
}

Result<std::uint64_t> FieldReader::varint() {
  const Varint number = TRY(varint_at(message_.subspan(offset_), base_ + offset_));
  offset_ += number.size;
  return number.value;
}

Result<Field> FieldReader::next() {
  const std::size_t start = offset_;
  Field out = TRY(field());
  out.size = offset_ - start;
  return out;
}

Result<Field> FieldReader::field() {
  Field field{.offset = base_ + offset_};
  const std::uint64_t key = TRY(varint());
  if (key >> 3U == 0 || key >> 3U > kFieldNumberMax) {
    return invalid("protobuf: field number " + std::to_string(key >> 3U) + at(field.offset) +
                   " is out of range");
  }
  field.number = static_cast<std::uint32_t>(key >> 3U);
  field.type = static_cast<WireType>(key & 7U);
  switch (field.type) {
    case WireType::kVarint: field.value = TRY(varint()); return field;
    case WireType::kFixed32:
    case WireType::kFixed64: {
      Reader reader(message_, offset_);
      field.value = field.type == WireType::kFixed32 ? TRY(reader.u32_le()) : TRY(reader.u64_le());
      offset_ = reader.offset();
      return field;
    }
    case WireType::kLength: {
      const std::uint64_t length = TRY(varint());
      const std::size_t left = message_.size() - offset_;
      if (length > left) {
        return invalid("protobuf: field " + std::to_string(field.number) + " of " + std::to_string(length) +
                       " bytes" + at(field.offset) + " runs past its message, which has " +
                       std::to_string(left) + " left");
      }
      field.bytes = message_.subspan(offset_, length);
      offset_ += length;
      return field;
    }
  }
  return invalid("protobuf: wire type " + std::to_string(key & 7U) + at(field.offset) + " is not in use");
}

Result<std::vector<std::uint64_t>> varints_of(const Field& field) {
  if (field.type == WireType::kVarint) return std::vector<std::uint64_t>{field.value};
  BytesView rest = TRY(field.message());
  std::vector<std::uint64_t> out;
  while (!rest.empty()) {
    const Varint number = TRY(varint_at(rest, field.offset));
    out.push_back(number.value);
    rest = rest.subspan(number.size);
  }
  return out;
}

Result<Bytes> fixed_of(const Field& field, std::size_t width) {
  const WireType unpacked = width == 4 ? WireType::kFixed32 : WireType::kFixed64;
  if (field.type == unpacked) {
    Bytes out;
    append_le(out, field.value, static_cast<int>(width));
    return out;
  }
  const BytesView packed = TRY(field.message());
  if (packed.size() % width != 0)
    return wrong_type(field, "a list of numbers of " + std::to_string(width) + " bytes");
  return Bytes(packed.begin(), packed.end());
}

void FieldWriter::raw_varint(std::uint64_t value) {
  while (value >= 0x80) {
    out_.push_back(static_cast<std::uint8_t>(value | 0x80U));
    value >>= 7U;
  }
  out_.push_back(static_cast<std::uint8_t>(value));
}

void FieldWriter::key(std::uint32_t number, WireType type) {
  SP_CHECK(number > 0 && number <= kFieldNumberMax);
  raw_varint(static_cast<std::uint64_t>(number) << 3U | static_cast<std::uint64_t>(type));
}

void FieldWriter::varint(std::uint32_t number, std::uint64_t value) {
  key(number, WireType::kVarint);
  raw_varint(value);
}

void FieldWriter::fixed_float(std::uint32_t number, float value) {
  key(number, WireType::kFixed32);
  append_le(out_, std::bit_cast<std::uint32_t>(value), 4);
}

void FieldWriter::bytes(std::uint32_t number, BytesView value) {
  key(number, WireType::kLength);
  raw_varint(value.size());
  out_.insert(out_.end(), value.begin(), value.end());
}

}  // namespace sallyport::formats
