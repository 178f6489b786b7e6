// What a confined command says to the broker: whatever is read as a request names a destination in one way.
#include <cstdlib>

#include "core/bytes.h"
#include "formats/authority.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sallyport::formats;
  const std::string_view text = sallyport::as_text({data, size});
  const auto asked = parse_connect(text);
  if (asked && (asked->host.empty() || asked->port == 0)) std::abort();
  const auto named = parse_authority(text);
  if (!named) return 0;
  const auto again = parse_authority(text_of(*named));
  if (!again || *again != *named) std::abort();
  return 0;
}
