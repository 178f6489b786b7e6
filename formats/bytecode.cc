#include "formats/bytecode.h"

#include <algorithm>
#include <array>

namespace sallyport::formats {
namespace {

// marshal's types, with and without the bit that says "may be referred to again".
constexpr std::uint8_t kFlagRef = 0x80;
constexpr std::uint8_t kCode = 'c';
constexpr std::uint8_t kString = 's';

bool is_type(BytesView bytes, std::size_t at, std::uint8_t type) {
  return at < bytes.size() && (bytes[at] & ~kFlagRef) == type;
}

}  // namespace

bool is_marshalled_code(BytesView bytes) {
  if (!is_type(bytes, 0, kCode)) return false;
  // The counts of arguments and locals, the stack's depth and flags; then the instructions, a string. Python
  // 2.7 has four numbers before it, 3.0 to 3.7 and 3.11 on have five, 3.8 to 3.10 six.
  constexpr std::array<std::size_t, 3> kInstructions{1 + 4 * 4, 1 + 4 * 5, 1 + 4 * 6};
  constexpr std::uint8_t kCountsByteMax = 0x0F;  // no function has a million arguments
  return std::any_of(kInstructions.begin(), kInstructions.end(), [&](std::size_t at) {
    if (!is_type(bytes, at, kString)) return false;
    // The last number, the flags, has bits all over.
    for (std::size_t high = 3; high < at - 4; high += 4) {
      if (bytes[high + 1] != 0 || bytes[high] > kCountsByteMax) return false;
    }
    return true;
  });
}

bool is_compiled_module(BytesView bytes) {
  if (bytes.size() < 4 || bytes[2] != '\r' || bytes[3] != '\n') return false;
  constexpr std::array<std::size_t, 3> kHeaders{8, 12, 16};  // before 3.3, before 3.7, since
  return std::any_of(kHeaders.begin(), kHeaders.end(), [&](std::size_t header) {
    return bytes.size() > header && is_marshalled_code(bytes.subspan(header));
  });
}

}  // namespace sallyport::formats
