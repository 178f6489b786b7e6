#include "formats/array.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <string>

#include "core/limits/data.h"
#include "core/limits/tables.h"
#include "formats/npy.h"

namespace sallyport::formats {
namespace {

using Item = Array::Item;

std::size_t width_of(Item item) {
  switch (item) {
    case Item::kBool:
    case Item::kU8:
    case Item::kI8: return 1;
    case Item::kU16:
    case Item::kI16:
    case Item::kF16: return 2;
    case Item::kU32:
    case Item::kI32:
    case Item::kF32: return 4;
    case Item::kU64:
    case Item::kI64:
    case Item::kF64: return 8;
  }
  return 1;
}

// IEEE 754 binary16.
double half(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31;
  const double fraction = bits & 1023;
  double value = 0;
  if (exponent == 31) {
    value =
        fraction == 0 ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  } else {
    value = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
  }
  return (bits >> 15) != 0 ? -value : value;
}

double number(Item item, std::uint64_t bits) {
  switch (item) {
    case Item::kBool: return bits == 0 ? 0 : 1;
    case Item::kI8: return static_cast<std::int8_t>(bits);
    case Item::kI16: return static_cast<std::int16_t>(bits);
    case Item::kI32: return static_cast<std::int32_t>(bits);
    case Item::kI64: return static_cast<double>(static_cast<std::int64_t>(bits));
    case Item::kF16: return half(static_cast<std::uint16_t>(bits));
    case Item::kF32: return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
    case Item::kF64: return std::bit_cast<double>(bits);
    default: return static_cast<double>(bits);
  }
}

// Error when the shape does not announce exactly `bytes` bytes.
Result<void> check_size(const char* format, const Array& array, std::size_t bytes) {
  std::size_t items = 1;
  for (const std::uint64_t side : array.shape) {
    if (side != 0 && items > limits::kArrayNumbersMax / side) {
      return fail(ErrorKind::kLimit, std::string(format) + ": more than kArrayNumbersMax numbers");
    }
    items *= static_cast<std::size_t>(side);
  }
  if (items * width_of(array.item) == bytes) return {};
  return invalid(std::string(format) + ": the header announces " +
                 std::to_string(items * width_of(array.item)) + " bytes of numbers and " +
                 std::to_string(bytes) + " follow it");
}

std::optional<Item> idx_item(std::uint8_t code) {
  switch (code) {
    case 0x08: return Item::kU8;
    case 0x09: return Item::kI8;
    case 0x0B: return Item::kI16;
    case 0x0C: return Item::kI32;
    case 0x0D: return Item::kF32;
    case 0x0E: return Item::kF64;
    default: return std::nullopt;
  }
}

std::optional<Item> npy_item(std::string_view type) {
  struct Known {
    std::string_view type;
    Item item;
  };
  constexpr Known kKnown[] = {{"b1", Item::kBool}, {"u1", Item::kU8},  {"i1", Item::kI8},
                              {"u2", Item::kU16},  {"i2", Item::kI16}, {"u4", Item::kU32},
                              {"i4", Item::kI32},  {"u8", Item::kU64}, {"i8", Item::kI64},
                              {"f2", Item::kF16},  {"f4", Item::kF32}, {"f8", Item::kF64}};
  for (const Known& known : kKnown) {
    if (known.type == type) return known.item;
  }
  return std::nullopt;
}

}  // namespace

std::size_t Array::size() const { return data.size() / width_of(item); }

double Array::at(std::size_t index) const {
  SP_CHECK(index < size());
  if (fortran_order && shape.size() > 1) {
    std::size_t position = 0;
    std::size_t stride = size();
    // From the last index, which varies fastest in C order and slowest in Fortran's.
    for (std::size_t i = shape.size(); i-- > 0;) {
      const auto side = static_cast<std::size_t>(shape[i]);
      stride /= side;
      position += index % side * stride;
      index /= side;
    }
    index = position;
  }
  const std::size_t width = width_of(item);
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < width; ++i) {
    const std::size_t from = big_endian ? i : width - 1 - i;
    bits = bits << 8 | data[index * width + from];
  }
  return number(item, bits);
}

bool is_idx(BytesView bytes) {
  return bytes.size() >= 4 && bytes[0] == 0 && bytes[1] == 0 && idx_item(bytes[2]).has_value() &&
         bytes[3] > 0 && bytes[3] <= limits::kArrayRankMax;
}

Result<Array> read_idx(BytesView bytes) {
  if (!is_idx(bytes)) return invalid("idx: no magic number at byte 0");
  const std::size_t rank = bytes[3];
  if (bytes.size() < 4 + 4 * rank) return invalid("idx: the shape is cut short");
  Array out;
  out.item = *idx_item(bytes[2]);
  out.big_endian = true;
  for (std::size_t i = 0; i < rank; ++i) {
    std::uint64_t side = 0;
    for (std::size_t k = 0; k < 4; ++k) side = side << 8 | bytes[4 + 4 * i + k];
    out.shape.push_back(side);
  }
  out.data = bytes.subspan(4 + 4 * rank);
  TRY(check_size("idx", out, out.data.size()));
  return out;
}

Result<Array> read_npy(BytesView bytes) {
  const NpyHeader header = TRY(read_npy_header(bytes));
  if (header.has_objects) {
    return fail(ErrorKind::kDenied, "npy: an array of objects is a pickle and is not loaded");
  }
  const std::string_view descr = header.descr;
  const std::optional<Item> item = descr.size() < 2 ? std::nullopt : npy_item(descr.substr(1));
  if (!item || std::string_view("<>|=").find(descr[0]) == std::string_view::npos) {
    return fail(ErrorKind::kUnsupported, "npy: items of type " + header.descr + " are not numbers");
  }
  if (header.shape.size() > limits::kArrayRankMax)
    return fail(ErrorKind::kLimit, "npy: more than kArrayRankMax axes");
  Array out;
  out.shape = header.shape;
  out.item = *item;
  out.big_endian = descr[0] == '>';
  out.fortran_order = header.fortran_order;
  out.data = bytes.subspan(header.data_offset);
  TRY(check_size("npy", out, out.data.size()));
  return out;
}

}  // namespace sallyport::formats
