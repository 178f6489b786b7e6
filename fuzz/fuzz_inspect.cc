// The walk over a file: every place it names lies in the file, a complete answer has explained every byte,
// and the same bytes get the same answer.
#include <cstdlib>

#include "formats/inspect/inspect.h"

namespace {

namespace inspect = sallyport::formats::inspect;

inspect::Inspection walk(sallyport::BytesView bytes) {
  inspect::Options options;
  options.unpacked_bytes_max = 8 << 20;
  options.layers_max = 200;
  return inspect::inspect(bytes, options);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const inspect::Inspection seen = walk({data, size});
  if (seen.bytes_total < size || seen.coverage() < 0 || seen.coverage() > 1) std::abort();
  if (seen.complete() != (seen.unread.empty() && seen.coverage() == 1)) std::abort();
  for (const auto& stretch : seen.unaccounted) {
    if (stretch.place.in_place && stretch.offset + stretch.length > size) std::abort();
  }
  for (const auto& observation : seen.seen) {
    if (observation.message.empty() || observation.rule.empty()) std::abort();
    if (observation.place.in_place && observation.offset > size) std::abort();
  }
  const inspect::Inspection again = walk({data, size});
  if (again.seen.size() != seen.seen.size() || again.bytes_unaccounted != seen.bytes_unaccounted)
    std::abort();
  return 0;
}
