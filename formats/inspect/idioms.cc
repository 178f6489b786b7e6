#include "formats/inspect/idioms.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "core/limits/hidden.h"

namespace sallyport::formats::inspect {
namespace {

struct Idiom {
  std::string_view text;
  std::string_view what;
};

constexpr std::array<Idiom, kIdioms> kTable{{
#define IDIOM(text, what) {{text, sizeof(text) - 1}, what},
#include "formats/inspect/idioms.def"
#undef IDIOM
}};

// Bit b of entry a: an idiom begins with the bytes a and b.
using Beginnings = std::array<std::bitset<256>, 256>;

Beginnings beginnings() {
  Beginnings out;
  for (const Idiom& idiom : kTable) {
    out[static_cast<std::uint8_t>(idiom.text[0])].set(static_cast<std::uint8_t>(idiom.text[1]));
  }
  return out;
}

}  // namespace

void look_for_idioms(Probe& probe, std::uint64_t begin, std::uint64_t end, std::bitset<kIdioms>& said) {
  static const Beginnings kBeginnings = beginnings();
  const auto first = static_cast<std::size_t>(begin);
  const BytesView bytes =
      probe.bytes().subspan(first, std::min(static_cast<std::size_t>(end - begin), limits::kHiddenBytesMax));
  const std::string_view text = as_text(bytes);
  for (std::size_t at = 0; at + 1 < bytes.size(); ++at) {
    if (!kBeginnings[bytes[at]][bytes[at + 1]]) continue;
    const std::string_view here = text.substr(at);
    for (std::size_t i = 0; i < kIdioms; ++i) {
      if (said[i] || !here.starts_with(kTable[i].text)) continue;
      said.set(i);
      probe.observe(
          {.topic = Topic::kCode,
           .rule = "code-unexplained",
           .severity = Severity::kHigh,
           .confidence = Confidence::kLow,
           .offset = begin + at,
           .length = kTable[i].text.size(),
           .message = "among bytes that no structure explains stands what " + std::string(kTable[i].what),
           .remedy = "do not load it; ask its publisher for the model in a format that is read"});
    }
  }
}

}  // namespace sallyport::formats::inspect
