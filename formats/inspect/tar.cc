// Tar archives: each member is a layer.
#include "formats/tar.h"

#include "formats/inspect/inspect.h"

namespace sallyport::formats::inspect {
namespace {

bool plausible(const Layer& layer) { return tar::is_tar(layer.bytes); }

void inspect_tar(Probe& probe) {
  const tar::Archive archive = tar::parse(probe.bytes());
  probe.claim("tar");
  probe.account(0, archive.end);
  for (const tar::Member& member : archive.members) {
    if (!member.data.empty()) probe.nest(member.name, member.offset, member.data.size());
  }
  if (archive.error) {
    probe.unread(archive.end, probe.bytes().size() - archive.end, archive.error->message);
    return;
  }
  // Behind the end are blocks of zeros up to the size of a record.
  const BytesView rest = probe.bytes().subspan(archive.end);
  for (const std::uint8_t byte : rest) {
    if (byte != 0) return;
  }
  probe.account(archive.end, rest.size());
}

}  // namespace

extern const Inspector tar_inspector;
const Inspector tar_inspector{.id = "tar", .plausible = plausible, .inspect = inspect_tar};

}  // namespace sallyport::formats::inspect
