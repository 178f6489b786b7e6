// Tar archives: each member is a layer.
#include "formats/tar.h"

#include "formats/inspect/archive_paths.h"

namespace sallyport::formats::inspect {
namespace {

bool plausible(const Layer& layer) { return tar::is_tar(layer.bytes); }

void nest_member(Probe& probe, const tar::Member& member) {
  observe_paths(probe, member.header, member.name, member.link, member.symbolic);
  if (member.sparse) {
    probe.unread(member.offset, member.data.size(), shown(member.name) + ": the holes of a sparse member");
  }
  if (!member.data.empty()) probe.nest(member.name, member.offset, member.data.size());
}

void inspect_tar(Probe& probe) {
  const tar::Archive archive = tar::parse(probe.bytes());
  probe.claim("tar");
  std::uint64_t at = 0;
  for (const tar::Gap& gap : archive.gaps) {
    probe.account(at, gap.offset - at);
    at = gap.offset + gap.length;
  }
  probe.account(at, archive.end - at);
  for (const tar::Disagreement& d : archive.disagreements) {
    probe.observe({.topic = Topic::kStructure,
                   .rule = "tar-loaders-disagree",
                   .confidence = Confidence::kMedium,
                   .offset = d.offset,
                   .message = "loaders disagree on what the archive holds: " + d.what,
                   .remedy = "ask the publisher for an archive that was written by an ordinary tool"});
  }
  for (const tar::Member& member : archive.members) nest_member(probe, member);
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
