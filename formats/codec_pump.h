// The loop that every decoder of formats/codec.h shares: bytes in, bytes out, within a budget.
//
// A Stream has `Step step(Window&)`, which moves the window on. What grows beyond limits::kExpansionFree at
// more than limits::kExpansionRatioMax times what it was packed in is stopped early. For one thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "core/bytes.h"
#include "core/limits.h"
#include "formats/unpack_to.h"

namespace sallyport::formats {

enum class Step : std::uint8_t { kMore, kEnd, kDamaged, kTooLarge };

struct Window {
  const std::uint8_t* in = nullptr;
  std::size_t in_left = 0;
  std::uint8_t* out = nullptr;
  std::size_t out_left = 0;
};

inline bool expands_too_far(std::uint64_t made, std::uint64_t packed) {
  return made > limits::kExpansionFree && made / limits::kExpansionRatioMax > packed;
}

// Decodes one stream from the front of `input` behind what `out` holds; answers whether it came to its end.
template <class Stream>
bool pump(Stream& stream, BytesView input, std::size_t bytes_max, const std::string& name, Inflated& out,
          Sink* sink = nullptr) {
  constexpr std::size_t kChunkBytes = 64 * 1024;
  std::array<std::uint8_t, kChunkBytes> chunk;
  // Untouched room costs nothing; growing would copy. No codec but bzip2 and lzma does better than 1:1100.
  constexpr std::size_t kRatio = 1100;
  const std::size_t likely = std::min(input.size(), limits::kExpansionFree / kRatio) * kRatio + kChunkBytes;
  if (sink == nullptr) out.bytes.reserve(std::min(bytes_max, likely));
  const std::size_t before = out.consumed;
  Window window{.in = input.data(), .in_left = input.size()};
  const auto stop = [&](ErrorKind kind, const std::string& why) {
    out.error = Error{kind, name + ": " + why};
    return false;
  };
  while (true) {
    window.out = chunk.data();
    window.out_left = kChunkBytes;
    const std::size_t left = window.in_left;
    const Step step = stream.step(window);
    out.consumed = before + (input.size() - window.in_left);
    const std::size_t made = kChunkBytes - window.out_left;
    const std::uint64_t held = sink == nullptr ? out.bytes.size() : sink->made;
    const std::size_t room = bytes_max - static_cast<std::size_t>(held);
    const std::size_t taken = std::min(made, room);
    if (sink == nullptr) {
      out.bytes.insert(out.bytes.end(), chunk.data(), chunk.data() + taken);
    } else if (Result<void> done = sink->take({chunk.data(), taken}); !done) {
      out.error = std::move(done).error();
      return false;
    } else {
      sink->made += taken;
    }
    if (made > room || expands_too_far(held + taken, out.consumed)) {
      out.over_budget = true;
      return stop(ErrorKind::kLimit, "more than " + std::to_string(held + taken) + " bytes unpacked");
    }
    if (step == Step::kEnd) return true;
    const std::string at = " at byte " + std::to_string(out.consumed);
    if (step == Step::kDamaged) return stop(ErrorKind::kInvalid, "damaged" + at);
    if (step == Step::kTooLarge) return stop(ErrorKind::kLimit, "needs too much memory to unpack" + at);
    if (made == 0 && left == window.in_left) return stop(ErrorKind::kInvalid, "truncated" + at);
  }
}

}  // namespace sallyport::formats
