// 7z archives: each member is a layer, unpacked with its folder.
#include "formats/sevenzip.h"

#include <algorithm>
#include <span>

#include "formats/inspect/archive_paths.h"

namespace sallyport::formats::inspect {
namespace {

constexpr std::string_view kRemedy = "do not unpack it; ask its publisher for the model itself";

bool plausible(const Layer& layer) { return sevenzip::is_7z(layer.bytes); }

// One archive, folder by folder; what is unpacked of all of them together is bounded.
class Opening {
 public:
  Opening(Probe& probe, const sevenzip::Archive& archive)
      : probe_(probe),
        archive_(archive),
        left_(std::min<std::uint64_t>(
            probe.options().unpacked_bytes_max,
            std::max<std::uint64_t>(limits::kExpansionFree,
                                    probe.bytes().size() * limits::kExpansionRatioMax))) {}

  void run() {
    auto member = archive_.members.begin();
    for (std::size_t f = 0; f < archive_.folders.size(); ++f) {
      const auto first = member;
      while (member != archive_.members.end() && member->folder == f) ++member;
      open(archive_.folders[f], {first, member});
    }
  }

 private:
  void shut(const sevenzip::Folder& folder, std::span<const sevenzip::Member> members,
            const std::string& why) {
    const std::string name = members.empty() ? "a folder" : shown(members.front().name);
    probe_.unread(folder.offset, folder.length, "7z: " + name + " " + why);
  }

  void open(const sevenzip::Folder& folder, std::span<const sevenzip::Member> members) {
    for (const sevenzip::Member& member : members) {
      observe_paths(probe_, folder.offset, member.name, "", false);
    }
    if (!folder.shut.empty()) return shut(folder, members, folder.shut);
    Inflated unpacked = sevenzip::unpack(probe_.bytes(), folder, static_cast<std::size_t>(left_));
    left_ -= std::min<std::uint64_t>(left_, unpacked.bytes.size());
    if (unpacked.over_budget) {
      probe_.observe({.topic = Topic::kArchive,
                      .rule = "archive-expands-too-far",
                      .offset = folder.offset,
                      .length = folder.length,
                      .message = "a folder unpacks from " + std::to_string(folder.length) + " bytes to " +
                                 std::to_string(unpacked.bytes.size()) + " and more",
                      .remedy = std::string(kRemedy)});
      left_ = std::min<std::uint64_t>(left_, limits::kAfterBombBytesMax);
    }
    if (unpacked.error) shut(folder, members, "is not whole: " + unpacked.error->message);
    if (members.size() == 1 && !members.front().symbolic && members.front().size >= unpacked.bytes.size()) {
      if (!unpacked.bytes.empty()) probe_.nest(members.front().name, std::move(unpacked.bytes));
      return;
    }
    for (const sevenzip::Member& member : members) take(folder, member, unpacked.bytes);
  }

  void take(const sevenzip::Folder& folder, const sevenzip::Member& member, BytesView unpacked) {
    if (member.offset >= unpacked.size()) return;
    const BytesView rest = unpacked.subspan(static_cast<std::size_t>(member.offset));
    const BytesView bytes =
        rest.first(static_cast<std::size_t>(std::min<std::uint64_t>(member.size, rest.size())));
    if (member.symbolic) {
      observe_paths(probe_, folder.offset, member.name,
                    std::string(as_text(bytes.first(std::min(bytes.size(), limits::kPathBytesMax)))), true);
    }
    if (!bytes.empty()) probe_.nest(member.name, Bytes(bytes.begin(), bytes.end()));
  }

  Probe& probe_;
  const sevenzip::Archive& archive_;
  std::uint64_t left_;
};

void inspect_7z(Probe& probe) {
  probe.claim("7z");
  const Result<sevenzip::Archive> archive = sevenzip::parse(probe.bytes());
  if (!archive) {
    probe.unread(0, probe.bytes().size(), archive.error().message);
    return;
  }
  for (const sevenzip::Stretch& part : archive->used) probe.account(part.offset, part.length);
  for (const std::string& name : archive->empty) observe_paths(probe, 0, name, "", false);
  Opening(probe, *archive).run();
}

}  // namespace

extern const Inspector sevenzip_inspector;
const Inspector sevenzip_inspector{.id = "sevenzip", .plausible = plausible, .inspect = inspect_7z};

}  // namespace sallyport::formats::inspect
