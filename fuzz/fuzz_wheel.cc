// Wheels and locks of hashes: what is laid out lies inside and has the digest that is said.
#include <cstdlib>

#include "core/bytes.h"
#include "formats/hash_lock.h"
#include "formats/wheel.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sallyport;
  const BytesView bytes(data, size);
  if (const auto files = formats::read_wheel(bytes)) {
    for (const formats::WheelFile& file : *files) {
      if (file.path.empty() || file.path.front() == '/' ||
          ("/" + file.path + "/").find("/../") != std::string::npos)
        std::abort();
      if (sha256(file.bytes) != file.digest) std::abort();
    }
  }
  if (const auto locked = formats::read_hash_lock(as_text(bytes))) {
    for (const formats::HashLocked& one : *locked) {
      if (one.digests.empty() || one.name.empty() || one.version.empty()) std::abort();
    }
  }
  (void)formats::parse_wheel_name(as_text(bytes));
  return 0;
}
