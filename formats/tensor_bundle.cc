#include "formats/tensor_bundle.h"

#include <algorithm>
#include <cstdio>
#include <optional>

#include "formats/protobuf.h"

namespace sallyport::formats {
namespace {

constexpr std::size_t kFooterBytes = 48;
constexpr std::size_t kTrailerBytes = 5;  // how it is packed, and a checksum
constexpr std::uint64_t kMagic = 0xDB4775248B80FB57;
constexpr std::size_t kTensorsMax = 1'000'000;

std::uint64_t little(BytesView bytes) {
  std::uint64_t out = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) out = out << 8 | bytes[i];
  return out;
}

// A cursor over numbers of seven bits a byte.
struct Cursor {
  BytesView bytes;
  std::size_t at = 0;

  std::optional<std::uint64_t> varint() {
    std::uint64_t out = 0;
    for (unsigned shift = 0; shift < 64 && at < bytes.size(); shift += 7) {
      const std::uint8_t byte = bytes[at++];
      out |= std::uint64_t{byte & 0x7FU} << shift;
      if ((byte & 0x80) == 0) return out;
    }
    return std::nullopt;
  }
  std::optional<BytesView> take(std::uint64_t count) {
    if (count > bytes.size() - at) return std::nullopt;
    const BytesView out = bytes.subspan(at, static_cast<std::size_t>(count));
    at += static_cast<std::size_t>(count);
    return out;
  }
};

struct Handle {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

std::optional<Handle> read_handle(Cursor& cursor) {
  const auto offset = cursor.varint();
  const auto size = offset ? cursor.varint() : std::nullopt;
  if (!size) return std::nullopt;
  return Handle{*offset, *size};
}

class Reader {
 public:
  explicit Reader(BytesView bytes) : bytes_(bytes) {}

  Result<TensorBundle> run() {
    Cursor footer{bytes_.last(kFooterBytes)};
    const auto meta = read_handle(footer);
    const auto index = meta ? read_handle(footer) : std::nullopt;
    if (!index) return invalid("tensor bundle: a footer that names no blocks");
    TRY(each_entry(*meta, [](const std::string&, BytesView) -> Result<void> { return {}; }));
    std::vector<Handle> blocks;
    TRY(each_entry(*index, [&](const std::string&, BytesView value) -> Result<void> {
      Cursor cursor{value};
      const auto block = read_handle(cursor);
      if (!block) return invalid("tensor bundle: an index entry that names no block");
      blocks.push_back(*block);
      return {};
    }));
    for (const Handle& block : blocks) {
      TRY(each_entry(block, [&](const std::string& key, BytesView value) { return entry(key, value); }));
    }
    TRY(whole());
    if (out_.shards == 0) return invalid("tensor bundle: no header says how many data files there are");
    return std::move(out_);
  }

 private:
  template <class Visit>
  Result<void> each_entry(const Handle& handle, Visit visit) {
    if (handle.offset > bytes_.size() || handle.size > bytes_.size() - handle.offset ||
        bytes_.size() - handle.offset - handle.size < kTrailerBytes) {
      return invalid("tensor bundle: a block reaches past the end");
    }
    const BytesView block =
        bytes_.subspan(static_cast<std::size_t>(handle.offset), static_cast<std::size_t>(handle.size));
    if (bytes_[static_cast<std::size_t>(handle.offset + handle.size)] != 0) {
      return invalid("tensor bundle: a block that is packed");
    }
    used_.push_back({handle.offset, handle.size + kTrailerBytes});
    if (block.size() < 4) return invalid("tensor bundle: a block without restarts");
    const std::uint64_t restarts = little(block.last(4));
    if (restarts > (block.size() - 4) / 4) return invalid("tensor bundle: more restarts than a block holds");
    Cursor cursor{block.first(block.size() - 4 - 4 * static_cast<std::size_t>(restarts))};
    std::string key;
    while (cursor.at < cursor.bytes.size()) {
      const auto shared = cursor.varint();
      const auto fresh = shared ? cursor.varint() : std::nullopt;
      const auto length = fresh ? cursor.varint() : std::nullopt;
      const auto rest = length ? cursor.take(*fresh) : std::nullopt;
      const auto value = rest ? cursor.take(*length) : std::nullopt;
      if (!value || *shared > key.size()) return invalid("tensor bundle: a block with a torn entry");
      key.resize(static_cast<std::size_t>(*shared));
      key += as_text(*rest);
      TRY(visit(key, *value));
    }
    return {};
  }

  Result<void> entry(const std::string& key, BytesView value) {
    BundleTensor tensor{.name = key};
    std::uint64_t big_endian = 0;
    for (FieldReader fields(value); !fields.done();) {
      const Field field = TRY(fields.next());
      if (field.type != WireType::kVarint) continue;
      if (key.empty() && field.number == 1) out_.shards = field.value;
      if (key.empty() && field.number == 2) big_endian = field.value;
      if (field.number == 3) tensor.shard = field.value;
      if (field.number == 4) tensor.offset = field.value;
      if (field.number == 5) tensor.size = field.value;
    }
    if (big_endian != 0) return invalid("tensor bundle: of a machine whose numbers run the other way");
    if (key.empty() || tensor.size == 0) return {};
    if (out_.tensors.size() >= kTensorsMax) return fail(ErrorKind::kLimit, "tensor bundle: too many tensors");
    out_.tensors.push_back(std::move(tensor));
    return {};
  }

  // The blocks lie one behind the other, and the footer behind the last.
  Result<void> whole() {
    std::ranges::sort(used_, {}, &Handle::offset);
    std::uint64_t at = 0;
    for (const Handle& block : used_) {
      if (block.offset != at)
        return invalid("tensor bundle: bytes at " + std::to_string(at) + " are of no block");
      at += block.size;
    }
    if (at != bytes_.size() - kFooterBytes) return invalid("tensor bundle: bytes between blocks and footer");
    return {};
  }

  BytesView bytes_;
  std::vector<Handle> used_;
  TensorBundle out_;
};

}  // namespace

bool is_tensor_bundle(BytesView bytes) {
  return bytes.size() > kFooterBytes && little(bytes.last(8)) == kMagic;
}

Result<TensorBundle> read_tensor_bundle(BytesView bytes) {
  if (!is_tensor_bundle(bytes)) return invalid("tensor bundle: no footer");
  return Reader(bytes).run();
}

std::string bundle_data_name(std::string_view index_name, std::uint64_t shard, std::uint64_t shards) {
  constexpr std::string_view kEnding = ".index";
  if (!index_name.ends_with(kEnding)) return {};
  char suffix[64];
  std::snprintf(suffix, sizeof suffix, ".data-%05llu-of-%05llu", static_cast<unsigned long long>(shard),
                static_cast<unsigned long long>(shards));
  return std::string(index_name.substr(0, index_name.size() - kEnding.size())) + suffix;
}

}  // namespace sallyport::formats
