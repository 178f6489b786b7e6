// The index of a TensorFlow checkpoint: accounted for whole, and what it says of the data files beside it.
#include "formats/inspect/inspect.h"
#include "formats/tensor_bundle.h"
#include "formats/utf8.h"

namespace sallyport::formats::inspect {
namespace {

bool plausible(const Layer& layer) { return layer.role != Role::kTyped && is_tensor_bundle(layer.bytes); }

void inspect_checkpoint(Probe& probe) {
  probe.claim("tensorflow-checkpoint");
  const Result<TensorBundle> read = read_tensor_bundle(probe.bytes());
  if (!read) {
    probe.unread(0, probe.bytes().size(), printable(read.error().message));
    return;
  }
  probe.account(0, probe.bytes().size());
  const std::string& name = probe.layer().name;
  for (const BundleTensor& tensor : read->tensors) {
    std::uint64_t end = 0;
    if (tensor.shard >= read->shards || __builtin_add_overflow(tensor.offset, tensor.size, &end)) {
      probe.observe({.topic = Topic::kStructure,
                     .rule = "checkpoint-extent",
                     .message = "the tensor " + shown(tensor.name) + " lies beyond any data file",
                     .remedy = "ask the publisher for the checkpoint as TensorFlow wrote it"});
      continue;
    }
    const std::string data = bundle_data_name(name, tensor.shard, read->shards);
    if (data.empty()) continue;
    probe.refer({.topic = Topic::kGraph,
                 .path = data,
                 .what = "the tensor " + shown(tensor.name),
                 .data_begin = tensor.offset,
                 .bytes_min = end});
  }
}

}  // namespace

extern const Inspector checkpoint_inspector;
const Inspector checkpoint_inspector{
    .id = "checkpoint", .plausible = plausible, .inspect = inspect_checkpoint};

}  // namespace sallyport::formats::inspect
