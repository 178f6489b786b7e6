#include "formats/pickle_framed.h"

#include <algorithm>
#include <cstring>

#include "formats/pickle_opcodes.h"

namespace sallyport::formats::pickle {
namespace {

// The unpickler's input buffer, of which only the end matters.
class Reader {
 public:
  Reader(BytesView bytes, std::size_t begin) : bytes_(bytes), at_(begin), buffer_end_(begin) {}

  // Takes one opcode; false at the end.
  bool take();
  Framed finish() { return std::move(framed_); }

 private:
  std::size_t left() const { return bytes_.size() - at_; }
  // What is left of a frame is thrown away unless `size` bytes more are all in it.
  void drop_rest(std::uint64_t size) {
    if (at_ < buffer_end_ && size > buffer_end_ - at_) at_ = buffer_end_;
  }
  bool copy(std::uint64_t size);
  bool part(std::uint64_t size) {
    drop_rest(size);
    return copy(size);
  }
  bool line();
  bool frame();

  BytesView bytes_;
  std::size_t at_;
  std::size_t buffer_end_;
  Framed framed_;
};

bool Reader::copy(std::uint64_t size) {
  if (size > left()) return false;
  auto& moves = framed_.moves;
  const std::size_t shift = at_ - framed_.bytes.size();
  if (moves.empty() || moves.back().second - moves.back().first != shift) {
    moves.emplace_back(framed_.bytes.size(), at_);
  }
  framed_.bytes.append(reinterpret_cast<const char*>(bytes_.data()) + at_, static_cast<std::size_t>(size));
  at_ += static_cast<std::size_t>(size);
  return true;
}

bool Reader::line() {
  const auto size_until = [&](std::size_t end) -> std::size_t {
    if (at_ >= end) return 0;
    const void* const found = std::memchr(bytes_.data() + at_, '\n', end - at_);
    if (found == nullptr) return 0;
    return static_cast<std::size_t>(static_cast<const std::uint8_t*>(found) - bytes_.data()) - at_ + 1;
  };
  if (const std::size_t size = size_until(std::min(buffer_end_, bytes_.size())); size != 0) return copy(size);
  at_ = std::max(at_, buffer_end_);
  const std::size_t size = size_until(bytes_.size());
  return size != 0 && copy(size);
}

bool Reader::frame() {
  drop_rest(8);
  if (left() < 8) return false;
  std::uint64_t size = 0;
  std::memcpy(&size, bytes_.data() + at_, 8);
  at_ += 8;
  drop_rest(size);
  if (size > left()) return false;
  if (at_ >= buffer_end_) buffer_end_ = at_ + static_cast<std::size_t>(size);
  return true;
}

bool Reader::take() {
  if (left() == 0) return false;
  const std::uint8_t code = bytes_[at_];
  constexpr std::uint8_t kFrame = 0x95;
  if (code == kFrame) {
    ++at_;
    return frame();
  }
  if (!copy(1)) return false;
  const std::size_t width = kFixedWidths[code];
  switch (kLayouts[code]) {
    case Layout::kUnknown:
      return false;
    case Layout::kLine:
      return line();
    case Layout::kTwoLines:
      return line() && line();
    case Layout::kSized1:
    case Layout::kSized4:
    case Layout::kSizedSigned4:
    case Layout::kSized8: {
      if (!part(width)) return false;
      std::uint64_t size = 0;
      std::memcpy(&size, framed_.bytes.data() + framed_.bytes.size() - width, width);
      const bool in_two_parts = code == 'B' || code == 'C' || code == 0x8e || code == 0x96;
      return in_two_parts ? copy(size) : part(size);
    }
    default:
      return part(width) && code != '.';
  }
}

}  // namespace

std::size_t Framed::original(std::size_t offset) const {
  const auto next = std::upper_bound(moves.begin(), moves.end(), offset,
                                     [](std::size_t at, const auto& move) { return at < move.first; });
  if (next == moves.begin()) return offset;
  const auto& [moved, original] = *std::prev(next);
  return original + (offset - moved);
}

Framed as_read_from_file(BytesView bytes, std::size_t begin) {
  Reader reader(bytes, begin);
  while (reader.take()) {
  }
  return reader.finish();
}

}  // namespace sallyport::formats::pickle
