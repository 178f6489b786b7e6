// Bytes, views of bytes, hexadecimal and base64.
//
// Everything here is a pure function over values and is safe from any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace sallyport {

using Bytes = std::vector<std::uint8_t>;
using BytesView = std::span<const std::uint8_t>;

inline BytesView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(BytesView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline Bytes to_bytes(std::string_view text) {
  const BytesView view = as_bytes(text);
  return {view.begin(), view.end()};
}

// Lower-case hexadecimal; decoding accepts lower case only, so that a digest has one spelling.
std::string to_hex(BytesView bytes);
Result<Bytes> from_hex(std::string_view text);

// RFC 4648 section 4, with padding; decoding refuses blanks, missing padding and non-zero trailing bits.
std::string to_base64(BytesView bytes);
Result<Bytes> from_base64(std::string_view text);

// Text from outside as a message may show it: in single quotes, at most 48 bytes, and '?' for every byte that
// could steer a terminal or split a line of a log.
std::string shown(std::string_view text);

// Little- and big-endian integers for encoders.
void append_le(Bytes& out, std::uint64_t value, int width_bytes);
void append_be(Bytes& out, std::uint64_t value, int width_bytes);

// A cursor over hostile bytes: every read is checked, none allocates by an untrusted length.
class Reader {
 public:
  explicit Reader(BytesView bytes, std::size_t offset = 0) : bytes_(bytes), offset_(offset) {}

  std::size_t offset() const { return offset_; }
  std::size_t remaining() const { return bytes_.size() - offset_; }
  bool done() const { return offset_ == bytes_.size(); }

  Result<BytesView> take(std::uint64_t count);
  Result<std::uint8_t> u8();
  Result<std::uint16_t> u16_le();
  Result<std::uint32_t> u32_le();
  Result<std::uint64_t> u64_le();
  Result<std::uint32_t> u32_be();
  Result<std::uint64_t> u64_be();
  // Up to and without `delimiter`, which is consumed.
  Result<std::string_view> until(char delimiter);

 private:
  Result<std::uint64_t> integer(int width_bytes, bool big_endian);

  BytesView bytes_;
  std::size_t offset_;
};

}  // namespace sallyport
