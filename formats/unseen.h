// Characters that are there and that nobody sees (Unicode 15, chapter 23). Pure functions, safe from any
// thread.
#pragma once

#include <cstdint>

namespace sallyport::formats {

enum class Unseen : std::uint8_t {
  kNo,
  kZeroWidth,  // spaces and joiners of no width, the byte order mark
  kMark,       // of a direction, for one place
  kOperator,   // of mathematics
  kDirection,  // turns the text behind it around
  kTag,        // spells ASCII
};

constexpr Unseen unseen(std::uint32_t code_point) {
  if (code_point >= 0xE0000 && code_point <= 0xE007F) return Unseen::kTag;
  if (code_point >= 0x202A && code_point <= 0x202E) return Unseen::kDirection;
  if (code_point >= 0x2066 && code_point <= 0x2069) return Unseen::kDirection;
  if (code_point == 0x200E || code_point == 0x200F) return Unseen::kMark;
  if (code_point >= 0x2061 && code_point <= 0x2064) return Unseen::kOperator;
  const bool narrow = (code_point >= 0x200B && code_point <= 0x200D) || code_point == 0x2060;
  return narrow || code_point == 0xFEFF ? Unseen::kZeroWidth : Unseen::kNo;
}

}  // namespace sallyport::formats
