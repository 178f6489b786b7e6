// 7z: what is read of the headers lies in the file, and no folder unpacks to more than it announces.
#include <cstdlib>

#include "formats/sevenzip.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace sevenzip = sallyport::formats::sevenzip;
  constexpr std::size_t kBytesMax = 1 << 20;
  const sallyport::BytesView bytes(data, size);
  const auto archive = sevenzip::parse(bytes);
  if (!archive) return 0;
  for (const auto& folder : archive->folders) {
    if (folder.offset > size || folder.length > size - folder.offset) std::abort();
    if (!folder.shut.empty()) continue;
    if (sevenzip::unpack(bytes, folder, kBytesMax).bytes.size() > folder.size()) std::abort();
  }
  for (const auto& member : archive->members) {
    if (member.folder >= archive->folders.size()) std::abort();
  }
  return 0;
}
