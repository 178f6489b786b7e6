#include "formats/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <set>

#include "core/json.h"
#include "core/limits.h"

namespace sallyport::formats {

static_assert(std::endian::native == std::endian::little, "arrays are copied as they lie in memory");

namespace {

struct DtypeInfo {
  Dtype dtype;
  std::string_view name;
  std::uint64_t bits;
};

// In the order of the enum, which is the order of alignment that the reference library sorts by.
constexpr std::array<DtypeInfo, 20> kDtypes{{
    {Dtype::kBool, "BOOL", 8},      {Dtype::kF4, "F4", 4},          {Dtype::kF6E2M3, "F6_E2M3", 6},
    {Dtype::kF6E3M2, "F6_E3M2", 6}, {Dtype::kU8, "U8", 8},          {Dtype::kI8, "I8", 8},
    {Dtype::kF8E5M2, "F8_E5M2", 8}, {Dtype::kF8E4M3, "F8_E4M3", 8}, {Dtype::kF8E8M0, "F8_E8M0", 8},
    {Dtype::kI16, "I16", 16},       {Dtype::kU16, "U16", 16},       {Dtype::kF16, "F16", 16},
    {Dtype::kBF16, "BF16", 16},     {Dtype::kI32, "I32", 32},       {Dtype::kU32, "U32", 32},
    {Dtype::kF32, "F32", 32},       {Dtype::kC64, "C64", 64},       {Dtype::kF64, "F64", 64},
    {Dtype::kI64, "I64", 64},       {Dtype::kU64, "U64", 64},
}};

constexpr std::string_view kMetadata = "__metadata__";
constexpr std::size_t kPrefixBytes = 8;

Result<std::uint64_t> unsigned_of(const Json& value, const std::string& what) {
  if (!value.is_number_unsigned())
    return invalid("safetensors: " + what + ": not a whole number of 0 or more");
  return value.get<std::uint64_t>();
}

Result<std::map<std::string, std::string>> read_metadata(const Json& value) {
  if (!value.is_object()) return invalid("safetensors: __metadata__: not an object");
  std::map<std::string, std::string> out;
  for (const auto& [key, text] : value.items()) {
    if (!text.is_string()) return invalid("safetensors: __metadata__: '" + key + "' is not text");
    out[key] = text.get<std::string>();
  }
  return out;
}

Result<Tensor> read_entry(const std::string& name, const Json& entry, BytesView data) {
  if (!entry.is_object()) return invalid("safetensors: '" + name + "': not an object");
  auto closed = only_members(entry, {"dtype", "shape", "data_offsets"});
  if (!closed) return within("safetensors: '" + name + "'", closed.error());
  auto dtype = get_string(entry, "dtype");
  if (!dtype) return within("safetensors: '" + name + "'", dtype.error());
  const auto* found = std::ranges::find(kDtypes, *dtype, &DtypeInfo::name);
  if (found == kDtypes.end()) return invalid("safetensors: '" + name + "': unknown dtype '" + *dtype + "'");
  auto shape = get_array(entry, "shape");
  if (!shape) return within("safetensors: '" + name + "'", shape.error());
  if (shape->size() > limits::kTensorRankMax) {
    return fail(ErrorKind::kLimit, "safetensors: '" + name + "': more than kTensorRankMax dimensions");
  }
  Tensor out{.name = name, .dtype = found->dtype};
  for (const Json& extent : *shape) out.shape.push_back(TRY(unsigned_of(extent, "'" + name + "', shape")));
  auto offsets = get_array(entry, "data_offsets");
  if (!offsets) return within("safetensors: '" + name + "'", offsets.error());
  if (offsets->size() != 2) return invalid("safetensors: '" + name + "': data_offsets are not two numbers");
  const std::uint64_t begin = TRY(unsigned_of((*offsets)[0], "'" + name + "', data_offsets"));
  const std::uint64_t end = TRY(unsigned_of((*offsets)[1], "'" + name + "', data_offsets"));
  if (begin > end || end > data.size()) {
    return invalid("safetensors: '" + name + "': data_offsets " + std::to_string(begin) + " to " +
                   std::to_string(end) + " leave the " + std::to_string(data.size()) + " bytes of data");
  }
  auto expected = tensor_bytes(out.dtype, out.shape);
  if (!expected) return within("safetensors: '" + name + "'", expected.error());
  if (*expected != end - begin) {
    return invalid("safetensors: '" + name + "': " + std::to_string(end - begin) +
                   " bytes, its shape needs " + std::to_string(*expected));
  }
  out.bytes = data.subspan(begin, end - begin);
  return out;
}

// Every byte belongs to exactly one array; an empty array may lie on any border.
Result<void> check_cover(const std::vector<Tensor>& tensors, BytesView data) {
  const std::uint8_t* next = data.data();
  for (const Tensor& tensor : tensors) {
    if (tensor.bytes.data() != next) {
      const bool overlap = tensor.bytes.data() < next;
      return invalid("safetensors: '" + tensor.name + "': " + (overlap ? "overlaps" : "leaves a gap after") +
                     " the array before it");
    }
    next += tensor.bytes.size();
  }
  const auto used = static_cast<std::size_t>(next - data.data());
  if (used == data.size()) return {};
  return invalid("safetensors: " + std::to_string(data.size() - used) + " bytes after the last array");
}

}  // namespace

std::string_view name_of(Dtype dtype) { return kDtypes[static_cast<std::size_t>(dtype)].name; }
std::uint64_t bits_of(Dtype dtype) { return kDtypes[static_cast<std::size_t>(dtype)].bits; }

const Tensor* SafeTensors::find(std::string_view name) const {
  const auto found = std::ranges::find(tensors, name, &Tensor::name);
  return found == tensors.end() ? nullptr : &*found;
}

Result<std::uint64_t> tensor_bytes(Dtype dtype, std::span<const std::uint64_t> shape) {
  std::uint64_t bits = bits_of(dtype);
  for (const std::uint64_t extent : shape) {
    if (__builtin_mul_overflow(bits, extent, &bits)) return invalid("shape overflows 64 bits");
  }
  if (bits % 8 != 0) return invalid("size is not a whole number of bytes");
  return bits / 8;
}

Result<SafeTensors> read_safetensors(BytesView bytes) {
  Reader reader(bytes);
  if (bytes.size() < kPrefixBytes) return invalid("safetensors: shorter than its 8-byte header length");
  const std::uint64_t header_bytes = TRY(reader.u64_le());
  if (header_bytes > limits::kSafetensorsHeaderBytesMax) {
    return fail(ErrorKind::kLimit, "safetensors: header of " + std::to_string(header_bytes) +
                                       " bytes is over kSafetensorsHeaderBytesMax");
  }
  if (header_bytes > reader.remaining()) {
    return invalid("safetensors: header of " + std::to_string(header_bytes) + " bytes runs past the end");
  }
  std::string_view text = as_text(TRY(reader.take(header_bytes)));
  if (!text.starts_with('{')) return invalid("safetensors: header does not begin with '{'");
  text = text.substr(0, text.find_last_not_of(' ') + 1);
  if (!text.ends_with('}')) return invalid("safetensors: header is padded with something else than blanks");
  const auto header = parse_json(text);
  if (!header) return within("safetensors: header", header.error());
  if (!header->is_object()) return invalid("safetensors: header is not an object");
  if (header->size() > limits::kSafetensorsTensorsMax) {
    return fail(ErrorKind::kLimit, "safetensors: more than kSafetensorsTensorsMax arrays");
  }
  const BytesView data = bytes.subspan(reader.offset());
  SafeTensors out;
  for (const auto& [name, entry] : header->items()) {
    if (name == kMetadata) {
      out.metadata = TRY(read_metadata(entry));
    } else {
      out.tensors.push_back(TRY(read_entry(name, entry, data)));
    }
  }
  std::ranges::sort(out.tensors, [](const Tensor& a, const Tensor& b) {
    return std::pair(a.bytes.data(), a.bytes.size()) < std::pair(b.bytes.data(), b.bytes.size());
  });
  TRY(check_cover(out.tensors, data));
  return out;
}

Result<Bytes> write_safetensors(std::span<const Tensor> tensors,
                                const std::map<std::string, std::string>& metadata) {
  std::vector<const Tensor*> order;
  std::set<std::string_view> names{kMetadata};
  for (const Tensor& tensor : tensors) {
    if (!names.insert(tensor.name).second) return invalid("safetensors: name '" + tensor.name + "' is taken");
    const auto expected = tensor_bytes(tensor.dtype, tensor.shape);
    if (!expected) return within("safetensors: '" + tensor.name + "'", expected.error());
    if (*expected != tensor.bytes.size()) {
      return invalid("safetensors: '" + tensor.name + "': " + std::to_string(tensor.bytes.size()) +
                     " bytes, its shape needs " + std::to_string(*expected));
    }
    order.push_back(&tensor);
  }
  std::ranges::sort(order, [](const Tensor* a, const Tensor* b) {
    return a->dtype != b->dtype ? a->dtype > b->dtype : a->name < b->name;
  });
  // Written by hand because the members stand in the order of their bytes, which a sorted map would lose.
  std::string header = "{";
  if (!metadata.empty()) header += "\"__metadata__\":" + canonical(Json(metadata));
  std::uint64_t offset = 0;
  for (const Tensor* tensor : order) {
    const std::uint64_t end = offset + tensor->bytes.size();
    if (header.size() > 1) header += ',';
    header += canonical(Json(tensor->name)) + R"(:{"dtype":")" + std::string(name_of(tensor->dtype)) +
              R"(","shape":)" + canonical(Json(tensor->shape)) + R"(,"data_offsets":)" +
              canonical(Json{offset, end}) + "}";
    offset = end;
  }
  header += '}';
  header.append((kPrefixBytes - header.size() % kPrefixBytes) % kPrefixBytes, ' ');
  if (header.size() > limits::kSafetensorsHeaderBytesMax || order.size() > limits::kSafetensorsTensorsMax) {
    return fail(ErrorKind::kLimit, "safetensors: more arrays than a header holds");
  }
  Bytes out;
  out.reserve(kPrefixBytes + header.size() + offset);
  append_le(out, header.size(), static_cast<int>(kPrefixBytes));
  out.insert(out.end(), header.begin(), header.end());
  for (const Tensor* tensor : order) out.insert(out.end(), tensor->bytes.begin(), tensor->bytes.end());
  return out;
}

Result<std::vector<float>> floats_of(const Tensor& tensor) {
  if (tensor.dtype != Dtype::kF32) {
    return invalid("safetensors: '" + tensor.name + "': is " + std::string(name_of(tensor.dtype)) +
                   ", not F32");
  }
  std::vector<float> out(tensor.bytes.size() / sizeof(float));
  if (!out.empty()) std::memcpy(out.data(), tensor.bytes.data(), tensor.bytes.size());
  return out;
}

Bytes bytes_of(std::span<const float> values) {
  Bytes out(values.size_bytes());
  if (!out.empty()) std::memcpy(out.data(), values.data(), out.size());
  return out;
}

}  // namespace sallyport::formats
