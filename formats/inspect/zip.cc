// Zip archives, in every reading that a loader may have of them, and what PyTorch and NumPy keep in them.
#include "formats/zip.h"

#include <algorithm>
#include <map>

#include "formats/inspect/archive_paths.h"
#include "formats/inspect/torch_package.h"
#include "formats/tar.h"
#include "formats/torch_storage.h"

namespace sallyport::formats::inspect {
namespace {

bool plausible(const Layer& layer) { return zip::is_zip(layer.bytes); }

// What is unpacked of a packed data.pkl to learn its storages.
constexpr std::size_t kTorchPickleMax = 64 * limits::kMiB;

std::string_view kind_of(const zip::Archive& archive) {
  const auto any = [&](std::string_view ending) {
    return std::any_of(archive.members.begin(), archive.members.end(),
                       [&](const zip::Member& member) { return member.name.ends_with(ending); });
  };
  if (any("/bytecode.pkl")) return "torchscript-mobile";
  if (any("/.data/extern_modules")) return "torch-package";
  if (any("/archive_format") || any("serialized_exported_program.json")) return "torch-export";
  if (any("/data.pkl")) return any("/constants.pkl") ? "torchscript" : "pytorch-zip";
  return any(".npy") ? "npz" : "zip";
}

std::optional<Codec> codec_of_method(std::uint16_t method) {
  switch (method) {
    case 0:
      return Codec::kNone;
    case 8:
      return Codec::kDeflate;
    case 12:
      return Codec::kBzip2;
    case 14:
      return Codec::kLzmaZip;
    case 93:
      return Codec::kZstd;
    case 95:
      return Codec::kXz;
    default:
      return std::nullopt;
  }
}

// Whether the name is that of a tensor whose type stands elsewhere in the archive: FOLDER/constants/0 of
// TorchScript, .data/0.storage of a package, data/weights/weight_0 of an exported program.
bool is_tensor(std::string_view kind, std::string_view name) {
  const std::size_t slash = name.rfind('/');
  if (slash == std::string_view::npos) return false;
  const std::string_view folder = name.substr(0, slash);
  const std::string_view file = name.substr(slash + 1);
  if (kind == "torch-package") return folder.ends_with("/.data") && file.ends_with(".storage");
  if (kind == "torch-export") {
    return (folder.ends_with("data/weights") && file.starts_with("weight_")) ||
           (folder.ends_with("data/constants") && file.starts_with("tensor_"));
  }
  return kind.starts_with("torchscript") &&
         (folder.ends_with("/data") || folder.ends_with("/constants") || folder.ends_with("/tensors"));
}

// torch.save keeps the bytes of each storage in NAME/data/KEY; NAME/data.pkl says which and how many.
using Storages = std::map<std::string, std::uint64_t>;

Storages storages_of(const zip::Archive& archive) {
  constexpr std::string_view kPickle = "/data.pkl";
  Storages out;
  for (const zip::Member& member : archive.members) {
    if (!member.name.ends_with(kPickle) || member.overlaps) continue;
    const std::string folder = member.name.substr(0, member.name.size() - kPickle.size()) + "/data/";
    const std::optional<Codec> codec = codec_of_method(member.method);
    if (!codec) continue;
    Bytes unpacked;
    if (*codec != Codec::kNone) unpacked = unpack(*codec, member.data, kTorchPickleMax, member.size).bytes;
    const BytesView pickle = *codec == Codec::kNone ? member.data : BytesView(unpacked);
    for (const auto& [key, bytes] : read_torch_storages(pickle).bytes_of) {
      const auto [known, is_new] = out.emplace(folder + key, bytes);
      if (!is_new && known->second != bytes) known->second = 0;
    }
  }
  return out;
}

Role role_of(const zip::Member& member, std::string_view kind, const Storages& storages) {
  if (is_tensor(kind, member.name)) return Role::kTyped;
  const auto storage = storages.find(member.name);
  const std::uint64_t size = member.method == zip::kStored ? member.data.size() : member.size;
  return storage != storages.end() && storage->second == size ? Role::kTyped : Role::kMember;
}

void nest_member(Probe& probe, const zip::Member& member, Role role) {
  const std::string name = member.name;
  observe_paths(probe, member.header_offset, name, "", false);
  if (member.overlaps) {
    probe.observe({.topic = Topic::kArchive,
                   .rule = "zip-members-overlap",
                   .offset = member.header_offset,
                   .message = "member " + shown(name) + " overlaps another one, as in archives that expand "
                              "without end",
                   .remedy = "do not unpack it"});
    return;
  }
  const std::optional<Codec> codec = codec_of_method(member.method);
  if (!codec) {
    probe.unread(member.data_offset, member.data.size(),
                 shown(name) + ": zip method " + std::to_string(member.method) + " is not opened");
    return;
  }
  if (member.data.empty()) return;
  std::optional<std::uint64_t> size;
  if (member.size_known) size = member.size;
  probe.nest(name, member.data_offset, member.data.size(), *codec, role, size);
}

// An archive that is the last member of a tar, as in NeMo's models, is found by its end record; it is opened
// as that member.
bool is_member_of_tar(BytesView bytes, const zip::Archive& archive) {
  if (!tar::is_tar(bytes) || archive.members.empty()) return false;
  std::uint64_t begin = 0;
  std::uint64_t end = bytes.size();
  for (const zip::Gap& gap : archive.gaps) {
    if (gap.offset == 0) begin = gap.length;
    if (gap.offset + gap.length == bytes.size()) end = gap.offset;
  }
  const tar::Archive around = tar::parse(bytes);
  return std::ranges::any_of(around.members, [&](const tar::Member& member) {
    return member.offset <= begin && end <= member.offset + member.data.size();
  });
}

void inspect_zip(Probe& probe) {
  const Result<zip::Archive> archive = zip::parse(probe.bytes());
  if (archive && is_member_of_tar(probe.bytes(), *archive)) return;
  if (!archive) {
    // Some file has the letters of an end record in its last bytes; only a real archive can exceed a limit.
    if (archive.error().kind != ErrorKind::kLimit) return;
    probe.observe({.topic = Topic::kArchive,
                   .rule = "archive-too-many-members",
                   .message = archive.error().message,
                   .remedy = "do not unpack it"});
    probe.unread(0, 0, archive.error().message);
    return;
  }
  const std::string_view kind = kind_of(*archive);
  probe.claim(kind);
  if (!archive->has_end) {
    probe.unread(probe.bytes().size(), 0, "zip: the archive is cut short: no end record was found");
  }
  std::uint64_t at = 0;
  for (const zip::Gap& gap : archive->gaps) {
    probe.account(at, gap.offset - at);
    at = gap.offset + gap.length;
  }
  probe.account(at, probe.bytes().size() - at);
  for (const zip::Disagreement& d : archive->disagreements) {
    probe.observe({.topic = Topic::kStructure,
                   .rule = "zip-loaders-disagree",
                   .confidence = Confidence::kMedium,
                   .offset = d.offset,
                   .message = "loaders disagree on what the archive holds: " + d.what,
                   .remedy = "ask the publisher for an archive that was written by an ordinary tool"});
  }
  if (kind == "torch-package") judge_torch_package(probe, *archive);
  const Storages storages = kind == "pytorch-zip" ? storages_of(*archive) : Storages();
  for (const zip::Member& member : archive->members) {
    nest_member(probe, member, role_of(member, kind, storages));
  }
}

}  // namespace

extern const Inspector zip_inspector;
const Inspector zip_inspector{.id = "zip", .plausible = plausible, .inspect = inspect_zip};

}  // namespace sallyport::formats::inspect
