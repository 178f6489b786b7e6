#include "formats/torch_storage.h"

#include <limits>
#include <string_view>
#include <utility>

#include "formats/pickle.h"

namespace sallyport::formats {
namespace {

constexpr std::string_view kLegacyMagic = "\x8A\x0A\x6C\xFC\x9C\x46\xF9\x20\x6A\xA8\x50\x19.";

constexpr std::pair<std::string_view, std::uint64_t> kItemBytes[] = {
    {"DoubleStorage", 8},        {"FloatStorage", 4},   {"HalfStorage", 2},   {"BFloat16Storage", 2},
    {"LongStorage", 8},          {"IntStorage", 4},     {"ShortStorage", 2},  {"CharStorage", 1},
    {"ByteStorage", 1},          {"BoolStorage", 1},    {"QInt8Storage", 1},  {"QUInt8Storage", 1},
    {"QInt32Storage", 4},        {"QUInt4x2Storage", 1}, {"QUInt2x4Storage", 1}, {"UntypedStorage", 1},
    {"ComplexDoubleStorage", 16}, {"ComplexFloatStorage", 8}};

std::uint64_t item_bytes_of(const pickle::Global& type) {
  if (type.module != "torch" && type.module != "torch.storage" && type.module != "torch.cuda") return 0;
  for (const auto& [name, bytes] : kItemBytes) {
    if (type.name == name) return bytes;
  }
  return 0;
}

class Collector : public pickle::Observer {
 public:
  explicit Collector(TorchStorages& out) : out_(out) {}
  void on_use(const pickle::Use&, const pickle::Heap&) override {}
  void on_persistent(pickle::Value persistent, const pickle::Heap& heap) override;

 private:
  TorchStorages& out_;
};

void Collector::on_persistent(pickle::Value persistent, const pickle::Heap& heap) {
  using pickle::Kind;
  const pickle::Value id = heap.persistent_id(persistent);
  if (id.kind() != Kind::kTuple) return;
  const std::span<const pickle::Value> parts = heap.elements(id);
  if (parts.size() < 5 || parts[0].kind() != Kind::kText || heap.text(parts[0]) != "storage") return;
  if (parts[1].kind() != Kind::kGlobal || parts[2].kind() != Kind::kText) return;
  const std::uint64_t item = item_bytes_of(heap.global(parts[1]));
  const std::optional<std::string> key = heap.text(parts[2]);
  const std::optional<std::int64_t> count = heap.integer(parts[4]);
  if (item == 0 || !key || !count || *count < 0) return;
  const auto items = static_cast<std::uint64_t>(*count);
  const std::uint64_t bytes = items > std::numeric_limits<std::uint64_t>::max() / item ? 0 : items * item;
  const auto [known, is_new] = out_.bytes_of.emplace(*key, bytes);
  if (!is_new && known->second != bytes) known->second = 0;
  out_.item_bytes_of.emplace(*key, item);
}

}  // namespace

TorchStorages read_torch_storages(BytesView bytes, std::size_t begin) {
  TorchStorages out;
  Collector collector(out);
  const pickle::Outcome outcome = pickle::interpret(bytes, begin, collector);
  out.end = outcome.end;
  out.whole = !outcome.error;
  return out;
}

std::optional<TorchLegacy> read_torch_legacy(BytesView bytes) {
  constexpr std::size_t kProtocolBytes = 2;
  constexpr int kPickles = 5;
  constexpr int kObject = 3;
  constexpr std::uint64_t kCountBytes = 8;
  if (bytes.size() < kProtocolBytes || bytes[0] != 0x80) return std::nullopt;
  if (!as_text(bytes).substr(kProtocolBytes).starts_with(kLegacyMagic)) return std::nullopt;
  TorchStorages storages;
  std::size_t at = 0;
  for (int i = 0; i < kPickles; ++i) {
    TorchStorages one = read_torch_storages(bytes, at);
    if (!one.whole) return std::nullopt;
    at = one.end;
    if (i == kObject) storages = std::move(one);
  }
  TorchLegacy out{.storages_at = at};
  // torch.save sorts the keys, as the map does.
  for (const auto& [key, length] : storages.bytes_of) {
    Reader reader(bytes, at);
    const Result<std::uint64_t> count = reader.u64_le();
    if (!count || *count != length / storages.item_bytes_of[key] || reader.remaining() < length) break;
    out.storages.push_back({.key = key, .offset = at + kCountBytes, .length = length});
    at += kCountBytes + length;
  }
  return out;
}

}  // namespace sallyport::formats
