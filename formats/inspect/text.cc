// Plain text that no format claims: it is read by people, and no loader runs it.
#include <algorithm>

#include "formats/inspect/inspect.h"
#include "formats/utf8.h"

namespace sallyport::formats::inspect {
namespace {

bool plausible(const Layer& layer) {
  const auto is_control = [](std::uint8_t byte) {
    return byte < 0x20 && byte != '\n' && byte != '\r' && byte != '\t' && byte != '\f' && byte != 0x1B;
  };
  return std::none_of(layer.bytes.begin(), layer.bytes.end(), is_control) && is_utf8(as_text(layer.bytes));
}

void inspect_text(Probe& probe) {
  probe.claim("text");
  probe.account(0, probe.bytes().size());
}

}  // namespace

extern const Inspector text_inspector;
const Inspector text_inspector{
    .id = "text", .rank = Rank::kFallback, .plausible = plausible, .inspect = inspect_text};

}  // namespace sallyport::formats::inspect
