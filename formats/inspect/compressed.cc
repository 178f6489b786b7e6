// A file that is one compressed stream, joblib's among them: what it unpacks to is a layer.
#include <algorithm>
#include <charconv>

#include "formats/inspect/inspect.h"

namespace sallyport::formats::inspect {
namespace {

// joblib before 0.10: "ZF", the unpacked size in hexadecimal, blanks, and a zlib stream.
constexpr std::string_view kOldJoblib = "ZF0x";
constexpr std::size_t kOldJoblibHeader = 21;

constexpr std::string_view kRar = "Rar!\x1A\x07";

bool plausible(const Layer& layer) {
  const std::string_view text = as_text(layer.bytes);
  return codec_of(layer.bytes).has_value() || text.starts_with(kOldJoblib) ||
         text.starts_with(kRar);
}

void inspect_old_joblib(Probe& probe) {
  const std::string_view text = as_text(probe.bytes());
  if (text.size() < kOldJoblibHeader) return;
  std::uint64_t size = 0;
  const auto [end, error] =
      std::from_chars(text.data() + kOldJoblib.size(), text.data() + kOldJoblibHeader, size, 16);
  const std::string_view padding(end, static_cast<std::size_t>(text.data() + kOldJoblibHeader - end));
  if (error != std::errc() || padding.find_first_not_of(" L") != std::string_view::npos) return;
  // Python 2 wrote one blank more.
  const std::size_t at = kOldJoblibHeader + (text.substr(kOldJoblibHeader).starts_with(' ') ? 1 : 0);
  probe.claim("joblib");
  probe.account(0, at);
  probe.nest("zlib", at, text.size() - at, Codec::kZlib, Role::kMember, size);
}

// A few bits of anything may look like zlib's or lzma's header: only what unpacks is a stream.
bool unpacks(Codec codec, BytesView bytes) {
  constexpr std::size_t kTrial = 1024;
  constexpr std::size_t kEnough = 16;
  const Inflated trial = unpack(codec, bytes, kTrial);
  return trial.bytes.size() >= kEnough || (!trial.error && !trial.bytes.empty());
}

void inspect_compressed(Probe& probe) {
  const std::string_view text = as_text(probe.bytes());
  if (text.starts_with(kOldJoblib)) {
    inspect_old_joblib(probe);
    return;
  }
  if (text.starts_with(kRar)) {
    probe.claim("rar");
    probe.unread(0, text.size(), "rar archives are not opened");
    return;
  }
  const Codec codec = *codec_of(probe.bytes());
  const bool vague = codec == Codec::kZlib || codec == Codec::kLzma;
  if (vague && !unpacks(codec, probe.bytes())) return;
  probe.claim(name_of(codec));
  probe.nest(std::string(name_of(codec)), 0, text.size(), codec);
}

}  // namespace

extern const Inspector compressed_inspector;
const Inspector compressed_inspector{
    .id = "compressed", .plausible = plausible, .inspect = inspect_compressed};

}  // namespace sallyport::formats::inspect
