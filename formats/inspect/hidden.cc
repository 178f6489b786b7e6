#include "formats/inspect/hidden.h"

#include <algorithm>
#include <string_view>

#include "core/limits/hidden.h"
#include "formats/pickle_scan.h"

namespace sallyport::formats::inspect {
namespace {

using pickle::Concern;
using pickle::How;
using pickle::Judgement;

constexpr std::size_t kNameMax = 100;

bool is_name_part(std::uint8_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

// Where a line that could be a name ends, or npos.
std::size_t name_line(BytesView bytes, std::size_t at) {
  const std::size_t most = std::min(bytes.size(), at + kNameMax);
  std::size_t end = at;
  while (end < most && is_name_part(bytes[end])) ++end;
  return end > at && end < bytes.size() && bytes[end] == '\n' ? end + 1 : std::string_view::npos;
}

bool matters(const Concern& concern, bool whole) {
  if (concern.how == How::kImported) return false;
  return concern.judgement == Judgement::kDangerous || (whole && concern.judgement != Judgement::kAllowed);
}

// What the pickle at the front of the bytes would do, where that matters; answers where it ends.
std::size_t look_at(Probe& probe, BytesView bytes, std::uint64_t offset) {
  const pickle::PolicyTable* packs = probe.options().packs;
  const pickle::Report report =
      pickle::scan_pickles(bytes, false, packs != nullptr ? *packs : pickle::PolicyTable::built_in());
  const bool whole = !report.error && bytes[0] == 0x80;
  bool said = false;
  for (const Concern& concern : report.concerns) {
    if (!matters(concern, whole)) continue;
    said = true;
    probe.observe(
        {.topic = Topic::kCode,
         .rule = "pickle-hidden",
         .severity = concern.judgement == Judgement::kDangerous ? Severity::kCritical : Severity::kHigh,
         .confidence = Confidence::kMedium,
         .offset = offset + concern.offset,
         .message = "a pickle among bytes that no structure explains: loading it would call " + concern.call +
                    ", which " + concern.reason,
         .remedy = "do not load it; ask its publisher for the model itself"});
  }
  return said ? report.end : 0;
}

}  // namespace

bool may_begin_pickle(BytesView bytes, std::size_t at) {
  if (bytes[at] == 0x80) return at + 2 < bytes.size() && bytes[at + 1] >= 2 && bytes[at + 1] <= 5;
  if (bytes[at] != 'c') return false;
  const std::size_t second = name_line(bytes, at + 1);
  return second != std::string_view::npos && name_line(bytes, second) != std::string_view::npos;
}

void look_for_pickles(Probe& probe, std::uint64_t begin, std::uint64_t end, std::size_t& tries) {
  const auto first = static_cast<std::size_t>(begin);
  const BytesView bytes =
      probe.bytes().subspan(first, std::min(static_cast<std::size_t>(end - begin), limits::kHiddenBytesMax));
  const std::string_view text = as_text(bytes);
  std::size_t binary = 0;
  std::size_t global = 0;
  for (std::size_t at = 0; tries > 0; ++at) {
    if (binary != text.npos && binary <= at) binary = text.find('\x80', at);
    if (global != text.npos && global <= at) global = text.find('c', at);
    at = std::min(binary, global);
    if (at == text.npos) return;
    if (!may_begin_pickle(bytes, at)) continue;
    --tries;
    const BytesView window = bytes.subspan(at, std::min(bytes.size() - at, limits::kHiddenWindow));
    at += std::max<std::size_t>(look_at(probe, window, begin + at), 1) - 1;
  }
}

}  // namespace sallyport::formats::inspect
