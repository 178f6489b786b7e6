#include "formats/git_index.h"

#include <algorithm>

#include "core/limits.h"

namespace sallyport::formats::git {
namespace {

constexpr std::size_t kStatBytes = 40;
constexpr std::uint16_t kExtended = 0x4000;

// Version 4: how many bytes of the path before to drop, then what follows them.
Result<std::string> packed_path(Reader& reader, const std::string& before) {
  std::uint64_t byte = TRY(reader.u8());
  std::uint64_t drop = byte & 0x7F;
  while ((byte & 0x80) != 0) {
    if (drop > limits::kPathBytesMax) return invalid("git index: path too long");
    byte = TRY(reader.u8());
    drop = (drop + 1) << 7 | (byte & 0x7F);
  }
  if (drop > before.size()) return invalid("git index: path shorter than nothing");
  return before.substr(0, before.size() - static_cast<std::size_t>(drop)) +
         std::string(TRY(reader.until('\0')));
}

// Versions 2 and 3: the path and one to eight zeros, so that entries are a multiple of eight bytes long.
Result<std::string> padded_path(Reader& reader, std::size_t begin) {
  std::string path(TRY(reader.until('\0')));
  while ((reader.offset() - begin) % 8 != 0) TRY(reader.u8());
  return path;
}

}  // namespace

Result<std::map<std::string, ObjectId>> read_index(BytesView bytes) {
  Reader reader(bytes);
  const BytesView magic = TRY(reader.take(4));
  const std::uint32_t version = TRY(reader.u32_be());
  const std::uint32_t count = TRY(reader.u32_be());
  if (as_text(magic) != "DIRC" || version < 2 || version > 4)
    return fail(ErrorKind::kUnsupported, "git index: of another version");
  if (count > limits::kManifestEntriesMax) return fail(ErrorKind::kLimit, "git index: too many files");
  std::map<std::string, ObjectId> out;
  std::string path;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::size_t begin = reader.offset();
    TRY(reader.take(kStatBytes));
    ObjectId id{};
    std::ranges::copy(TRY(reader.take(id.size())), id.begin());
    const std::uint16_t flags =
        static_cast<std::uint16_t>(TRY(reader.u8()) << 8 | static_cast<unsigned>(TRY(reader.u8())));
    if ((flags & kExtended) != 0) TRY(reader.take(2));
    path = version == 4 ? TRY(packed_path(reader, path)) : TRY(padded_path(reader, begin));
    if (path.size() > limits::kPathBytesMax) return invalid("git index: path too long");
    if (path.empty()) return invalid("git index: a file without a path");
    out.insert_or_assign(path, id);
  }
  return out;
}

}  // namespace sallyport::formats::git
