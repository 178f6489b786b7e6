// The wire format of Protocol Buffers, without schemas: fields in, fields out.
//
// The reader is a cursor over one message's fields. It is stricter than the official parsers, so that one
// meaning has one spelling: a number must be in its shortest form, groups (deprecated) are refused, and a
// length never reaches past its message. It neither allocates nor descends; a caller opens a nested message
// with a reader of its own. Source: protobuf.dev/programming-guides/encoding. For one thread at a time.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/result.h"

namespace sallyport::formats {

enum class WireType : std::uint8_t { kVarint = 0, kFixed64 = 1, kLength = 2, kFixed32 = 5 };

struct Field {
  std::uint32_t number = 0;
  WireType type = WireType::kVarint;
  std::uint64_t value = 0;  // of a varint or a fixed number, its bits
  BytesView bytes = {};     // of a length-delimited field
  std::size_t offset = 0;   // of the field's first byte, in the whole file
  std::size_t size = 0;     // of the whole field, its number and length included

  // What the field holds, or an Error that names it when its wire type is another.
  Result<std::uint64_t> varint() const;
  Result<std::int64_t> integer() const;  // int32, int64 and enum: a negative one is sent as 64 bits
  Result<float> fixed_float() const;
  Result<BytesView> message() const;
  Result<std::string_view> text() const;  // UTF-8 is checked
};

class FieldReader {
 public:
  // `base` is the message's place in the whole file, for messages to people.
  explicit FieldReader(BytesView message, std::size_t base = 0) : message_(message), base_(base) {}
  // The fields of a nested message.
  static FieldReader into(const Field& field, BytesView whole_file);

  bool done() const { return offset_ == message_.size(); }
  Result<Field> next();

 private:
  Result<Field> field();
  Result<std::uint64_t> varint();

  BytesView message_;
  std::size_t base_;
  std::size_t offset_ = 0;
};

// A packed list of varints, or the one value of an unpacked field; both spellings are legal for a repeated
// number.
Result<std::vector<std::uint64_t>> varints_of(const Field& field);
// The same for numbers of 4 or 8 bytes: their little-endian bytes, as they stand.
Result<Bytes> fixed_of(const Field& field, std::size_t width);

// Appends fields in the order of the calls; equal calls give equal bytes.
class FieldWriter {
 public:
  void varint(std::uint32_t number, std::uint64_t value);
  void integer(std::uint32_t number, std::int64_t value) {
    varint(number, static_cast<std::uint64_t>(value));
  }
  void fixed_float(std::uint32_t number, float value);
  void bytes(std::uint32_t number, BytesView value);
  void text(std::uint32_t number, std::string_view value) { bytes(number, as_bytes(value)); }
  void message(std::uint32_t number, const FieldWriter& value) { bytes(number, value.out_); }

  const Bytes& out() const& { return out_; }
  Bytes out() && { return std::move(out_); }

 private:
  void raw_varint(std::uint64_t value);
  void key(std::uint32_t number, WireType type);

  Bytes out_;
};

}  // namespace sallyport::formats
