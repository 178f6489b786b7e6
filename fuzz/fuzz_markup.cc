// HTML and Markdown of answers: what was made safe has no hazard left, and is not changed a second time. The
// same bytes as a crawled page: what is hidden lies in it.
#include <cstdlib>

#include "core/bytes.h"
#include "formats/html.h"
#include "formats/markdown.h"
#include "formats/page_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace formats = sallyport::formats;
  const std::string_view text = sallyport::as_text({data, size});
  for (const auto& sighting : formats::html::hazards_of(text)) {
    if (sighting.offset > size) std::abort();
  }
  for (const auto& hidden : formats::read_page(text).hidden) {
    if (hidden.offset > size || hidden.text.empty()) std::abort();
  }
  const std::string safe = formats::html::sanitize(text);
  if (!formats::html::hazards_of(safe).empty() || formats::html::sanitize(safe) != safe) std::abort();
  const std::string neutral = formats::markdown::neutralise(text);
  if (!formats::markdown::hazards_of(neutral).empty()) std::abort();
  return 0;
}
