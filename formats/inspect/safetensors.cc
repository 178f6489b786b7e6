// safetensors: a header and typed arrays, every byte of which is accounted for or the file is refused.
#include "formats/safetensors.h"

#include "formats/inspect/inspect.h"

namespace sallyport::formats::inspect {
namespace {

// A little-endian length and then JSON: nothing else that is loaded starts like this.
bool plausible(const Layer& layer) {
  constexpr std::size_t kPrefix = 8;
  return layer.bytes.size() > kPrefix && layer.bytes[kPrefix] == '{' && layer.bytes[7] == 0 &&
         layer.bytes[6] == 0;
}

void inspect_safetensors(Probe& probe) {
  probe.claim("safetensors");
  const Result<SafeTensors> read = read_safetensors(probe.bytes());
  if (!read) {
    probe.observe({.topic = Topic::kStructure,
                   .rule = "safetensors-malformed",
                   .message = read.error().message,
                   .remedy = "ask the publisher for a file that was written by the safetensors library"});
    probe.unread(0, probe.bytes().size(), read.error().message);
    return;
  }
  // The reader takes a file only when every byte of it belongs to the header or to an array.
  probe.account(0, probe.bytes().size());
}

}  // namespace

extern const Inspector safetensors_inspector;
const Inspector safetensors_inspector{
    .id = "safetensors", .plausible = plausible, .inspect = inspect_safetensors};

}  // namespace sallyport::formats::inspect
