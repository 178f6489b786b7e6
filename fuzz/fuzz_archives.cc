// Archives and compressed streams: members and gaps lie in the file, and no stream gives more than its
// budget.
#include <cstdlib>

#include "formats/codec.h"
#include "formats/tar.h"
#include "formats/zip.h"

namespace {

using sallyport::BytesView;
constexpr std::size_t kBudget = 1 << 20;

void require(bool holds) {
  if (!holds) std::abort();
}

bool is_within(BytesView part, BytesView whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void read_archives(BytesView bytes) {
  (void)sallyport::formats::zip::is_zip(bytes);
  if (const auto archive = sallyport::formats::zip::parse(bytes)) {
    for (const auto& member : archive->members) require(is_within(member.data, bytes));
    for (const auto& gap : archive->gaps) require(gap.offset + gap.length <= bytes.size());
  }
  if (!sallyport::formats::tar::is_tar(bytes)) return;
  const auto archive = sallyport::formats::tar::parse(bytes);
  require(archive.end <= bytes.size());
  for (const auto& member : archive.members) require(is_within(member.data, bytes));
  for (const auto& gap : archive.gaps) require(gap.offset + gap.length <= bytes.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using sallyport::formats::Codec;
  const BytesView bytes(data, size);
  read_archives(bytes);
  for (const Codec codec : {Codec::kDeflate, Codec::kZlib, Codec::kGzip, Codec::kBzip2, Codec::kXz,
                            Codec::kLzma, Codec::kLzmaZip, Codec::kZstd, Codec::kLz4}) {
    const auto out = sallyport::formats::unpack(codec, bytes, kBudget, kBudget);
    require(out.bytes.size() <= kBudget && out.consumed <= size);
  }
  return 0;
}
