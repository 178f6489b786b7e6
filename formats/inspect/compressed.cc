// A file that is one compressed stream: what it unpacks to is a layer.
#include "formats/inspect/inspect.h"

namespace sallyport::formats::inspect {
namespace {

// What is known by its first bytes and not unpacked here.
struct Recognised {
  std::string_view magic;
  std::string_view name;
};
constexpr Recognised kNotOpened[] = {
    {"BZh", "bzip2"},
    {std::string_view("\xFD"
                      "7zXZ\0",
                      6),
     "xz"},
    {"\x28\xB5\x2F\xFD", "zstd"},
    {"\x04\x22\x4D\x18", "lz4"},
    {"7z\xBC\xAF\x27\x1C", "7z"},
    {"Rar!\x1A\x07", "rar"},
};

const Recognised* not_opened(BytesView bytes) {
  for (const Recognised& format : kNotOpened) {
    if (as_text(bytes).starts_with(format.magic)) return &format;
  }
  return nullptr;
}

bool plausible(const Layer& layer) {
  return codec_of(layer.bytes).has_value() || not_opened(layer.bytes) != nullptr;
}

void inspect_compressed(Probe& probe) {
  if (const Recognised* format = not_opened(probe.bytes())) {
    probe.claim(format->name);
    probe.unread(0, probe.bytes().size(), std::string(format->name) + " compression is not opened");
    return;
  }
  const Codec codec = *codec_of(probe.bytes());
  // Two bytes of anything may look like zlib's header: only what unpacks is a stream.
  constexpr std::size_t kTrial = 1024;
  if (codec == Codec::kZlib && unpack(codec, probe.bytes(), kTrial).bytes.empty()) return;
  probe.claim(name_of(codec));
  probe.nest(std::string(name_of(codec)), 0, probe.bytes().size(), codec);
}

}  // namespace

extern const Inspector compressed_inspector;
const Inspector compressed_inspector{
    .id = "compressed", .plausible = plausible, .inspect = inspect_compressed};

}  // namespace sallyport::formats::inspect
