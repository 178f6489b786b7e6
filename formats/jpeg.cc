#include "formats/jpeg.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <string>

#include "core/limits/data.h"
#include "formats/jpeg_scan.h"

namespace sallyport::formats {
namespace {

using jpeg::Component;
using jpeg::Frame;
using jpeg::kBlock;

constexpr std::uint64_t kScanWorkMax = 4'000'000'000;  // blocks times scans

// Cosines of the inverse transform: basis[u][x] is what the coefficient u adds at x.
std::array<std::array<float, 8>, 8> basis() {
  std::array<std::array<float, 8>, 8> out{};
  for (std::size_t u = 0; u < 8; ++u) {
    for (std::size_t x = 0; x < 8; ++x) {
      const double angle = (2 * static_cast<double>(x) + 1) * static_cast<double>(u) * std::numbers::pi / 16;
      out[u][x] = static_cast<float>((u == 0 ? std::sqrt(0.125) : 0.5) * std::cos(angle));
    }
  }
  return out;
}

std::uint8_t clamped(float value) {
  return static_cast<std::uint8_t>(std::clamp(std::lround(value), 0L, 255L));
}

class Reader {
 public:
  explicit Reader(BytesView bytes) : bytes_(bytes) {}

  Result<Picture> run() {
    while (!ended_) TRY(segment());
    if (!frame_) return refuse("no frame");
    if (!scanned_) return refuse("no scan");
    return picture();
  }

 private:
  std::unexpected<Error> refuse(const std::string& what) const {
    return invalid("jpeg: " + what + " at byte " + std::to_string(at_));
  }

  Result<void> segment() {
    if (at_ >= bytes_.size() || bytes_[at_] != 0xFF) return refuse("no marker");
    while (at_ < bytes_.size() && bytes_[at_] == 0xFF) ++at_;
    if (at_ >= bytes_.size()) return refuse("cut short");
    const std::uint8_t marker = bytes_[at_++];
    if (marker == 0xD9) {
      ended_ = true;
      return {};
    }
    if (marker == 0 || (marker >= 0xD0 && marker <= 0xD8) || marker == 1)
      return refuse("a marker out of place");
    if (bytes_.size() - at_ < 2) return refuse("cut short");
    const std::size_t length = std::size_t{bytes_[at_]} << 8 | bytes_[at_ + 1];
    if (length < 2 || length > bytes_.size() - at_) return refuse("a segment that is longer than the file");
    const BytesView data = bytes_.subspan(at_ + 2, length - 2);
    at_ += length;
    switch (marker) {
      case 0xC0:
      case 0xC1:
      case 0xC2: return frame(data, marker == 0xC2);
      case 0xC4: return huffman_tables(data);
      case 0xDA: return scan(data);
      case 0xDB: return quantisation(data);
      case 0xDD:
        if (data.size() != 2) return refuse("a restart interval of another length");
        restart_interval_ = std::size_t{data[0]} << 8 | data[1];
        return {};
      case 0xEE:
        if (data.size() >= 12 && as_text(data.subspan(0, 5)) == "Adobe") adobe_ = data[11];
        return {};
      default: break;
    }
    if (marker >= 0xC3 && marker <= 0xCF && marker != 0xC8 && marker != 0xCC)
      return fail(ErrorKind::kUnsupported, "jpeg: lossless, hierarchical or arithmetic coding is not read");
    return {};
  }

  Result<void> quantisation(BytesView data) {
    while (!data.empty()) {
      const std::size_t wide = data[0] >> 4 != 0 ? 2 : 1;
      const std::size_t table = data[0] & 15;
      if (table > 3 || data.size() < 1 + kBlock * wide)
        return refuse("a quantisation table that is cut short");
      for (std::size_t k = 0; k < kBlock; ++k) {
        const std::size_t value =
            wide == 2 ? std::size_t{data[1 + 2 * k]} << 8 | data[2 + 2 * k] : data[1 + k];
        quantisation_[table][jpeg::kNatural[k]] = static_cast<float>(value);
      }
      data = data.subspan(1 + kBlock * wide);
    }
    return {};
  }

  Result<void> huffman_tables(BytesView data) {
    while (!data.empty()) {
      if (data.size() < 17) return refuse("a code table that is cut short");
      std::size_t count = 0;
      for (std::size_t i = 1; i <= 16; ++i) count += data[i];
      const std::size_t table = data[0] & 15;
      if (count > 256 || data[0] >> 4 > 1 || table > 3 || data.size() < 17 + count)
        return refuse("a code table that is cut short");
      (data[0] >> 4 == 0 ? tables_.dc : tables_.ac)[table] =
          TRY(jpeg::huffman(data.subspan(1, 16), data.subspan(17, count)));
      data = data.subspan(17 + count);
    }
    return {};
  }

  Result<void> frame(BytesView data, bool progressive) {
    if (frame_) return refuse("a second frame");
    if (data.size() < 6 || data.size() != 6 + std::size_t{3} * data[5])
      return refuse("a frame that is cut short");
    if (data[0] != 8) return fail(ErrorKind::kUnsupported, "jpeg: other than 8 bits a sample is not read");
    if (data[5] != 1 && data[5] != 3)
      return fail(ErrorKind::kUnsupported, "jpeg: " + std::to_string(data[5]) + " colours are not read");
    Frame out{.progressive = progressive};
    out.height = std::size_t{data[1]} << 8 | data[2];
    out.width = std::size_t{data[3]} << 8 | data[4];
    TRY(check_picture_size("jpeg", out.width, out.height));
    for (std::size_t i = 0; i < data[5]; ++i) {
      Component one{.id = data[6 + 3 * i]};
      one.across = data[7 + 3 * i] >> 4;
      one.down = data[7 + 3 * i] & 15;
      one.quantisation = data[8 + 3 * i];
      if (one.across < 1 || one.across > 4 || one.down < 1 || one.down > 4 || one.quantisation > 3)
        return refuse("a component of impossible sampling");
      out.across_max = std::max(out.across_max, one.across);
      out.down_max = std::max(out.down_max, one.down);
      out.components.push_back(std::move(one));
    }
    if (out.components.size() == 1) {
      out.across_max = out.down_max = out.components[0].across = out.components[0].down = 1;
    }
    for (Component& one : out.components) {
      const auto part = [](std::size_t size, std::size_t factor, std::size_t most) {
        return ((size * factor + most - 1) / most + 7) / 8;
      };
      one.wide = part(out.width, one.across, out.across_max);
      one.tall = part(out.height, one.down, out.down_max);
      one.stride = (out.width + 8 * out.across_max - 1) / (8 * out.across_max) * one.across;
      const std::size_t lines = (out.height + 8 * out.down_max - 1) / (8 * out.down_max) * one.down;
      one.coefficients.resize(one.stride * lines * kBlock);
      blocks_ += one.stride * lines;
    }
    frame_ = std::move(out);
    return {};
  }

  Result<void> scan(BytesView data) {
    if (!frame_) return refuse("a scan before its frame");
    if (data.empty() || data.size() != 4 + std::size_t{2} * data[0] || data[0] < 1 ||
        data[0] > frame_->components.size())
      return refuse("a scan header of another length");
    jpeg::Scan out;
    for (std::size_t i = 0; i < data[0]; ++i) {
      jpeg::Scan::Part part{.component = frame_->components.size()};
      for (std::size_t c = 0; c < frame_->components.size(); ++c) {
        if (frame_->components[c].id == data[1 + 2 * i]) part.component = c;
      }
      part.dc_table = data[2 + 2 * i] >> 4;
      part.ac_table = data[2 + 2 * i] & 15;
      if (part.component == frame_->components.size() || part.dc_table > 3 || part.ac_table > 3)
        return refuse("a scan of a component or table that does not exist");
      out.parts.push_back(part);
    }
    const BytesView band = data.last(3);
    if (frame_->progressive) {
      out.first = band[0];
      out.last = band[1];
      out.high = band[2] >> 4;
      out.low = band[2] & 15;
      const bool sound = out.last <= 63 && out.first <= out.last && out.low <= 13 &&
                         (out.first == 0 ? out.last == 0 : out.parts.size() == 1);
      if (!sound) return refuse("a scan of an impossible band");
    }
    work_ += blocks_;
    if (++scans_ > limits::kJpegScansMax || work_ > kScanWorkMax)
      return fail(ErrorKind::kLimit, "jpeg: more than kJpegScansMax scans");
    const std::size_t taken =
        TRY(jpeg::decode(bytes_.subspan(at_), out, tables_, restart_interval_, *frame_));
    at_ += taken;
    // Bits that are left, and bytes that encoders put in front of a marker.
    while (at_ + 1 < bytes_.size() && (bytes_[at_] != 0xFF || bytes_[at_ + 1] == 0)) ++at_;
    scanned_ = true;
    return {};
  }

  // One component at the size of its own samples, block by block.
  Bytes plane(const Component& component) const {
    static const std::array<std::array<float, 8>, 8> kBasis = basis();
    const std::size_t width = component.stride * 8;
    Bytes out(width * (component.coefficients.size() / kBlock / component.stride) * 8);
    const std::array<float, kBlock>& steps = quantisation_[component.quantisation];
    for (std::size_t block = 0; block < component.coefficients.size() / kBlock; ++block) {
      const std::int16_t* from = &component.coefficients[block * kBlock];
      std::array<float, kBlock> half{};
      for (std::size_t v = 0; v < 8; ++v) {
        for (std::size_t u = 0; u < 8; ++u) {
          if (from[v * 8 + u] == 0) continue;
          const float value = static_cast<float>(from[v * 8 + u]) * steps[v * 8 + u];
          for (std::size_t x = 0; x < 8; ++x) half[v * 8 + x] += value * kBasis[u][x];
        }
      }
      std::uint8_t* to = &out[block / component.stride * 8 * width + block % component.stride * 8];
      for (std::size_t y = 0; y < 8; ++y) {
        for (std::size_t x = 0; x < 8; ++x) {
          float sum = 128;
          for (std::size_t v = 0; v < 8; ++v) sum += half[v * 8 + x] * kBasis[v][y];
          to[y * width + x] = clamped(sum);
        }
      }
    }
    return out;
  }

  // Where a sample of the picture lies between two of a component that has fewer of them: each stands in the
  // middle of what it was taken from.
  struct Tap {
    std::size_t first = 0;
    std::size_t second = 0;
    float share = 0;  // of the second
  };
  static std::vector<Tap> taps(std::size_t size, std::size_t sampling, std::size_t sampling_max) {
    const std::size_t last = (size * sampling + sampling_max - 1) / sampling_max - 1;
    std::vector<Tap> out(size);
    for (std::size_t i = 0; i < size; ++i) {
      const float scale = static_cast<float>(sampling) / static_cast<float>(sampling_max);
      const float at = std::max(0.0F, (static_cast<float>(i) + 0.5F) * scale - 0.5F);
      out[i].first = std::min(static_cast<std::size_t>(at), last);
      out[i].second = std::min(out[i].first + 1, last);
      out[i].share = at - static_cast<float>(out[i].first);
    }
    return out;
  }

  Picture picture() const {
    const Frame& frame = *frame_;
    Picture out{.width = frame.width, .height = frame.height, .channels = frame.components.size()};
    out.samples.resize(out.width * out.height * out.channels);
    for (std::size_t c = 0; c < out.channels; ++c) {
      const Component& component = frame.components[c];
      const Bytes samples = plane(component);
      const std::vector<Tap> across = taps(out.width, component.across, frame.across_max);
      const std::vector<Tap> down = taps(out.height, component.down, frame.down_max);
      const std::size_t stride = component.stride * 8;
      for (std::size_t y = 0; y < out.height; ++y) {
        const std::uint8_t* upper = &samples[down[y].first * stride];
        const std::uint8_t* lower = &samples[down[y].second * stride];
        for (std::size_t x = 0; x < out.width; ++x) {
          const auto between = [&](const std::uint8_t* line) {
            const float left = line[across[x].first];
            return left + (static_cast<float>(line[across[x].second]) - left) * across[x].share;
          };
          const float value = between(upper);
          out.samples[(y * out.width + x) * out.channels + c] =
              clamped(value + (between(lower) - value) * down[y].share);
        }
      }
    }
    if (out.channels == 3 && adobe_ != 0) to_rgb(out.samples);
    return out;
  }

  static void to_rgb(Bytes& samples) {
    for (std::size_t i = 0; i + 2 < samples.size(); i += 3) {
      const float y = samples[i];
      const float cb = static_cast<float>(samples[i + 1]) - 128;
      const float cr = static_cast<float>(samples[i + 2]) - 128;
      samples[i] = clamped(y + 1.402F * cr);
      samples[i + 1] = clamped(y - 0.344136F * cb - 0.714136F * cr);
      samples[i + 2] = clamped(y + 1.772F * cb);
    }
  }

  BytesView bytes_;
  std::size_t at_ = 2;
  bool ended_ = false;
  bool scanned_ = false;
  std::size_t restart_interval_ = 0;
  std::size_t scans_ = 0;
  std::uint64_t blocks_ = 0;
  std::uint64_t work_ = 0;
  int adobe_ = 1;  // its colour transform; 0: the samples are RGB
  std::array<std::array<float, kBlock>, 4> quantisation_{};
  jpeg::Tables tables_;
  std::optional<Frame> frame_;
};

}  // namespace

bool is_jpeg(BytesView bytes) {
  return bytes.size() >= 3 && bytes[0] == 0xFF && bytes[1] == 0xD8 && bytes[2] == 0xFF;
}

Result<Picture> read_jpeg(BytesView bytes) {
  if (!is_jpeg(bytes)) return invalid("jpeg: no start of image at byte 0");
  return Reader(bytes).run();
}

}  // namespace sallyport::formats
