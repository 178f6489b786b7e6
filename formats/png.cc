#include "formats/png.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>

#include "core/limits/data.h"
#include "formats/inflate.h"

namespace sallyport::formats {
namespace {

constexpr std::array<std::uint8_t, 8> kMagic{0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
constexpr std::size_t kPaletteMax = 256;

std::uint32_t word(BytesView bytes, std::size_t at) {
  return std::uint32_t{bytes[at]} << 24 | std::uint32_t{bytes[at + 1]} << 16 |
         std::uint32_t{bytes[at + 2]} << 8 | bytes[at + 3];
}

std::unexpected<Error> refuse(std::size_t at, const std::string& what) {
  return invalid("png: " + what + " at byte " + std::to_string(at));
}

struct Head {
  std::size_t width = 0;
  std::size_t height = 0;
  std::size_t depth = 0;
  std::uint8_t colour = 0;
  bool interlaced = false;

  bool has_palette() const { return colour == 3; }
  std::size_t samples() const { return colour == 2 ? 3 : colour == 4 ? 2 : colour == 6 ? 4 : 1; }
  std::size_t line_bytes(std::size_t pixels) const { return (pixels * samples() * depth + 7) / 8; }
};

struct Chunks {
  Head head;
  BytesView palette = {};
  Bytes packed = {};
};

Result<Head> read_head(BytesView data) {
  Head out;
  if (data.size() != 13) return refuse(8, "the header has not 13 bytes");
  out.width = word(data, 0);
  out.height = word(data, 4);
  out.depth = data[8];
  out.colour = data[9];
  out.interlaced = data[12] == 1;
  TRY(check_picture_size("png", out.width, out.height));
  const bool small = out.depth == 1 || out.depth == 2 || out.depth == 4;
  const bool known =
      (out.colour == 0 && (small || out.depth == 8 || out.depth == 16)) ||
      (out.colour == 3 && (small || out.depth == 8)) ||
      ((out.colour == 2 || out.colour == 4 || out.colour == 6) && (out.depth == 8 || out.depth == 16));
  if (!known || data[10] != 0 || data[11] != 0 || data[12] > 1)
    return refuse(16, "a colour type, depth or method that does not exist");
  return out;
}

Result<Chunks> read_chunks(BytesView bytes) {
  Chunks out;
  bool have_head = false;
  for (std::size_t at = kMagic.size();;) {
    if (bytes.size() - at < 12) return refuse(at, "cut short");
    const std::size_t length = word(bytes, at);
    if (length > bytes.size() - at - 12) return refuse(at, "a chunk that is longer than the file");
    const std::string_view type = as_text(bytes.subspan(at + 4, 4));
    const BytesView data = bytes.subspan(at + 8, length);
    const auto crc =
        static_cast<std::uint32_t>(::crc32(0, bytes.data() + at + 4, static_cast<unsigned>(length + 4)));
    if (crc != word(bytes, at + 8 + length)) return refuse(at, "a wrong checksum of " + std::string(type));
    if (!have_head && type != "IHDR") return refuse(at, "no header first");
    if (type == "IHDR") {
      if (have_head) return refuse(at, "a second header");
      out.head = TRY(read_head(data));
      have_head = true;
    } else if (type == "PLTE") {
      if (length % 3 != 0 || length / 3 > kPaletteMax) return refuse(at, "a palette of such a length");
      out.palette = data;
    } else if (type == "IDAT") {
      out.packed.insert(out.packed.end(), data.begin(), data.end());
    } else if (type == "IEND") {
      break;
    } else if ((bytes[at + 4] & 0x20) == 0) {
      return refuse(at, "a critical chunk " + std::string(type) + " that is not known");
    }
    at += 12 + length;
  }
  if (out.head.has_palette() && out.palette.empty()) return refuse(bytes.size(), "no palette");
  return out;
}

std::uint8_t paeth(int left, int up, int corner) {
  const int guess = left + up - corner;
  const int to_left = std::abs(guess - left);
  const int to_up = std::abs(guess - up);
  const int to_corner = std::abs(guess - corner);
  if (to_left <= to_up && to_left <= to_corner) return static_cast<std::uint8_t>(left);
  return static_cast<std::uint8_t>(to_up <= to_corner ? up : corner);
}

// The filter of one line undone in place; `above` is the line before it, or zeros.
bool unfilter(std::uint8_t filter, std::span<std::uint8_t> line, std::span<const std::uint8_t> above,
              std::size_t step) {
  if (filter > 4) return false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const int left = i >= step ? line[i - step] : 0;
    const int up = above[i];
    const int corner = i >= step ? above[i - step] : 0;
    const int by = filter == 0   ? 0
                   : filter == 1 ? left
                   : filter == 2 ? up
                   : filter == 3 ? (left + up) / 2
                                 : paeth(left, up, corner);
    line[i] = static_cast<std::uint8_t>(line[i] + by);
  }
  return true;
}

// Where the pixels of a pass stand: every step-th from the first.
struct Pass {
  std::size_t x, y, step_x, step_y;

  std::size_t wide(const Head& head) const { return (head.width + step_x - 1 - x) / step_x; }
  std::size_t tall(const Head& head) const { return (head.height + step_y - 1 - y) / step_y; }
};
constexpr Pass kWhole[] = {{0, 0, 1, 1}};
constexpr Pass kAdam7[] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4},
                           {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};

std::uint8_t sample_of(std::span<const std::uint8_t> line, std::size_t index, std::size_t depth) {
  if (depth == 8) return line[index];
  if (depth == 16) return line[2 * index];
  const std::size_t bit = index * depth;
  return static_cast<std::uint8_t>(line[bit / 8] >> (8 - depth - bit % 8) & ((1U << depth) - 1));
}

class Painter {
 public:
  explicit Painter(const Chunks& chunks) : chunks_(chunks) {
    const Head& head = chunks.head;
    out_.width = head.width;
    out_.height = head.height;
    out_.channels = head.has_palette() ? 3 : head.samples();
    out_.samples.resize(out_.width * out_.height * out_.channels);
  }

  Result<void> paint(std::span<const std::uint8_t> line, std::size_t pixels, const Pass& pass,
                     std::size_t y) {
    const Head& head = chunks_.head;
    for (std::size_t i = 0; i < pixels; ++i) {
      std::uint8_t* to =
          &out_.samples[((pass.y + y * pass.step_y) * out_.width + pass.x + i * pass.step_x) * out_.channels];
      if (head.has_palette()) {
        const std::size_t entry = sample_of(line, i, head.depth);
        if (3 * entry + 3 > chunks_.palette.size()) return invalid("png: a colour beyond the palette");
        std::copy_n(chunks_.palette.begin() + static_cast<std::ptrdiff_t>(3 * entry), 3, to);
        continue;
      }
      for (std::size_t c = 0; c < out_.channels; ++c) {
        const std::uint8_t value = sample_of(line, i * out_.channels + c, head.depth);
        to[c] = head.depth < 8 ? static_cast<std::uint8_t>(value * (255U / ((1U << head.depth) - 1))) : value;
      }
    }
    return {};
  }

  Picture take() { return std::move(out_); }

 private:
  const Chunks& chunks_;
  Picture out_;
};

}  // namespace

Result<void> check_picture_size(const char* format, std::size_t width, std::size_t height) {
  if (width == 0 || height == 0) return invalid(std::string(format) + ": a picture without pixels");
  if (width > limits::kPictureSideMax || height > limits::kPictureSideMax ||
      width * height > limits::kPicturePixelsMax) {
    return fail(ErrorKind::kLimit, std::string(format) + ": " + std::to_string(width) + " x " +
                                       std::to_string(height) +
                                       " pixels are more than kPictureSideMax or kPicturePixelsMax");
  }
  return {};
}

bool is_png(BytesView bytes) {
  return bytes.size() >= kMagic.size() && std::equal(kMagic.begin(), kMagic.end(), bytes.begin());
}

Result<Picture> read_png(BytesView bytes) {
  if (!is_png(bytes)) return invalid("png: no signature at byte 0");
  const Chunks chunks = TRY(read_chunks(bytes));
  const Head& head = chunks.head;
  const std::span<const Pass> passes = head.interlaced ? std::span<const Pass>(kAdam7) : kWhole;
  std::size_t wanted = 0;
  for (const Pass& pass : passes) {
    if (pass.x >= head.width || pass.y >= head.height) continue;
    wanted += pass.tall(head) * (1 + head.line_bytes(pass.wide(head)));
  }
  Inflated raw = inflate(chunks.packed, Wrapper::kZlib, wanted);
  if (raw.error) return within("png", *raw.error);
  if (raw.over_budget || raw.bytes.size() != wanted)
    return invalid("png: " + std::to_string(wanted) + " bytes of pixels are announced, and there are " +
                   (raw.over_budget ? "more" : std::to_string(raw.bytes.size())));
  const std::size_t step = std::max<std::size_t>(1, head.samples() * head.depth / 8);
  Painter painter(chunks);
  std::size_t at = 0;
  for (const Pass& pass : passes) {
    if (pass.x >= head.width || pass.y >= head.height) continue;
    const std::size_t pixels = pass.wide(head);
    const std::size_t line_bytes = head.line_bytes(pixels);
    const Bytes zeros(line_bytes);
    std::span<const std::uint8_t> above = zeros;
    for (std::size_t y = 0; y < pass.tall(head); ++y) {
      const std::span<std::uint8_t> line = std::span(raw.bytes).subspan(at + 1, line_bytes);
      if (!unfilter(raw.bytes[at], line, above, step))
        return invalid("png: a filter that does not exist, in line " + std::to_string(y));
      TRY(painter.paint(line, pixels, pass, y));
      above = line;
      at += 1 + line_bytes;
    }
  }
  return painter.take();
}

namespace {

void put_word(Bytes& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(value >> shift));
}

void put_chunk(Bytes& out, std::string_view type, BytesView data) {
  put_word(out, static_cast<std::uint32_t>(data.size()));
  const std::size_t begin = out.size();
  out.insert(out.end(), type.begin(), type.end());
  out.insert(out.end(), data.begin(), data.end());
  put_word(out, static_cast<std::uint32_t>(
                    ::crc32(0, out.data() + begin, static_cast<unsigned>(out.size() - begin))));
}

}  // namespace

Bytes write_png(const Picture& picture) {
  SP_CHECK(picture.channels >= 1 && picture.channels <= 4 &&
           picture.samples.size() == picture.width * picture.height * picture.channels);
  constexpr std::array<std::uint8_t, 5> kColour{0, 0, 4, 2, 6};  // by the number of channels
  Bytes out(kMagic.begin(), kMagic.end());
  Bytes head;
  put_word(head, static_cast<std::uint32_t>(picture.width));
  put_word(head, static_cast<std::uint32_t>(picture.height));
  for (const std::uint8_t byte :
       {std::uint8_t{8}, kColour[picture.channels], std::uint8_t{0}, std::uint8_t{0}, std::uint8_t{0}})
    head.push_back(byte);
  put_chunk(out, "IHDR", head);
  Bytes lines;
  const std::size_t line = picture.width * picture.channels;
  for (std::size_t y = 0; y < picture.height; ++y) {
    lines.push_back(0);
    const auto from = picture.samples.begin() + static_cast<std::ptrdiff_t>(y * line);
    lines.insert(lines.end(), from, from + static_cast<std::ptrdiff_t>(line));
  }
  uLongf size = ::compressBound(static_cast<uLong>(lines.size()));
  Bytes packed(size);
  SP_CHECK(::compress2(packed.data(), &size, lines.data(), static_cast<uLong>(lines.size()), 6) == Z_OK);
  packed.resize(size);
  put_chunk(out, "IDAT", packed);
  put_chunk(out, "IEND", {});
  return out;
}

}  // namespace sallyport::formats
