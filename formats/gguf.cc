#include "formats/gguf.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <set>

#include "core/limits.h"

namespace sallyport::formats {
namespace {

constexpr std::uint32_t kStringType = 8;
constexpr std::uint32_t kArrayType = 9;
constexpr std::uint32_t kBoolType = 7;
constexpr std::array<std::uint8_t, 13> kWidths{1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};  // of values by type
constexpr std::uint64_t kAlignmentDefault = 32;
constexpr std::uint64_t kAlignmentMax = 1U << 16U;
constexpr std::uint32_t kDimensionsMax = 4;
constexpr std::uint64_t kNumberMax = std::numeric_limits<std::int64_t>::max();

struct Packing {
  std::uint16_t values;  // in a block; 0: a type that was removed, or never was
  std::uint16_t bytes;
};
// By GGML_TYPE_*.
constexpr std::array<Packing, 42> kPackings{{
    {1, 4},    {1, 2},    {32, 18},   {32, 20},   {0, 0},     {0, 0},     {32, 22},   {32, 24},  {32, 34},
    {32, 36},  {256, 84}, {256, 110}, {256, 144}, {256, 176}, {256, 210}, {256, 292}, {256, 66}, {256, 74},
    {256, 98}, {256, 50}, {32, 18},   {256, 110}, {256, 82},  {256, 136}, {1, 1},     {1, 2},    {1, 4},
    {1, 8},    {1, 8},    {256, 56},  {1, 2},     {32, 18},   {32, 18},   {32, 18},   {256, 54}, {256, 66},
    {32, 18},  {32, 18},  {32, 18},   {32, 17},   {64, 36},   {128, 18},
}};

class GgufReader {
 public:
  explicit GgufReader(BytesView bytes) : bytes_(bytes) {}

  Gguf run() {
    if (header() && values() && tensors()) place();
    return std::move(out_);
  }

 private:
  bool flaw(std::string rule, std::uint64_t offset, const std::string& what) {
    out_.flaw = GgufFlaw{.rule = "gguf-" + std::move(rule),
                         .offset = offset,
                         .message = "gguf: " + what + " at byte " + std::to_string(offset)};
    return false;
  }
  std::uint64_t left() const { return bytes_.size() - at_; }

  bool number(int width, std::uint64_t& value) {
    if (left() < static_cast<std::uint64_t>(width)) return flaw("truncated", at_, "ends within a number");
    value = 0;
    for (int i = 0; i < width; ++i) {
      const std::size_t k =
          out_.big_endian ? static_cast<std::size_t>(i) : static_cast<std::size_t>(width - 1 - i);
      value = value << 8U | bytes_[at_ + k];
    }
    at_ += static_cast<std::size_t>(width);
    return true;
  }
  // Version 1 wrote lengths and counts in 32 bits.
  bool length(std::uint64_t& value) { return number(out_.version == 1 ? 4 : 8, value); }

  bool text(std::string_view& value) {
    const std::size_t begin = at_;
    std::uint64_t size = 0;
    if (!length(size)) return false;
    if (size > left())
      return flaw("length-outside", begin, "text of " + std::to_string(size) + " bytes runs past the end");
    value = as_text(bytes_.subspan(at_, static_cast<std::size_t>(size)));
    at_ += static_cast<std::size_t>(size);
    return true;
  }

  bool header() {
    constexpr std::size_t kMagicBytes = 4;
    at_ = kMagicBytes;
    std::uint64_t version = 0;
    if (!number(4, version)) return false;
    // A version that reads as a huge number was written by a machine of the other byte order.
    if ((version & 0xFFFFU) == 0 && version != 0) {
      out_.big_endian = true;
      at_ = kMagicBytes;
      if (!number(4, version)) return false;
    }
    if (version < 1 || version > 3)
      return flaw("version", kMagicBytes, "unknown version " + std::to_string(version));
    out_.version = static_cast<std::uint32_t>(version);
    if (!length(tensor_count_) || !length(value_count_)) return false;
    // The smallest key needs a length and a type, the smallest tensor a length, a rank, a type and an offset.
    const std::uint64_t least = out_.version == 1 ? 8 : 12;
    if (value_count_ > left() / least || tensor_count_ > left() / (least + 8)) {
      return flaw("count-outside", kMagicBytes + 4, "counts more entries than the file has room for");
    }
    if (value_count_ > limits::kGgufEntriesMax || tensor_count_ > limits::kGgufEntriesMax) {
      return flaw("limit", kMagicBytes + 4, "more entries than kGgufEntriesMax");
    }
    return true;
  }

  bool values() {
    std::set<std::string_view> keys;
    for (std::uint64_t i = 0; i < value_count_; ++i) {
      GgufValue value;
      const std::size_t begin = at_;
      std::uint64_t type = 0;
      if (!text(value.key) || !number(4, type)) return false;
      if (!keys.insert(value.key).second)
        return flaw("duplicate-key", begin, "key " + shown(value.key) + " again");
      value.type = static_cast<std::uint32_t>(type);
      value.offset = at_;
      if (type == kStringType) {
        if (!text(value.text)) return false;
        value.offset = at_ - value.text.size();
      } else if (type == kArrayType) {
        if (!array()) return false;
      } else if (!scalar(type, value.number)) {
        return false;
      }
      out_.values.push_back(value);
    }
    return true;
  }

  bool scalar(std::uint64_t type, std::uint64_t& value) {
    if (type >= kWidths.size()) return flaw("value-type", at_ - 4, "unknown type " + std::to_string(type));
    if (!number(kWidths[type], value)) return false;
    if (type == kBoolType && value > 1) return flaw("value-type", at_ - 1, "bool that is neither 0 nor 1");
    return true;
  }

  // Arrays of arrays are walked with a stack of what remains of each.
  bool array() {
    std::vector<std::uint64_t> remaining{1};
    while (!remaining.empty()) {
      if (remaining.back() == 0) {
        remaining.pop_back();
        continue;
      }
      --remaining.back();
      const std::size_t begin = at_;
      std::uint64_t type = 0;
      std::uint64_t count = 0;
      if (!number(4, type) || !length(count)) return false;
      const std::uint64_t prefix = out_.version == 1 ? 4 : 8;
      const std::uint64_t least = type == kArrayType ? prefix + 4 : type == kStringType ? prefix : 0;
      if (type >= kWidths.size())
        return flaw("value-type", begin, "array of the unknown type " + std::to_string(type));
      const std::uint64_t width = least != 0 ? least : kWidths[type];
      if (count > left() / width) {
        return flaw("count-outside", begin,
                    "array of " + std::to_string(count) + " values runs past the end");
      }
      if (type == kArrayType) {
        if (remaining.size() >= limits::kGgufArrayDepthMax)
          return flaw("limit", begin, "arrays nested deeper than kGgufArrayDepthMax");
        remaining.push_back(count);
      } else if (type == kStringType) {
        std::string_view ignored;
        for (std::uint64_t i = 0; i < count; ++i) {
          if (!text(ignored)) return false;
        }
      } else {
        at_ += static_cast<std::size_t>(count * width);
      }
    }
    return true;
  }

  bool tensors() {
    std::set<std::string_view> names;
    for (std::uint64_t i = 0; i < tensor_count_; ++i) {
      GgufTensor tensor;
      const std::size_t begin = at_;
      if (!text(tensor.name)) return false;
      if (!names.insert(tensor.name).second)
        return flaw("duplicate-key", begin, "tensor " + shown(tensor.name) + " again");
      if (!shape(tensor, begin)) return false;
      if (!number(8, tensor.offset)) return false;
      out_.tensors.push_back(std::move(tensor));
    }
    return true;
  }

  bool shape(GgufTensor& tensor, std::size_t begin) {
    std::uint64_t rank = 0;
    std::uint64_t type = 0;
    if (!number(4, rank)) return false;
    const std::string who = "tensor " + shown(tensor.name);
    if (rank > kDimensionsMax)
      return flaw("tensor-shape", begin, who + " of " + std::to_string(rank) + " dimensions");
    std::uint64_t values = 1;
    for (std::uint64_t i = 0; i < rank; ++i) {
      std::uint64_t extent = 0;
      if (!length(extent)) return false;
      if (extent > kNumberMax || __builtin_mul_overflow(values, extent, &values) || values > kNumberMax) {
        return flaw("tensor-overflow", begin, who + " whose extents overflow when they are multiplied");
      }
      tensor.extents.push_back(extent);
    }
    if (!number(4, type)) return false;
    if (type >= kPackings.size() || kPackings[type].values == 0) {
      return flaw("tensor-type", begin, who + " of the unknown type " + std::to_string(type));
    }
    const Packing packing = kPackings[type];
    const std::uint64_t row = tensor.extents.empty() ? 1 : tensor.extents[0];
    if (row % packing.values != 0) {
      return flaw("tensor-shape", begin, who + " whose rows are no whole number of blocks");
    }
    if (__builtin_mul_overflow(values / packing.values, std::uint64_t{packing.bytes}, &tensor.size) ||
        tensor.size > kNumberMax) {
      return flaw("tensor-overflow", begin, who + " whose size overflows");
    }
    tensor.type = static_cast<std::uint32_t>(type);
    return true;
  }

  bool zeros(std::uint64_t begin, std::uint64_t end) const {
    return std::all_of(bytes_.begin() + static_cast<std::ptrdiff_t>(begin),
                       bytes_.begin() + static_cast<std::ptrdiff_t>(end),
                       [](std::uint8_t b) { return b == 0; });
  }

  // Offsets into the file for offsets into the data, and every byte behind the tables explained.
  bool place() {
    const std::uint64_t size = bytes_.size();
    std::uint64_t alignment = kAlignmentDefault;
    if (const GgufValue* value = out_.find("general.alignment")) {
      constexpr std::uint32_t kUint32 = 4;
      alignment = value->number;
      if (value->type != kUint32 || alignment == 0 || (alignment & (alignment - 1)) != 0 ||
          alignment > kAlignmentMax) {
        return flaw("alignment", value->offset, "alignment that is no power of two");
      }
    }
    const auto aligned = [&](std::uint64_t n) { return (n + alignment - 1) / alignment * alignment; };
    out_.data_begin = std::min(aligned(at_), size);
    if (!zeros(at_, out_.data_begin)) return flaw("hidden-bytes", at_, "padding that is not zero");
    std::vector<GgufTensor*> order;
    for (GgufTensor& tensor : out_.tensors) order.push_back(&tensor);
    std::ranges::sort(order, [](const GgufTensor* a, const GgufTensor* b) {
      return std::pair(a->offset, a->size) < std::pair(b->offset, b->size);
    });
    std::uint64_t end = out_.data_begin;  // of the tensor before
    for (GgufTensor* tensor : order) {
      const std::string who = "tensor " + shown(tensor->name);
      if (tensor->offset % alignment != 0)
        return flaw("tensor-misaligned", at_, who + " on no aligned offset, after the tables");
      const std::uint64_t room = size - out_.data_begin;
      if (tensor->offset > room || tensor->size > room - tensor->offset) {
        return flaw("tensor-outside", at_,
                    who + " of " + std::to_string(tensor->size) + " bytes at " +
                        std::to_string(tensor->offset) + " leaves the file, after the tables");
      }
      tensor->offset += out_.data_begin;
      if (tensor->offset < end)
        return flaw("tensor-overlap", tensor->offset, who + " overlaps the one before it");
      if (tensor->offset - end >= alignment || !zeros(end, tensor->offset)) {
        return flaw("hidden-bytes", end, "bytes that belong to no tensor before " + who);
      }
      end = tensor->offset + tensor->size;
    }
    if (size - end >= alignment || !zeros(end, size))
      return flaw("hidden-bytes", end, "bytes after the last tensor");
    return true;
  }

  BytesView bytes_;
  std::size_t at_ = 0;
  std::uint64_t tensor_count_ = 0;
  std::uint64_t value_count_ = 0;
  Gguf out_;
};

}  // namespace

const GgufValue* Gguf::find(std::string_view key) const {
  const auto found = std::ranges::find(values, key, &GgufValue::key);
  return found == values.end() ? nullptr : &*found;
}

bool is_gguf(BytesView bytes) {
  return as_text(bytes.first(std::min<std::size_t>(4, bytes.size()))) == "GGUF";
}

Gguf read_gguf(BytesView bytes) {
  if (is_gguf(bytes)) return GgufReader(bytes).run();
  Gguf out;
  out.flaw = GgufFlaw{.rule = "gguf-magic", .message = "gguf: no magic at byte 0"};
  return out;
}

}  // namespace sallyport::formats
