// MessagePack: Flax's weights and other programs' data. The values are data; bytes that look like a pickle
// are followed, since such programs as write them (msgpack-numpy's arrays of objects) load them again.
#include "formats/msgpack.h"

#include "formats/inspect/hidden.h"
#include "formats/inspect/inspect.h"
#include "formats/utf8.h"

namespace sallyport::formats::inspect {
namespace {

bool is_named(const Layer& layer) {
  return layer.name.ends_with(".msgpack") || layer.name.ends_with(".flax") || layer.name.ends_with(".mpk");
}

bool plausible(const Layer& layer) {
  return layer.role != Role::kTyped && (is_named(layer) || msgpack::may_begin(layer.bytes));
}

void inspect_msgpack(Probe& probe) {
  const Result<msgpack::Document> read = msgpack::read(probe.bytes());
  if (!read) {
    if (is_named(probe.layer())) probe.unread(0, probe.bytes().size(), printable(read.error().message));
    return;
  }
  probe.claim(read->arrays > 0 ? "flax-msgpack" : "msgpack");
  probe.account(0, probe.bytes().size());
  for (const std::string& problem : read->problems) {
    probe.observe({.topic = Topic::kStructure,
                   .rule = "msgpack-array",
                   .severity = Severity::kMedium,
                   .message = problem,
                   .remedy = "ask the publisher for the weights as Flax writes them, or as safetensors"});
  }
  for (const msgpack::Extension& extension : read->unknown) {
    probe.unread(
        extension.offset, extension.length,
        "msgpack: an extension of type " + std::to_string(extension.type) + ", which is some program's own");
  }
  for (const msgpack::Blob& blob : read->blobs) {
    const BytesView bytes = probe.bytes().subspan(blob.offset, blob.length);
    if (bytes.empty() || bytes.back() != '.' || !may_begin_pickle(bytes, 0)) continue;
    probe.nest("bytes at " + std::to_string(blob.offset), blob.offset, blob.length, Codec::kNone,
               Role::kMember);
  }
}

}  // namespace

extern const Inspector msgpack_inspector;
const Inspector msgpack_inspector{.id = "msgpack", .plausible = plausible, .inspect = inspect_msgpack};

}  // namespace sallyport::formats::inspect
