#include "formats/jpeg_scan.h"

#include <algorithm>
#include <string>

namespace sallyport::formats::jpeg {

constexpr std::array<std::uint8_t, kBlock> kOrder{
    0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48,
    41, 34, 27, 20, 13, 6,  7,  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23,
    30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};
const std::array<std::uint8_t, kBlock> kNatural = kOrder;

namespace {

constexpr int kBad = -1;

// Bits of the entropy-coded bytes; a marker ends them, and beyond it there are none.
class Bits {
 public:
  explicit Bits(BytesView data) : data_(data) {}

  // -1 at the end.
  int bit() {
    if (held_ == 0 && !fill()) return kBad;
    --held_;
    return byte_ >> held_ & 1;
  }
  // -1 at the end; count <= 16.
  int bits(int count) {
    int out = 0;
    for (int i = 0; i < count; ++i) {
      const int next = bit();
      if (next < 0) return kBad;
      out = out << 1 | next;
    }
    return out;
  }
  int symbol(const Huffman& table) {
    std::int32_t code = 0;
    for (std::size_t length = 1; length <= 16; ++length) {
      const int next = bit();
      if (next < 0) return kBad;
      code = code << 1 | next;
      if (table.last_code[length] < 0 || code > table.last_code[length]) continue;
      const auto at = static_cast<std::size_t>(table.first_value[length] + code - table.first_code[length]);
      return at < table.values.size() ? table.values[at] : kBad;
    }
    return kBad;
  }
  // A number of so many bits whose first bit is its sign (T.81, F.2.2.1); ok is cleared at the end.
  int extended(int size, bool& ok) {
    if (size == 0) return 0;
    const int value = bits(size);
    if (value < 0) ok = false;
    return value < 1 << (size - 1) ? value - (1 << size) + 1 : value;
  }

  // Skips to behind the next restart marker; false when another marker, or none, stands there.
  bool restart() {
    held_ = 0;
    if (at_ + 1 >= data_.size() || data_[at_] != 0xFF || data_[at_ + 1] < 0xD0 || data_[at_ + 1] > 0xD7)
      return false;
    at_ += 2;
    return true;
  }
  std::size_t at() const { return at_; }

 private:
  bool fill() {
    if (at_ >= data_.size()) return false;
    if (data_[at_] == 0xFF) {
      if (at_ + 1 >= data_.size() || data_[at_ + 1] != 0) return false;
      byte_ = 0xFF;
      at_ += 2;
    } else {
      byte_ = data_[at_++];
    }
    held_ = 8;
    return true;
  }

  BytesView data_;
  std::size_t at_ = 0;
  int byte_ = 0;
  int held_ = 0;
};

class Decoder {
 public:
  Decoder(BytesView data, const Scan& scan, const Tables& tables, Frame& frame)
      : bits_(data), scan_(scan), tables_(tables), frame_(frame), before_(scan.parts.size()) {}

  Result<std::size_t> run(std::size_t restart_interval) {
    const bool alone = scan_.parts.size() == 1;
    const Component& only = frame_.components[scan_.parts[0].component];
    const std::size_t wide =
        alone ? only.wide : (frame_.width + 8 * frame_.across_max - 1) / (8 * frame_.across_max);
    const std::size_t tall =
        alone ? only.tall : (frame_.height + 8 * frame_.down_max - 1) / (8 * frame_.down_max);
    for (std::size_t unit = 0; unit < wide * tall; ++unit) {
      if (restart_interval > 0 && unit > 0 && unit % restart_interval == 0) {
        if (!bits_.restart()) return refuse("a restart marker is missing", unit);
        std::ranges::fill(before_, 0);
        run_of_ends_ = 0;
      }
      if (!(alone ? block(0, unit % wide, unit / wide) : unit_of_all(unit % wide, unit / wide)))
        return refuse("a code that no table has, or the scan ends early", unit);
    }
    return bits_.at();
  }

 private:
  std::unexpected<Error> refuse(const std::string& what, std::size_t unit) const {
    return invalid("jpeg: " + what + ", unit " + std::to_string(unit) + " of a scan, byte " +
                   std::to_string(bits_.at()) + " of it");
  }

  bool unit_of_all(std::size_t x, std::size_t y) {
    for (std::size_t part = 0; part < scan_.parts.size(); ++part) {
      const Component& component = frame_.components[scan_.parts[part].component];
      for (std::size_t v = 0; v < component.down; ++v) {
        for (std::size_t h = 0; h < component.across; ++h) {
          if (!block(part, x * component.across + h, y * component.down + v)) return false;
        }
      }
    }
    return true;
  }

  bool block(std::size_t part, std::size_t x, std::size_t y) {
    Component& component = frame_.components[scan_.parts[part].component];
    std::int16_t* to = &component.coefficients[(y * component.stride + x) * kBlock];
    const Huffman& dc = tables_.dc[scan_.parts[part].dc_table];
    const Huffman& ac = tables_.ac[scan_.parts[part].ac_table];
    if (!frame_.progressive) return first_dc(part, dc, to) && band(ac, 1, to);
    if (scan_.first == 0) return scan_.high == 0 ? first_dc(part, dc, to) : refine_dc(to);
    return scan_.high == 0 ? band(ac, scan_.first, to) : refine_band(ac, to);
  }

  bool first_dc(std::size_t part, const Huffman& table, std::int16_t* to) {
    const int size = bits_.symbol(table);
    if (size < 0 || size > 15) return false;
    bool ok = true;
    before_[part] += bits_.extended(size, ok);
    to[0] = static_cast<std::int16_t>(before_[part] * (1 << scan_.low));
    return ok;
  }

  bool refine_dc(std::int16_t* to) {
    const int bit = bits_.bit();
    if (bit > 0) to[0] = static_cast<std::int16_t>(to[0] | 1 << scan_.low);
    return bit >= 0;
  }

  bool band(const Huffman& table, int first, std::int16_t* to) {
    if (run_of_ends_ > 0) {
      --run_of_ends_;
      return true;
    }
    for (int k = first; k <= scan_.last; ++k) {
      const int symbol = bits_.symbol(table);
      if (symbol < 0) return false;
      const int run = symbol >> 4;
      const int size = symbol & 15;
      if (size == 0 && run == 15) {
        k += 15;
        continue;
      }
      if (size == 0) return ends(run);
      k += run;
      if (k > scan_.last) return false;
      bool ok = true;
      to[kOrder[static_cast<std::size_t>(k)]] =
          static_cast<std::int16_t>(bits_.extended(size, ok) * (1 << scan_.low));
      if (!ok) return false;
    }
    return true;
  }

  // This block and so many after it end here.
  bool ends(int run) {
    if (run == 0) return true;
    if (!frame_.progressive) return false;
    const int more = bits_.bits(run);
    run_of_ends_ = (1 << run) + more - 1;
    return more >= 0;
  }

  // T.81, G.1.2.3: a bit for every coefficient that is there already, and new ones of plus or minus one.
  bool refine_band(const Huffman& table, std::int16_t* to) {
    const int step = 1 << scan_.low;
    int k = scan_.first;
    while (run_of_ends_ == 0 && k <= scan_.last) {
      const int symbol = bits_.symbol(table);
      if (symbol < 0) return false;
      int run = symbol >> 4;
      const int size = symbol & 15;
      int fresh = 0;
      if (size == 1) {
        const int sign = bits_.bit();
        if (sign < 0) return false;
        fresh = sign > 0 ? step : -step;
      } else if (size != 0) {
        return false;
      } else if (run < 15) {
        if (!ends(run)) return false;
        if (run > 0) ++run_of_ends_;
        if (run == 0) run_of_ends_ = 1;
        break;
      }
      for (; k <= scan_.last; ++k) {
        std::int16_t& at = to[kOrder[static_cast<std::size_t>(k)]];
        if (at != 0) {
          if (!refine(at, step)) return false;
        } else if (run-- == 0) {
          at = static_cast<std::int16_t>(fresh);
          ++k;
          break;
        }
      }
    }
    if (run_of_ends_ == 0) return true;
    for (; k <= scan_.last; ++k) {
      std::int16_t& at = to[kOrder[static_cast<std::size_t>(k)]];
      if (at != 0 && !refine(at, step)) return false;
    }
    --run_of_ends_;
    return true;
  }

  bool refine(std::int16_t& at, int step) {
    const int bit = bits_.bit();
    if (bit > 0 && (std::abs(int{at}) & step) == 0)
      at = static_cast<std::int16_t>(at + (at > 0 ? step : -step));
    return bit >= 0;
  }

  Bits bits_;
  const Scan& scan_;
  const Tables& tables_;
  Frame& frame_;
  std::vector<int> before_;  // the last DC of each part
  int run_of_ends_ = 0;      // blocks whose band has ended already
};

}  // namespace

Result<Huffman> huffman(BytesView counts, BytesView values) {
  Huffman out{.known = true};
  out.values.assign(values.begin(), values.end());
  std::int32_t code = 0;
  std::int32_t value = 0;
  for (std::size_t length = 1; length <= 16; ++length) {
    const std::int32_t count = counts[length - 1];
    out.first_code[length] = code;
    out.first_value[length] = value;
    out.last_code[length] = count == 0 ? -1 : code + count - 1;
    code += count;
    value += count;
    if (code > 1 << length) return invalid("jpeg: more codes than their length allows");
    code <<= 1;
  }
  return out;
}

Result<std::size_t> decode(BytesView data, const Scan& scan, const Tables& tables,
                           std::size_t restart_interval, Frame& frame) {
  return Decoder(data, scan, tables, frame).run(restart_interval);
}

}  // namespace sallyport::formats::jpeg
