// NumPy arrays: the header, items of a known type, or a pickle where the items are objects.
#include "formats/npy.h"

#include <limits>

#include "formats/inspect/inspect.h"

namespace sallyport::formats::inspect {
namespace {

bool plausible(const Layer& layer) { return is_npy(layer.bytes); }

// Bytes that the header calls for; nothing when the product overflows or the type is one of fields.
std::optional<std::uint64_t> items_size(const NpyHeader& header, bool& overflows) {
  std::uint64_t size = item_bytes(header.descr);
  if (size == 0) return std::nullopt;
  for (const std::uint64_t extent : header.shape) {
    if (extent != 0 && size > std::numeric_limits<std::uint64_t>::max() / extent) {
      overflows = true;
      return std::nullopt;
    }
    size *= extent;
  }
  return size;
}

Observation malformed(std::uint64_t offset, std::string message) {
  return {.topic = Topic::kStructure,
          .rule = "npy-malformed",
          .offset = offset,
          .message = std::move(message),
          .remedy = "write the array again with numpy.save"};
}

void inspect_npy(Probe& probe) {
  probe.claim("npy");
  const Result<NpyHeader> header = read_npy_header(probe.bytes());
  if (!header) {
    probe.observe(malformed(0, header.error().message));
    probe.unread(0, probe.bytes().size(), header.error().message);
    return;
  }
  const std::uint64_t rest = probe.bytes().size() - header->data_offset;
  probe.account(0, header->data_offset);
  if (header->has_objects) {
    if (rest == 0) probe.unread(header->data_offset, 0, "npy: the objects of the array are cut off");
    probe.nest("objects", header->data_offset, rest);
    return;
  }
  bool overflows = false;
  const std::optional<std::uint64_t> size = items_size(*header, overflows);
  if (overflows) {
    Observation overflow = malformed(0, "npy: the product of the shape overflows 64 bits");
    overflow.topic = Topic::kArchive;
    overflow.rule = "npy-shape-overflows";
    probe.observe(std::move(overflow));
  } else if (size && *size > rest) {
    probe.observe(malformed(header->data_offset, "npy: the shape calls for " + std::to_string(*size) +
                                                     " bytes of items, the file has " +
                                                     std::to_string(rest)));
  } else if (size) {
    probe.nest("items", header->data_offset, *size, Codec::kNone, Role::kTyped);
  }
}

}  // namespace

extern const Inspector npy_inspector;
const Inspector npy_inspector{.id = "npy", .plausible = plausible, .inspect = inspect_npy};

}  // namespace sallyport::formats::inspect
